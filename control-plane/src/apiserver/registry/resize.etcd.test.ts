import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Kind, type Pod, podKind } from '@davit/api'
import { pod, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

const PODS = podKind as unknown as Kind
const at = (name: string) => ({ name, namespace: 'default' })
const resources = (cpu: string) => ({ requests: { cpu }, limits: { cpu } })

test('resize changes resources and nothing else, and counts as a new generation', async () => {
  const containers = [{ name: 'main', image: 'app:1', resources: { requests: { cpu: '100m' }, limits: { cpu: '1' } } }]
  const created = (await cluster.client.resource(podKind).create(pod('sized', { containers }))) as Pod
  assert.equal(created.metadata.generation, 1)
  const patch = (container: object) =>
    cluster.registry.patch(
      cluster.context,
      PODS,
      at('sized'),
      { type: 'strategic', body: { spec: { containers: [{ name: 'main', ...container }] } } },
      'resize',
    )

  const resized = (await patch({ image: 'other:1', resources: { requests: { cpu: '200m' } } })).object as Pod
  assert.deepEqual(resized.spec.containers[0]?.resources, { requests: { cpu: '200m' }, limits: { cpu: '1' } })
  assert.equal(resized.spec.containers[0]?.image, 'app:1')
  assert.equal(resized.metadata.generation, 2)
  const same = (await patch({ resources: { requests: { cpu: '200m' } } })).object as Pod
  assert.deepEqual([same.metadata.generation, same.metadata.resourceVersion], [2, resized.metadata.resourceVersion])

  await assert.rejects(patch({ resources: { requests: { cpu: '2' } } }), {
    code: 422,
    message: /spec.containers\[0\].resources.requests: Invalid value: "?2"?: must be less than or equal to cpu limit of 1/,
  })
  await assert.rejects(patch({ resources: { requests: { cpu: null }, limits: { cpu: null } } }), {
    code: 422,
    message: /Pod QOS Class may not change as a result of resizing/,
  })
  const put = structuredClone(same)
  if (put.spec.containers[0]) put.spec.containers[0].resources = resources('500m')
  const ordinary = cluster.registry.update(cluster.context, PODS, at('sized'), put)
  await assert.rejects(ordinary, { code: 422, message: /pod updates may not change fields other than/ })
})

test('a pod behind gates says so from its first moment', async () => {
  const gated = (await cluster.client.resource(podKind).create(pod('gated', { schedulingGates: [{ name: 'example.com/wait' }] }))) as Pod
  const { status, reason, message } = gated.status?.conditions?.find(({ type }) => type === 'PodScheduled') ?? {}
  assert.deepEqual([status, reason, message], ['False', 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates'])
})
