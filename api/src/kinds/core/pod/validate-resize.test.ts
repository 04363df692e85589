import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, ContainerResizePolicy } from './container-types.ts'
import { applyPodDefaults } from './defaults.ts'
import { podResourceRequests } from './resources.ts'
import type { Pod, PodStatus } from './types.ts'
import { validatePodResize, withResizedContainers } from './validate-resize.ts'
import { validatePod } from './validate-spec.ts'

const amounts = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } }
const restarts: ContainerResizePolicy[] = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }]

function pod(resources: Container['resources'] = amounts, fields: Partial<Container> = {}, more: Partial<Pod> = {}): Pod {
  const containers = [{ name: 'a', image: 'i', ...(resources && { resources: structuredClone(resources) }), ...structuredClone(fields) }]
  const initContainers = [{ name: 'x', image: 'i', resources: { limits: { cpu: '1', memory: '1Mi' } } }]
  const made: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers, initContainers }, ...more }
  applyPodDefaults(made)
  return made
}

const errorsOf = (changed: Pod, old = pod()) => validatePodResize(changed, old).map(({ field, detail = '' }) => `${field}: ${detail}`)
const sized = (requests: Record<string, string>, limits: Record<string, string>) => pod({ requests, limits })

test('validatePodResize() lets CPU and memory change', () => {
  assert.deepEqual(errorsOf(sized({ cpu: '200m', memory: '32Mi' }, { cpu: '500m', memory: '256Mi' })), [])
  const less = pod({ ...amounts, limits: { cpu: '1', memory: '64Mi' } }, { resizePolicy: restarts })
  assert.deepEqual(errorsOf(less), [], 'also down, with a restart')
})

for (const [what, changed, error] of [
  [
    'another class',
    sized({ cpu: '1', memory: '128Mi' }, { cpu: '1', memory: '128Mi' }),
    'spec: Pod QOS Class may not change as a result of resizing',
  ],
  [
    'other resources',
    sized({ ...amounts.requests, 'ephemeral-storage': '1Gi' }, amounts.limits),
    'spec.containers[0].resources: only cpu and memory resources are mutable',
  ],
  [
    'a limit that goes',
    sized(amounts.requests, { memory: '128Mi' }),
    'spec.containers[0].resources.limits: resource limits cannot be removed',
  ],
  [
    'a request that goes',
    pod({ requests: { cpu: '1m' }, limits: {} }),
    'spec.containers[0].resources.requests: resource requests cannot be removed',
  ],
  [
    'less memory without a restart',
    sized(amounts.requests, { cpu: '1', memory: '100Mi' }),
    'spec.containers[0].resources.limits[memory]: memory limits cannot be decreased unless resizePolicy is RestartContainer',
  ],
] as const)
  test(`validatePodResize() refuses ${what}`, () => assert.ok(errorsOf(changed).includes(error), JSON.stringify(errorsOf(changed))))

test('validatePodResize() refuses init containers, static pods and pods that have ended', () => {
  const init = pod()
  if (init.spec.initContainers?.[0]) init.spec.initContainers[0].resources = { requests: { cpu: '2' } }
  assert.deepEqual(errorsOf(init), ['spec.initContainers[0].resources: resources for non-sidecar init containers are immutable'])
  const mirror = pod(amounts, {}, { metadata: { name: 'p', annotations: { 'kubernetes.io/config.mirror': 'x' } } })
  assert.deepEqual(errorsOf(pod(), mirror), [': static pods cannot be resized'])
  assert.deepEqual(errorsOf(pod(), pod(amounts, {}, { status: { phase: 'Succeeded' } })), ['spec: pods that have ended cannot be resized'])
})

test('withResizedContainers() takes resources and policies, and nothing else', () => {
  const old = pod().spec
  const asked = structuredClone(old)
  asked.containers[0] = { name: 'a', image: 'other', resources: { requests: { cpu: '2' } }, resizePolicy: restarts }
  asked.containers.push({ name: 'more', image: 'i' })
  asked.nodeName = 'elsewhere'
  const resized = withResizedContainers(old, asked)
  assert.deepEqual(resized, {
    ...old,
    containers: [{ ...old.containers[0], resources: { requests: { cpu: '2' } }, resizePolicy: restarts }],
  })
})

test('applyPodDefaults() gives a policy to what is asked for, and keeps the one that is said', () => {
  const { resizePolicy } = pod(amounts, { resizePolicy: restarts }).spec.containers[0] ?? {}
  assert.deepEqual(resizePolicy, [...restarts, { resourceName: 'cpu', restartPolicy: 'NotRequired' }])
  assert.equal(pod({}).spec.containers[0]?.resizePolicy, undefined)
})

test('validatePod() knows the rules of a policy', () => {
  const bad = pod(amounts, { resizePolicy: [...restarts, ...restarts, { resourceName: 'gpu', restartPolicy: 'NotRequired' }] })
  bad.spec.restartPolicy = 'Never'
  const details = validatePod(bad).map(({ field, detail }) => `${field}: ${detail ?? ''}`)
  assert.ok(
    details.includes("spec.containers[0].resizePolicy[0]: must be 'NotRequired' when `restartPolicy` is 'Never'"),
    details.join('\n'),
  )
  const unknown = validatePod(bad).find(({ field }) => field === 'spec.containers[0].resizePolicy[2]')
  assert.deepEqual([unknown?.type, unknown?.supported], ['NotSupported', ['cpu', 'memory']])
  assert.ok(validatePod(bad).some(({ type, field }) => type === 'Duplicate' && field === 'spec.containers[0].resizePolicy[1]'))
})

test('validatePod() knows signals, which need an operating system', () => {
  const of = (stopSignal: string, os?: 'linux') => {
    const made = pod(amounts, { lifecycle: { stopSignal } })
    if (os) made.spec.os = { name: os }
    return validatePod(made).map(({ field, type }) => `${type} ${field}`)
  }
  assert.deepEqual(of('SIGQUIT', 'linux'), [])
  assert.deepEqual(of('SIGRTMIN+3', 'linux'), [])
  assert.deepEqual(of('SIGQUIT'), ['Forbidden spec.containers[0].lifecycle.stopSignal'])
  assert.deepEqual(of('QUIT', 'linux'), ['NotSupported spec.containers[0].lifecycle.stopSignal'])
})

test('podResourceRequests() counts what is asked or still held, whichever is more', () => {
  const held = (cpu: string, conditions: PodStatus['conditions'] = []): PodStatus => ({
    conditions,
    containerStatuses: [{ name: 'a', ready: true, restartCount: 0, image: '', imageID: '', allocatedResources: { cpu, memory: '64Mi' } }],
  })
  const { spec } = pod({ requests: { cpu: '2', memory: '64Mi' } })
  assert.equal(podResourceRequests({ spec, status: held('1') }).milliCpu, 2000)
  assert.equal(podResourceRequests({ spec, status: held('3') }).milliCpu, 3000)
  const infeasible = [{ type: 'PodResizePending', status: 'True' as const, reason: 'Infeasible' }]
  assert.equal(podResourceRequests({ spec, status: held('1', infeasible) }).milliCpu, 1000)
})
