/** What the server adds to workloads as it stores them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type DaemonSet, daemonSetKind, type Job, type JobSpec, jobKind, type StatefulSet, statefulSetKind } from '@davit/api'
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

const job = (name: string, spec: Partial<JobSpec> = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { namespace: 'default', ...(name.endsWith('-') ? { generateName: name } : { name }) },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'pi', image: 'perl:5' }] } }, ...spec },
})

test('a Job selects its pods by its uid, and its pods have its name', async () => {
  const jobs = cluster.client.resource(jobKind)
  const { metadata, spec } = await jobs.create(job('pi-'))
  const { uid, name } = metadata
  assert.match(name ?? '', /^pi-.{5}$/)
  assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } })
  assert.deepEqual(spec.template.metadata?.labels, {
    'controller-uid': uid,
    'job-name': name,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
  })
  assert.equal(metadata.generation, 1)
  const suspended = await jobs.patch({ name: name ?? '', namespace: 'default' }, merge({ spec: { suspend: true } }))
  assert.equal(suspended.metadata.generation, 2)
})

test("a Job with a selector of its own keeps it; labels in place of the server's are refused", async () => {
  const jobs = cluster.client.resource(jobKind)
  const template = { ...job('x').spec.template, metadata: { labels: { own: 'yes' } } }
  const selector = { matchLabels: { own: 'yes' } }
  const { spec } = await jobs.create(job('manual', { manualSelector: true, selector, template }))
  assert.deepEqual([spec.selector, spec.template.metadata?.labels], [selector, { own: 'yes' }])
  const stolen = job('thief', { template: { ...template, metadata: { labels: { 'job-name': 'other' } } } })
  await assert.rejects(jobs.create(stolen), { code: 422, message: /labels\[job-name\]: Invalid value: .*: must be 'thief'/ })
  await assert.rejects(jobs.create(job('own', { selector })), { code: 422, message: /`selector` not auto-generated/ })
})

test('the end of a Job is told once', async () => {
  const jobs = cluster.client.resource(jobKind)
  const target = metadata('done')
  await jobs.create(job('done'))
  const conditions = ['SuccessCriteriaMet', 'Complete'].map(type => ({ type, status: 'True' }))
  const status = { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:01:00Z', succeeded: 1, conditions }
  const tell = (status: object) => jobs.patch(target, merge({ status }), { subresource: 'status' })
  await assert.rejects(tell({ ...status, completionTime: null }), { code: 422, message: /completionTime is required for Complete jobs/ })
  assert.equal((await tell(status)).status?.succeeded, 1)
  await assert.rejects(tell({ conditions: [] }), { code: 422, message: /cannot disable the terminal Complete=True condition/ })
  const found = await jobs.list({ namespace: 'default', fieldSelector: 'status.successful=1' })
  assert.deepEqual(
    found.items.map(({ metadata }) => metadata.name),
    ['done'],
  )
})
