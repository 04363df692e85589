import assert from 'node:assert/strict'
import { test } from 'node:test'
import { podColumns, podSummary } from './columns.ts'
import type { ContainerState, ContainerStatus } from './container-types.ts'
import type { Pod, PodSpec, PodStatus } from './types.ts'

const NOW = Date.parse('2026-01-02T03:10:00Z')

const status = (name: string, state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus => ({
  name,
  state,
  ready: false,
  restartCount: 0,
  image: 'i',
  imageID: '',
  ...more,
})
const running: ContainerState = { running: { startedAt: '2026-01-02T03:04:05Z' } }
const waiting = (reason: string): ContainerState => ({ waiting: { reason } })
const ended = (exitCode: number, reason?: string, signal?: number): ContainerState => ({
  terminated: { exitCode, ...(reason && { reason }), ...(signal && { signal }) },
})
const ready = { ready: true, started: true }
const condition = (type: string, value: 'True' | 'False', reason?: string) => ({ type, status: value, ...(reason && { reason }) })

function pod(podStatus: PodStatus, spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: '2026-01-02T03:00:00Z', ...metadata },
    spec: { containers: [{ name: 'a', image: 'i' }], ...spec },
    status: podStatus,
  }
}

const two = {
  containers: [
    { name: 'a', image: 'i' },
    { name: 'b', image: 'i' },
  ],
}
const twoInits = {
  initContainers: [
    { name: 'x', image: 'i' },
    { name: 'y', image: 'i' },
  ],
}
const sidecar = { initContainers: [{ name: 'side', image: 'i', restartPolicy: 'Always' as const }] }
const deleting = { deletionTimestamp: '2026-01-02T03:09:00Z' }

const cases: [string, Pod, string, string][] = [
  ['pending', pod({ phase: 'Pending' }), 'Pending', '0/1'],
  ['gated', pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'SchedulingGated')] }), 'SchedulingGated', '0/1'],
  ['creating', pod({ phase: 'Pending', containerStatuses: [status('a', waiting('ContainerCreating'))] }), 'ContainerCreating', '0/1'],
  ['image missing', pod({ phase: 'Pending', containerStatuses: [status('a', waiting('ImagePullBackOff'))] }), 'ImagePullBackOff', '0/1'],
  ['running and ready', pod({ phase: 'Running', containerStatuses: [status('a', running, ready)] }), 'Running', '1/1'],
  ['running, not ready', pod({ phase: 'Running', containerStatuses: [status('a', running)] }), 'Running', '0/1'],
  ['crashing', pod({ phase: 'Running', containerStatuses: [status('a', waiting('CrashLoopBackOff'))] }), 'CrashLoopBackOff', '0/1'],
  ['completed', pod({ phase: 'Succeeded', containerStatuses: [status('a', ended(0, 'Completed'))] }), 'Completed', '0/1'],
  ['failed', pod({ phase: 'Failed', containerStatuses: [status('a', ended(1, 'Error'))] }), 'Error', '0/1'],
  ['exit code without a reason', pod({ phase: 'Failed', containerStatuses: [status('a', ended(3))] }), 'ExitCode:3', '0/1'],
  ['signal without a reason', pod({ phase: 'Failed', containerStatuses: [status('a', ended(137, undefined, 9))] }), 'Signal:9', '0/1'],
  ['evicted', pod({ phase: 'Failed', reason: 'Evicted' }), 'Evicted', '0/1'],
  [
    'one done, one serves',
    pod(
      {
        phase: 'Running',
        conditions: [condition('Ready', 'True')],
        containerStatuses: [status('a', ended(0, 'Completed')), status('b', running, ready)],
      },
      two,
    ),
    'Running',
    '1/2',
  ],
  [
    'one done, pod not ready',
    pod(
      {
        phase: 'Running',
        conditions: [condition('Ready', 'False')],
        containerStatuses: [status('a', ended(0, 'Completed')), status('b', running, ready)],
      },
      two,
    ),
    'NotReady',
    '1/2',
  ],
  [
    'the first container speaks',
    pod({ containerStatuses: [status('a', ended(1, 'Error')), status('b', waiting('CrashLoopBackOff'))] }, two),
    'Error',
    '0/2',
  ],
  [
    'first init container runs',
    pod(
      {
        phase: 'Pending',
        initContainerStatuses: [status('x', running), status('y', waiting('PodInitializing'))],
        containerStatuses: [status('a', waiting('PodInitializing'))],
      },
      twoInits,
    ),
    'Init:0/2',
    '0/1',
  ],
  [
    'second init container runs',
    pod({ initContainerStatuses: [status('x', ended(0, 'Completed')), status('y', running)] }, twoInits),
    'Init:1/2',
    '0/1',
  ],
  [
    'init container crashes',
    pod({ initContainerStatuses: [status('x', waiting('CrashLoopBackOff'))] }, twoInits),
    'Init:CrashLoopBackOff',
    '0/1',
  ],
  ['init container failed', pod({ initContainerStatuses: [status('x', ended(1, 'Error'))] }, twoInits), 'Init:Error', '0/1'],
  ['init container failed without a reason', pod({ initContainerStatuses: [status('x', ended(2))] }, twoInits), 'Init:ExitCode:2', '0/1'],
  ['init container killed', pod({ initContainerStatuses: [status('x', ended(2, undefined, 15))] }, twoInits), 'Init:Signal:15', '0/1'],
  [
    'init done, containers not yet',
    pod(
      {
        phase: 'Pending',
        initContainerStatuses: [status('x', ended(0, 'Completed')), status('y', ended(0, 'Completed'))],
        containerStatuses: [status('a', waiting('PodInitializing'))],
      },
      twoInits,
    ),
    'PodInitializing',
    '0/1',
  ],
  [
    'sidecar counts',
    pod(
      { phase: 'Running', initContainerStatuses: [status('side', running, ready)], containerStatuses: [status('a', running, ready)] },
      sidecar,
    ),
    'Running',
    '2/2',
  ],
  ['deleting', pod({ phase: 'Running', containerStatuses: [status('a', running, ready)] }, {}, deleting), 'Terminating', '1/1'],
  ['deleting on a lost node', pod({ phase: 'Running', reason: 'NodeLost' }, {}, deleting), 'Unknown', '0/1'],
  [
    'deleting but finished',
    pod({ phase: 'Succeeded', containerStatuses: [status('a', ended(0, 'Completed'))] }, {}, deleting),
    'Completed',
    '0/1',
  ],
]

