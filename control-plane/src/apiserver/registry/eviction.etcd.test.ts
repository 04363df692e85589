/** Evictions and the budgets that forbid them. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, it } from 'node:test'
import { isReason, type Pod, type PodDisruptionBudget, type PodPhase, podDisruptionBudgetKind, podKind } from '@davit/api'
import { startTestRegistry, type TestRegistry } from './testing/index.ts'

let test: TestRegistry
before(async () => {
  test = await startTestRegistry()
})
after(() => test[Symbol.asyncDispose]())

let number = 0
let name = ''
beforeEach(() => {
  name = `p${++number}`
})

const labels = () => ({ app: name })
const target = () => ({ namespace: 'default', name })
const podNow = () => test.client.resource(podKind).get(target())
const budgetNow = () => test.client.resource(podDisruptionBudgetKind).get(target())

async function makePod({ ready = true, phase = 'Running' as PodPhase, spec = {} } = {}): Promise<Pod> {
  const made = await test.client.resource(podKind).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...target(), labels: labels() },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }], ...spec },
  })
  const status = { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' } as const] }
  return test.client.resource(podKind).update({ ...made, status }, { subresource: 'status' })
}

async function makeBudget(status: PodDisruptionBudget['status'], { spec = {}, as = name } = {}): Promise<PodDisruptionBudget> {
  const made = await test.client.resource(podDisruptionBudgetKind).create({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: 'default', name: as },
    spec: { minAvailable: 1, selector: { matchLabels: labels() }, ...spec },
  })
  const counted = { observedGeneration: made.metadata.generation ?? 0, ...status }
  return test.client.resource(podDisruptionBudgetKind).update({ ...made, status: counted }, { subresource: 'status' })
}

const evict = (body: object = {}) =>
  test.registry.post(test.context, podKind as never, target(), 'eviction', {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name },
    ...body,
  })

/** What kubectl drain waits and tries again for. */
async function assertRefused(cause: string, retryAfterSeconds?: number): Promise<void> {
  await assert.rejects(evict(), error => {
    assert.ok(isReason(error, 'TooManyRequests'))
    assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.")
    const causes = [{ reason: 'DisruptionBudget', message: cause }]
    assert.deepEqual(error.status.details, { causes, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) })
    return true
  })
  assert.equal((await podNow()).metadata.deletionTimestamp, undefined)
}

it('a pod that no budget is about goes, marked with why', async () => {
  await makePod()
  await evict()
  const { metadata, status } = await podNow()
  assert.ok(metadata.deletionTimestamp)
  const condition = status?.conditions?.find(({ type }) => type === 'DisruptionTarget')
  assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting'])
})

it('a budget is counted down, and forbids what would be too many', async () => {
  await makePod()
  await makeBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 })
  await evict()
  const { status } = await budgetNow()
  assert.equal(status?.disruptionsAllowed, 0)
  assert.deepEqual(Object.keys(status?.disruptedPods ?? {}), [name])
  const [condition] = status?.conditions ?? []
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'InsufficientPods'])
})

it('a budget that allows none says how many it needs', async () => {
  await makePod()
  await makeBudget({ disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 })
  await assertRefused(`The disruption budget ${name} needs 1 healthy pods and has 1 currently`)
})

it('a budget that nobody has counted yet asks to come back', async () => {
  await makePod()
  await makeBudget({ observedGeneration: 0, disruptionsAllowed: 5 })
  await assertRefused(`The disruption budget ${name} is still being processed by the server.`, 10)
})

it('a budget that cannot be counted says why', async () => {
  await makePod()
  const conditions = [
    {
      type: 'DisruptionAllowed',
      status: 'False',
      reason: 'SyncFailed',
      message: 'nobody knows',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    } as const,
  ]
  await makeBudget({ disruptionsAllowed: 0, conditions })
  await assertRefused(`The disruption budget ${name} does not allow evicting pods currently because it failed sync: nobody knows`)
})

it('a dry run changes nothing', async () => {
  await makePod()
  await makeBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 })
  await evict({ deleteOptions: { dryRun: ['All'] } })
  assert.equal((await budgetNow()).status?.disruptionsAllowed, 1)
  assert.equal((await podNow()).metadata.deletionTimestamp, undefined)
})

it('two budgets for one pod are an error', async () => {
  await makePod()
  await makeBudget({ disruptionsAllowed: 1 })
  await makeBudget({ disruptionsAllowed: 1 }, { as: `${name}-too` })
  await assert.rejects(evict(), {
    code: 500,
    message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  })
})

const none = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 2 }
const tooFew = { ...none, currentHealthy: 0 }
for (const [what, pod, status, spec, goes] of [
  ['is not ready, while enough others are', { ready: false }, none, {}, true],
  ['is not ready, while too few others are', { ready: false }, tooFew, {}, false],
  ['is not ready, where such may always go', { ready: false }, tooFew, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }, true],
  ['has not started', { phase: 'Pending' as PodPhase, ready: false }, tooFew, {}, true],
  ['has finished', { phase: 'Succeeded' as PodPhase, ready: false }, tooFew, {}, true],
] as const) {
  it(`a pod that ${what} may ${goes ? '' : 'not '}go without being counted`, async () => {
    await makePod(pod)
    await makeBudget(status, { spec })
    if (!goes) return assertRefused(`The disruption budget ${name} needs 1 healthy pods and has 0 currently`)
    await evict()
    assert.equal((await budgetNow()).status?.disruptedPods, undefined)
    const left = await podNow().catch(error => {
      if (!isReason(error, 'NotFound')) throw error
      return undefined
    })
    assert.ok(left === undefined || left.metadata.deletionTimestamp)
  })
}

it('evictions at once take no more than the budget allows', async () => {
  const names = Array.from({ length: 8 }, (_, n) => `race${n}`)
  const app = name
  for (name of names) {
    await test.client.resource(podKind).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name, labels: { app } },
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }] },
    })
    const pod = await podNow()
    await test.client
      .resource(podKind)
      .update({ ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }, { subresource: 'status' })
  }
  name = app
  await makeBudget({ disruptionsAllowed: 3, currentHealthy: 8, desiredHealthy: 5, expectedPods: 8 })
  const outcomes = await Promise.allSettled(
    names.map(each =>
      test.registry.post(test.context, podKind as never, { namespace: 'default', name: each }, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: each },
      }),
    ),
  )
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
  assert.ok(outcomes.every(each => each.status === 'fulfilled' || isReason(each.reason, 'TooManyRequests')))
})
