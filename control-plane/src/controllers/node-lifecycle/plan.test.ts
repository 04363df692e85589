import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Node, type Pod, TAINTS, type Taint, type Toleration } from '@davit/api'
import type { TunnelState } from '../../apiserver/tunnel/types.ts'
import { judgeNodes, type NodeSigns } from './judge.ts'
import { NOT_READY_PATIENCE_MS, OUT_OF_SERVICE_TAINT, planConditions, planEvictions, planTaints, podsToMarkNotReady } from './plan.ts'

const NOW = Date.parse('2026-01-01T00:01:00Z')
const LONG = 3_600_000

const signs = (name: string, tunnel: TunnelState | undefined, rest: Partial<NodeSigns> = {}): NodeSigns => ({
  name,
  tunnel,
  leaseSilentMs: LONG,
  observedMs: LONG,
  ...rest,
})
const open = (silentMs: number): TunnelState => ({ connected: true, silentMs })
const closed = (closedMs: number, closeReason?: string): TunnelState => ({
  connected: false,
  silentMs: closedMs,
  closedMs,
  ...(closeReason && { closeReason }),
})

for (const [what, node, suspect] of [
  ['heard a second ago', signs('a', open(1_000)), false],
  ['silent for 3 s on an open tunnel', signs('a', open(3_000)), true],
  ['silent, but its Lease was renewed since', signs('a', open(3_000), { leaseSilentMs: 100 }), false],
  ['cut 1 s ago', signs('a', closed(1_000)), false],
  ['cut 3 s ago', signs('a', closed(3_000)), true],
  ['restarting for 5 s, as it said', signs('a', closed(5_000, 'restart')), false],
  ['restarting for 11 s', signs('a', closed(11_000, 'restart')), true],
  ['silent since before we began to judge', signs('a', open(60_000), { observedMs: 1_000 }), false],
  ['never seen by a tunnel, its Lease 30 s old', signs('a', undefined, { leaseSilentMs: 30_000 }), false],
  ['never seen by a tunnel, its Lease 41 s old', signs('a', undefined, { leaseSilentMs: 41_000 }), true],
] as const) {
  test(`a node ${what} is ${suspect ? '' : 'not '}suspect`, () => {
    assert.equal(judgeNodes([node, signs('b', open(0)), signs('c', open(0))]).suspects.has('a'), suspect)
  })
}

for (const [silent, all, mayEvict] of [
  [1, 3, true],
  [2, 3, true],
  [3, 3, false],
  [1, 1, false],
  [1, 2, true],
  [5, 10, true],
  [6, 10, false],
] as const) {
  test(`with ${silent} of ${all} nodes silent pods are ${mayEvict ? '' : 'not '}evicted`, () => {
    const nodes = Array.from({ length: all }, (_, index) => signs(`n${index}`, open(index < silent ? 5_000 : 0)))
    assert.equal(judgeNodes(nodes).mayEvict, mayEvict)
  })
}

function node(
  ready: 'True' | 'False' | 'Unknown',
  {
    taints = [],
    since = '2026-01-01T00:00:59Z',
    unschedulable = false,
  }: { taints?: Taint[]; since?: string; unschedulable?: boolean } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    spec: { taints, ...(unschedulable && { unschedulable }) },
    status: { conditions: [{ type: 'Ready', status: ready, lastTransitionTime: since }] },
  }
}

const taintsOf = (subject: Node, { suspect = false, mayEvict = true } = {}) =>
  planTaints({ node: subject, suspect, mayEvict, now: NOW }).taints?.map(({ key, effect }) => `${key}:${effect}`)

test('a suspect node becomes Unknown in every condition its agent reports', () => {
  const conditions = planConditions({ node: node('True'), suspect: true, mayEvict: true, now: NOW })
  assert.deepEqual(
    conditions?.map(condition => condition.status),
    ['Unknown', 'Unknown', 'Unknown', 'Unknown'],
  )
  const after = { ...node('True'), status: { conditions: conditions ?? [] } }
  assert.equal(planConditions({ node: after, suspect: true, mayEvict: true, now: NOW + 5_000 }), undefined)
})

