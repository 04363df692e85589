import assert from 'node:assert/strict'
import { it } from 'node:test'
import { endpointSliceKind, type Kind, nodeKind, podKind, serviceKind, systemClock } from '@davit/api'
import { startFakeAgents } from '../http/testing/fake-agents.ts'
import { createMemoryRegistry } from '../http/testing/memory-registry.ts'
import { createDrains } from './drain.ts'

const KINDS = [podKind, serviceKind, endpointSliceKind, nodeKind] as unknown as Kind[]
const [PODS, SERVICES, SLICES, NODES] = KINDS as [Kind, Kind, Kind, Kind]
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const ADMIN = { name: 'admin', groups: ['system:masters'] }
const SIGNAL = new AbortController().signal

const metadata = (name: string, extra: object = {}) => ({ name, namespace: 'default', ...extra })
const node = (name: string, ready: boolean) => ({
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})
const slice = (terminating: boolean) => ({
  metadata: metadata('web-1', { labels: { 'kubernetes.io/service-name': 'web' } }),
  endpoints: [{ addresses: ['10.244.0.2'], conditions: { ready: !terminating, terminating }, targetRef: { uid: 'me' } }],
})
const world = () => {
  const registry = createMemoryRegistry(KINDS)
  registry.put(PODS, { metadata: metadata('a', { uid: 'me', labels: { app: 'web' } }), spec: { nodeName: 'live' } })
  registry.put(SERVICES, { metadata: metadata('web'), spec: { selector: { app: 'web' } } })
  return registry
}

it('a drain waits for the endpoint to terminate, asks live nodes for that version, and names who did not answer', async () => {
  const asked: string[] = []
  await using agents = await startFakeAgents({
    live: (request, response) => {
      asked.push(request.url)
      response.writeHead(204).end()
    },
  })
  const registry = world()
  registry.put(NODES, node('live', true))
  registry.put(NODES, node('cut-off', true))
  registry.put(NODES, node('down', false))
  registry.put(SLICES, slice(false))
  let revision = 0
  const watch: typeof registry.watch = (...parameters) => {
    // The controller comes round only after the drain has seen the pod still offered.
    setImmediate(() => {
      revision = registry.put(SLICES, slice(true)).revision
    })
    return registry.watch(...parameters)
  }
  const drains = createDrains({ registry: { ...registry, watch }, tunnels: agents.tunnels, clock: systemClock, log: SILENT })
  const { resourceVersion, unanswered } = await drains.drain({ namespace: 'default', name: 'a', uid: 'me' }, ADMIN, SIGNAL)
  assert.equal(resourceVersion, String(revision))
  assert.deepEqual(asked, [`/barrier?resourceVersion=${revision}`])
  assert.deepEqual(unanswered, [{ node: 'cut-off', why: 'no tunnel' }])
})

it('a drain of a pod that no Service selects, or that is gone, asks nobody', async () => {
  await using agents = await startFakeAgents({})
  const registry = createMemoryRegistry(KINDS)
  registry.put(PODS, { metadata: metadata('a', { uid: 'me' }), spec: {} })
  const drains = createDrains({ registry, tunnels: agents.tunnels, clock: systemClock, log: SILENT })
  const none = { resourceVersion: '', unanswered: [] }
  assert.deepEqual(await drains.drain({ namespace: 'default', name: 'a', uid: 'me' }, ADMIN, SIGNAL), none)
  assert.deepEqual(await drains.drain({ namespace: 'default', name: 'a', uid: 'former' }, ADMIN, SIGNAL), none)
  assert.deepEqual(await drains.drain({ namespace: 'default', name: 'b', uid: 'me' }, ADMIN, SIGNAL), none)
})

it('a node may drain its own pods only', async () => {
  await using agents = await startFakeAgents({})
  const registry = world()
  const drains = createDrains({ registry, tunnels: agents.tunnels, clock: systemClock, log: SILENT })
  const other = { name: 'system:node:other', groups: ['system:nodes'] }
  await assert.rejects(drains.drain({ namespace: 'default', name: 'a', uid: 'me' }, other, SIGNAL), { reason: 'Forbidden' })
})

it('a drain stops waiting for a node as soon as it is known to be down', async () => {
  let asked = () => {}
  const isAsked = new Promise<void>(resolve => {
    asked = resolve
  })
  await using agents = await startFakeAgents({ live: () => asked() })
  const registry = world()
  registry.put(NODES, node('live', true))
  registry.put(SLICES, slice(true))
  let silentMs = 0
  const tunnels = { ...agents.tunnels, session: agents.tunnels.session, state: () => ({ connected: true, silentMs }) }
  const drains = createDrains({ registry, tunnels, clock: systemClock, log: SILENT })
  const began = performance.now()
  const drained = drains.drain({ namespace: 'default', name: 'a', uid: 'me' }, ADMIN, SIGNAL)
  await isAsked
  silentMs = 2600
  registry.put(NODES, node('live', false))
  assert.deepEqual((await drained).unanswered, [])
  assert.ok(performance.now() - began < 2_000)
})
