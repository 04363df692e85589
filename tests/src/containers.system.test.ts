/** What a pod's containers may ask for, through an unmodified kubectl: resizing, gates, devices, looking into a running pod. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isPodReady, type Pod, podCondition, podKind } from '@davit/api'
import { startCluster, type TestCluster } from './cluster.ts'

const HEEDS_TERM = '"trap \'exit 0\' TERM; while :; do sleep 0.2 & wait $!; done"'
const podYaml = (name: string, more: string, container = '') => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  terminationGracePeriodSeconds: 1
  ${more}
  containers:
    - name: main
      image: busybox:1.36
      command: [sh, -c, ${HEEDS_TERM}]
      ${container}
`

describe('Containers, by kubectl', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startCluster({ nodes: 1, agentArgs: ['--device-resource', 'example.com/radio=2'] })
  })
  after(() => cluster?.stop())

  const out = async (...args: string[]) => (await cluster.kubectl(args)).stdout
  const untilPod = (name: string, what: string, is: (pod: Pod) => boolean | undefined) =>
    cluster.until(podKind, `${name} ${what}`, pods => pods.find(pod => pod.metadata.name === name && is(pod)))
  const resize = (name: string, requests: object, limits: object) => {
    const patch = JSON.stringify({ spec: { containers: [{ name: 'main', resources: { requests, limits } }] } })
    return cluster.kubectl(['patch', 'pod', name, '--subresource', 'resize', '--patch', patch], { allowFailure: true })
  }
  const limitOf = (pod: Pod) => pod.status?.containerStatuses?.[0]?.resources?.limits?.cpu

  it('changes CPU and memory of a pod that runs, without a restart', async () => {
    const resources = 'resources: { requests: { cpu: 100m, memory: 32Mi }, limits: { cpu: 200m, memory: 32Mi } }'
    await cluster.apply(podYaml('sized', '', resources))
    const [before] = await cluster.untilReady('sized', 1)
    assert.equal(before?.metadata.generation, 1)
    assert.match((await resize('sized', { cpu: '150m' }, { cpu: '300m', memory: '48Mi' })).stdout, /pod\/sized patched/)
    const after = await untilPod('sized', 'is resized', pod => limitOf(pod) === '300m' && !podCondition(pod, 'PodResizeInProgress'))
    assert.equal(after.status?.containerStatuses?.[0]?.restartCount, 0)
    assert.deepEqual([after.metadata.generation, after.status?.observedGeneration], [2, 2])
    const read = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
    assert.equal(await out('exec', 'sized', '--', 'sh', '-c', read), `${48 << 20}\n`)

    assert.match((await resize('sized', { cpu: '400' }, { cpu: '400' })).stdout, /patched/)
    const pending = await untilPod('sized', 'cannot be resized', pod => podCondition(pod, 'PodResizePending')?.reason === 'Infeasible')
    assert.equal(limitOf(pending), '300m')
    await resize('sized', { cpu: '150m' }, { cpu: '300m' })
    await untilPod('sized', 'is at rest', pod => !podCondition(pod, 'PodResizePending'))
    assert.match(
      (await resize('sized', { cpu: '300m', memory: '48Mi' }, {})).stderr,
      /Pod QOS Class may not change as a result of resizing/,
    )
  })

  it('holds a pod at its gates, and calls it ready when others say so', async () => {
    await cluster.apply(
      podYaml('gated', 'schedulingGates: [{ name: example.com/wait }]\n  readinessGates: [{ conditionType: example.com/up }]'),
    )
    assert.match(await out('get', 'pod', 'gated'), /^gated +0\/1 +SchedulingGated /m)
    await out('patch', 'pod', 'gated', '--type', 'json', '--patch', '[{"op":"remove","path":"/spec/schedulingGates"}]')
    const running = await untilPod('gated', 'runs', pod => podCondition(pod, 'ContainersReady')?.status === 'True')
    assert.ok(!isPodReady(running))
    assert.match(podCondition(running, 'Ready')?.message ?? '', /readiness gate "example.com\/up" does not exist/)
    const up = JSON.stringify({ status: { conditions: [{ type: 'example.com/up', status: 'True' }] } })
    await out('patch', 'pod', 'gated', '--subresource', 'status', '--patch', up)
    await cluster.untilReady('gated', 1)
  })

  it('counts devices, and has none left for those that ask for too many', async () => {
    assert.equal(await out('get', 'node', '-o', 'jsonpath={.items[0].status.allocatable.example\\.com/radio}'), '2')
    await cluster.apply(podYaml('greedy', '', 'resources: { limits: { example.com/radio: 3 } }'))
    const pod = await untilPod('greedy', 'is refused', ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Unschedulable'))
    assert.match(podCondition(pod, 'PodScheduled')?.message ?? '', /Insufficient example\.com\/radio/)
  })

  it('lets kubectl debug look at the processes of a running container', async () => {
    await out('debug', 'sized', '--image', 'busybox:1.36', '--target', 'main', '-c', 'look', '--', 'sh', '-c', 'ps; echo end')
    await untilPod('sized', 'was looked at', pod => pod.status?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined)
    assert.match(await out('logs', 'sized', '-c', 'look'), /trap 'exit 0' TERM[\s\S]*end/)
  })

  it('refuses a sysctl that is not safe', async () => {
    await cluster.apply(podYaml('unsafe', 'securityContext: { sysctls: [{ name: kernel.sem, value: "1" }] }'))
    await untilPod('unsafe', 'is refused', ({ status }) => status?.phase === 'Failed' && status.reason === 'SysctlForbidden')
    assert.match(await out('get', 'pod', 'unsafe'), /^unsafe +0\/1 +SysctlForbidden /m)
  })
})
