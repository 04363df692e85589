/** The recount of ResourceQuotas against a real etcd. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createEventRecorder, namespaceKind, podKind, type ResourceQuota, resourceQuotaKind, systemClock } from '@davit/api'
import { namespace, pod, startTestRegistry, type TestRegistry } from '../../apiserver/registry/testing/index.ts'
import { createContext } from '../context.ts'
import { runResourceQuotaController } from './controller.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const stop = new AbortController()
let cluster: TestRegistry
let running: Promise<void>
before(async () => {
  cluster = await startTestRegistry()
  const { client } = cluster
  const common = { clock: systemClock, log, signal: stop.signal }
  const events = createEventRecorder(client, { component: 'test', ...common })
  running = runResourceQuotaController(createContext({ client, events, ...common }))
})
after(async () => {
  stop.abort()
  await running.catch(() => {})
  await cluster[Symbol.asyncDispose]()
})

test('a new quota quickly reports hard and used totals in status, and again when it limits something else', async () => {
  await cluster.client.resource(namespaceKind).create(namespace('reported'))
  const containers = [{ name: 'main', image: 'x', resources: { requests: { memory: '64Mi' } } }]
  await cluster.client.resource(podKind).create(pod('p', { containers }, { namespace: 'reported' }))
  const quotas = cluster.client.resource(resourceQuotaKind)
  const metadata = { name: 'q', namespace: 'reported' }
  await quotas.create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { pods: '3' } } })
  const reported = async (): Promise<NonNullable<ResourceQuota['status']>[]> => {
    const seen: NonNullable<ResourceQuota['status']>[] = []
    const { spec } = await quotas.get(metadata)
    await cluster.event(resourceQuotaKind, { namespace: 'reported' }, ({ object }) => {
      const { status } = object as ResourceQuota
      if (status?.used) seen.push(status)
      return Object.keys(status?.used ?? {}).length === Object.keys(spec.hard ?? {}).length
    })
    return seen
  }
  assert.deepEqual((await reported()).at(-1), { hard: { pods: '3' }, used: { pods: '1' } })
  await quotas.patch(metadata, { type: 'merge', body: { spec: { hard: { 'requests.memory': '1Gi' } } } })
  assert.deepEqual((await reported()).at(-1), {
    hard: { pods: '3', 'requests.memory': '1Gi' },
    used: { pods: '1', 'requests.memory': '64Mi' },
  })
})