test('a lost node is tainted for scheduling and for eviction, and for scheduling alone when nothing may be evicted', () => {
  assert.deepEqual(taintsOf(node('Unknown'), { suspect: true }), [`${TAINTS.unreachable}:NoSchedule`, `${TAINTS.unreachable}:NoExecute`])
  assert.deepEqual(taintsOf(node('Unknown'), { suspect: true, mayEvict: false }), [`${TAINTS.unreachable}:NoSchedule`])
})

test('a node tainted for eviction is spared when so many more fall silent that nothing may be evicted', () => {
  const tainted = node('Unknown', { taints: [{ key: TAINTS.unreachable, effect: 'NoExecute' }] })
  assert.deepEqual(taintsOf(tainted, { suspect: true, mayEvict: false }), [`${TAINTS.unreachable}:NoSchedule`])
})

test('a node whose agent says it is not ready keeps its pods for a while', () => {
  assert.deepEqual(taintsOf(node('False')), [`${TAINTS.notReady}:NoSchedule`])
  const since = new Date(NOW - NOT_READY_PATIENCE_MS).toISOString()
  assert.deepEqual(taintsOf(node('False', { since })), [`${TAINTS.notReady}:NoSchedule`, `${TAINTS.notReady}:NoExecute`])
})

test('a node that is ready again loses our taints and keeps the others', () => {
  const own: Taint = { key: 'team', effect: 'NoSchedule', value: 'x' }
  assert.deepEqual(taintsOf(node('True', { taints: [own, { key: TAINTS.unreachable, effect: 'NoExecute' }] })), ['team:NoSchedule'])
  assert.equal(taintsOf(node('True', { taints: [own] })), undefined)
})

test('a cordoned node carries the taint of it', () => {
  assert.deepEqual(taintsOf(node('True', { unschedulable: true })), [`${TAINTS.unschedulable}:NoSchedule`])
})

test('a NoExecute taint that somebody added gets the time from which pods tolerate it', () => {
  const added: Taint = { key: 'team', effect: 'NoExecute', value: 'x' }
  const at = (now: number, taints: Taint[]) => planTaints({ node: node('True', { taints }), suspect: false, mayEvict: true, now }).taints
  const timed = at(Date.parse('2026-01-01T00:00:00.001Z'), [added])
  assert.deepEqual(timed, [{ ...added, timeAdded: '2026-01-01T00:00:01Z' }])
  assert.equal(at(NOW, timed ?? []), undefined)
})

function pod(name: string, tolerations: Toleration[] = []): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name },
    spec: { containers: [], tolerations },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  }
}

test('pods are evicted when the time they tolerate the taint is over', () => {
  const lost = node('Unknown', { taints: [{ key: TAINTS.unreachable, effect: 'NoExecute', timeAdded: '2026-01-01T00:00:58Z' }] })
  const exists = (tolerationSeconds?: number): Toleration[] => [
    { key: TAINTS.unreachable, operator: 'Exists', effect: 'NoExecute', ...(tolerationSeconds !== undefined && { tolerationSeconds }) },
  ]
  const plan = planEvictions({ node: lost, now: NOW }, [
    pod('none'),
    pod('short', exists(1)),
    pod('longer', exists(5)),
    pod('forever', exists()),
    pod('first counts', [...exists(1), ...exists()]),
  ])
  assert.deepEqual(
    plan.evict.map(each => each.metadata.name),
    ['none', 'short', 'first counts'],
  )
  assert.equal(plan.againAfterMs, 3_000)
})

test('ready pods of a lost node no longer count as ready', () => {
  assert.equal(podsToMarkNotReady({ node: node('True'), suspect: true }, [pod('a')]).length, 1)
  assert.equal(podsToMarkNotReady({ node: node('True'), suspect: false }, [pod('a')]).length, 0)
})

