/** What the server adds to workloads as it stores them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type DaemonSet, daemonSetKind, type StatefulSet, statefulSetKind } from '@davit/api'
import { startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

const labels = { app: 'web' }
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'web', image }] } })
const metadata = (name: string) => ({ name, namespace: 'default' })
const merge = (body: object) => ({ type: 'merge', body }) as const

test('the template of a DaemonSet is counted by the server alone', async () => {
  const daemonSets = cluster.client.resource(daemonSetKind)
  const target = metadata('counted')
  const spec = { selector: { matchLabels: labels }, template: template('nginx:1.25') }
  const count = ({ metadata }: DaemonSet) => metadata.annotations?.['deprecated.daemonset.template.generation']
  assert.equal(count(await daemonSets.create({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: target, spec })), '1')
  const patch = async (value: object) => count(await daemonSets.patch(target, merge(value)))
  assert.equal(await patch({ metadata: { annotations: { 'deprecated.daemonset.template.generation': '7' } } }), '1')
  assert.equal(await patch({ spec: { minReadySeconds: 5 } }), '1')
  assert.equal(await patch({ spec: { template: template('nginx:1.26') } }), '2')
  assert.equal(await patch({ metadata: { annotations: null } }), '2')
})

test('the scale of a StatefulSet changes its spec, its status nothing but the status', async () => {
  const statefulSets = cluster.client.resource(statefulSetKind)
  const target = metadata('scaled')
  const spec = { serviceName: 'web', selector: { matchLabels: labels }, template: template('nginx:1.25') }
  await statefulSets.create({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: target, spec })
  const scaled = await statefulSets.patch(target, merge({ spec: { replicas: 4 } }), { subresource: 'scale' })
  assert.equal(scaled.spec.replicas, 4)
  const status = { replicas: 4, readyReplicas: 3 }
  const told = (await statefulSets.patch(target, merge({ spec: { replicas: 9 }, status }), { subresource: 'status' })) as StatefulSet
  assert.deepEqual([told.spec.replicas, told.status, told.metadata.generation], [4, status, 2])
  const tooMany = statefulSets.patch(target, merge({ status: { readyReplicas: 5 } }), { subresource: 'status' })
  await assert.rejects(tooMany, { code: 422, message: /status\.readyReplicas: Invalid value: 5: cannot be greater than status\.replicas/ })
})