for (const [name, given, wantedStatus, wantedReady] of cases) {
  test(`podSummary() of a pod: ${name}`, () => {
    const { status: text, ready: count, total } = podSummary(given)
    assert.deepEqual([text, `${count}/${total}`], [wantedStatus, wantedReady])
  })
}

const cell = (name: string, given: Pod) => podColumns.find(column => column.name === name)?.value(given, NOW)

test('RESTARTS says how often and when last', () => {
  const lastState: ContainerState = { terminated: { exitCode: 1, finishedAt: '2026-01-02T03:05:00Z' } }
  const crashed = status('a', running, { restartCount: 3, lastState })
  assert.equal(cell('Restarts', pod({ containerStatuses: [crashed] })), '3 (5m ago)')
  assert.equal(cell('Restarts', pod({ containerStatuses: [status('a', running)] })), '0')
  assert.equal(cell('Restarts', pod({ containerStatuses: [status('a', running, { restartCount: 2 })] })), '2')
})

test('RESTARTS forgets init containers once they are done, but not sidecars', () => {
  const done = status('x', ended(0, 'Completed'), { restartCount: 4 })
  assert.equal(
    cell('Restarts', pod({ initContainerStatuses: [done], containerStatuses: [status('a', running, { restartCount: 1 })] }, twoInits)),
    '1',
  )
  const side = status('side', running, { ...ready, restartCount: 4 })
  assert.equal(
    cell('Restarts', pod({ initContainerStatuses: [side], containerStatuses: [status('a', running, { restartCount: 1 })] }, sidecar)),
    '5',
  )
  assert.equal(cell('Restarts', pod({ initContainerStatuses: [status('x', running, { restartCount: 4 })] }, twoInits)), '4')
})

test('wide columns show <none> where nothing is known', () => {
  const wide = ['IP', 'Node', 'Nominated Node', 'Readiness Gates']
  assert.deepEqual(
    podColumns.map(column => column.name),
    ['Name', 'Ready', 'Status', 'Restarts', 'Age', ...wide],
  )
  assert.deepEqual(
    wide.map(name => cell(name, pod({}))),
    ['<none>', '<none>', '<none>', '<none>'],
  )
  const placed = pod(
    { podIPs: [{ ip: '10.244.0.2' }], nominatedNodeName: 'n2', conditions: [condition('a/b', 'True')] },
    { nodeName: 'n1', readinessGates: [{ conditionType: 'a/b' }, { conditionType: 'c/d' }] },
  )
  assert.deepEqual(
    wide.map(name => cell(name, placed)),
    ['10.244.0.2', 'n1', 'n2', '1/2'],
  )
  assert.equal(cell('Age', placed), '10m')
})