const tainted = (key: string, rest: { ready?: 'True' | 'Unknown'; effect?: Taint['effect'] } = {}): Node => {
  const made = node(rest.ready ?? 'Unknown')
  return { ...made, spec: { ...made.spec, taints: [{ key, effect: rest.effect ?? 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }] } }
}
const tied = (pod: Pod) => (pod.metadata.name === 'tied' ? 'its volume is there only' : undefined)
const plannedFor = (lost: Node, pods: readonly Pod[]) => {
  const { evict, remove, keep, againAfterMs } = planEvictions({ node: lost, now: NOW }, pods, tied)
  const names = (list: readonly Pod[]) => list.map(({ metadata }) => metadata.name)
  return { evict: names(evict), remove: names(remove), keep: names(keep.map(({ pod }) => pod)), againAfterMs }
}
const leaving = (name: string): Pod => {
  const made = pod(name)
  return { ...made, metadata: { ...made.metadata, deletionTimestamp: '2026-01-01T00:00:30Z' } }
}

for (const [what, lost, pods, wanted] of [
  ['is unreachable', tainted(TAINTS.unreachable), [pod('tied'), pod('free')], { evict: ['free'], remove: [], keep: ['tied'] }],
  ['is not ready', tainted(TAINTS.notReady), [pod('tied'), pod('free')], { evict: ['free'], remove: [], keep: ['tied'] }],
  [
    'is to be empty, as its operator says',
    tainted('example.com/drain', { ready: 'True' }),
    [pod('tied'), pod('free')],
    { evict: ['tied', 'free'], remove: [], keep: [] },
  ],
  [
    'is known to be down',
    tainted(OUT_OF_SERVICE_TAINT),
    [pod('tied'), pod('free'), leaving('leaving')],
    { evict: [], remove: ['tied', 'free', 'leaving'], keep: [] },
  ],
  [
    'is known to be down, without NoExecute',
    tainted(OUT_OF_SERVICE_TAINT, { effect: 'NoSchedule' }),
    [pod('tied')],
    { evict: [], remove: ['tied'], keep: [] },
  ],
  [
    'is said to be down but answers',
    tainted(OUT_OF_SERVICE_TAINT, { ready: 'True' }),
    [pod('tied'), leaving('leaving')],
    { evict: ['tied'], remove: [], keep: [] },
  ],
] as const) {
  test(`pods of a node that ${what} go or stay by what they have there`, () => {
    assert.deepEqual(plannedFor(lost, pods), { ...wanted, againAfterMs: undefined })
  })
}

test('a pod that is tied to a lost node is told of only when its time is over', () => {
  const lost = tainted(TAINTS.unreachable)
  const patient: Toleration = { key: TAINTS.unreachable, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 90 }
  assert.deepEqual(plannedFor(lost, [pod('tied', [patient])]), { evict: [], remove: [], keep: [], againAfterMs: 30_000 })
})

for (const [type, key] of [
  ['MemoryPressure', TAINTS.memoryPressure],
  ['DiskPressure', TAINTS.diskPressure],
  ['PIDPressure', TAINTS.pidPressure],
  ['NetworkUnavailable', TAINTS.networkUnavailable],
] as const) {
  test(`a node with ${type} takes no new pods for as long as it says so`, () => {
    const at = (status: 'True' | 'False', taints: Taint[]): Node => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'a' },
      spec: { taints },
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type, status },
        ],
      },
    })
    const plan = (of: Node) => planTaints({ node: of, suspect: false, mayEvict: true, now: NOW }).taints
    const taint = { key, effect: 'NoSchedule' as const }
    assert.deepEqual(plan(at('True', [])), [taint])
    assert.equal(plan(at('True', [taint])), undefined)
    assert.deepEqual(plan(at('False', [taint])), [])
  })
}
