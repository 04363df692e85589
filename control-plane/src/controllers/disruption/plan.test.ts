import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '@davit/api'
import fc from 'fast-check'
import { type Observed, planDisruption } from './plan.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()

function pod(name: string, { ready = true, owner = 'set', deleted = false } = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      ...(owner && { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }] }),
      ...(deleted && { deletionTimestamp: ago(1) }),
    },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

function plan(
  spec: PodDisruptionBudget['spec'],
  pods: readonly Pod[],
  rest: { status?: PodDisruptionBudgetStatus; replicas?: number } = {},
) {
  const { status, replicas = pods.length } = rest
  const budget: PodDisruptionBudget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b', namespace: 'default', generation: 2 },
    spec,
    ...(status && { status }),
  }
  const scaleOf: Observed['scaleOf'] = ({ metadata }) =>
    metadata.ownerReferences?.[0]?.name === 'set' ? { uid: 'set', replicas } : undefined
  return planDisruption({ budget, pods, scaleOf, now: NOW })
}

const pods = (count: number, options?: Parameters<typeof pod>[1]) => Array.from({ length: count }, (_, n) => pod(`p${n}`, options))

describe('planDisruption()', () => {
  for (const [what, spec, given, replicas, wanted] of [
    ['minAvailable', { minAvailable: 2 }, pods(3), 3, [1, 3, 2, 3]],
    ['minAvailable of pods that nobody made', { minAvailable: 1 }, pods(2, { owner: '' }), 0, [1, 2, 1, 2]],
    ['a share that must stay, rounded up', { minAvailable: '50%' }, pods(3), 3, [1, 3, 2, 3]],
    ['maxUnavailable of what is wanted, not of what there is', { maxUnavailable: 1 }, pods(3), 4, [0, 3, 3, 4]],
    ['a share that may be missing, rounded up', { maxUnavailable: '30%' }, pods(4), 4, [2, 4, 2, 4]],
    ['more that may be missing than there are', { maxUnavailable: 9 }, pods(2), 2, [2, 2, 0, 2]],
    ['pods that are not ready', { minAvailable: 1 }, [...pods(2), pod('x', { ready: false })], 3, [1, 2, 1, 3]],
    ['pods that are going', { minAvailable: 1 }, [...pods(2), pod('x', { deleted: true })], 3, [1, 2, 1, 3]],
    ['no pods', { minAvailable: 0 }, [], 0, [0, 0, 0, 0]],
  ] as const) {
    it(`counts with ${what}`, () => {
      const { status } = plan(spec, given, { replicas })
      const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = status
      assert.deepEqual([disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods], wanted)
      const [condition] = status.conditions ?? []
      const isAllowed = wanted[0] > 0
      assert.deepEqual(
        [condition?.status, condition?.reason, condition?.observedGeneration],
        [isAllowed ? 'True' : 'False', isAllowed ? 'SufficientPods' : 'InsufficientPods', 2],
      )
    })
  }

  it('allows nothing when nobody knows how many pods there are to be', () => {
    const { status, failure } = plan({ maxUnavailable: 1 }, [pod('a'), pod('b', { owner: 'stranger' })])
    assert.equal(failure, 'found no controllers for pod "b"')
    assert.equal(status.disruptionsAllowed, 0)
    assert.deepEqual([status.conditions?.[0]?.reason, status.conditions?.[0]?.message], ['SyncFailed', failure])
  })

  it('does not count a pod whose eviction was let through, until it is gone or overdue', () => {
    const status = { disruptedPods: { p0: ago(10), p1: ago(200), gone: ago(10), leaving: ago(10) } }
    const outcome = plan({ minAvailable: 1 }, [...pods(3), pod('leaving', { deleted: true })], { status })
    assert.deepEqual(outcome.status.disruptedPods, { p0: ago(10) })
    assert.deepEqual(
      outcome.overdue.map(({ metadata }) => metadata.name),
      ['p1'],
    )
    assert.deepEqual([outcome.status.currentHealthy, outcome.status.disruptionsAllowed], [2, 1])
    assert.equal(outcome.againAfterMs, 110_001)
  })

  it('keeps the time of a condition that does not change, and comes to rest', () => {
    const { status } = plan({ minAvailable: 1 }, pods(2), {
      status: { conditions: [{ type: 'DisruptionAllowed', status: 'True', lastTransitionTime: ago(99) }] },
    })
    assert.equal(status.conditions?.[0]?.lastTransitionTime, ago(99))
    assert.deepEqual(plan({ minAvailable: 1 }, pods(2), { status }).status, status)
  })

  it('never allows so many that fewer than wanted stay healthy', () => {
    const amount = fc.oneof(
      fc.nat(9),
      fc.nat(100).map(share => `${share}%`),
    )
    const spec = fc.oneof(
      amount.map(minAvailable => ({ minAvailable })),
      amount.map(maxUnavailable => ({ maxUnavailable })),
    )
    fc.assert(
      fc.property(spec, fc.array(fc.boolean(), { maxLength: 9 }), fc.nat(12), (spec, ready, replicas) => {
        const given = ready.map((isReady, n) => pod(`p${n}`, { ready: isReady }))
        const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = plan(spec, given, { replicas }).status
        assert.ok(disruptionsAllowed >= 0)
        assert.ok(disruptionsAllowed === 0 || currentHealthy - disruptionsAllowed >= desiredHealthy)
      }),
    )
  })
})
