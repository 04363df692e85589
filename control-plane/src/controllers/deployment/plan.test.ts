import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment, DeploymentSpec, IntOrString, Pod, ReplicaSet } from '@davit/api'
import fc from 'fast-check'
import { type Action, ANNOTATIONS, maxSurge, maxUnavailable, newSetOf, planDeployment, sizeAnnotations } from './plan.ts'
import { deploymentStatus } from './status.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } })

function deployment(replicas: number, spec: Partial<DeploymentSpec> = {}): Deployment {
  const selector = { matchLabels: { app: 'web' } }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', uid: 'd', generation: 1 },
    spec: { replicas, selector, template: template('v2'), ...spec },
  }
}

interface SetTraits {
  image?: string
  replicas?: number
  available?: number
  revision?: number
  /** Replicas the Deployment wanted when it last sized the set. */
  desired?: number
  created?: string
}

function set(name: string, traits: SetTraits = {}): ReplicaSet {
  const { image = 'v1', replicas = 3, available = replicas, revision = 1, desired, created = '2026-01-01T00:00:00Z' } = traits
  const annotations: Record<string, string> = { [ANNOTATIONS.revision]: String(revision) }
  if (desired !== undefined) Object.assign(annotations, sizeAnnotations(deployment(desired)))
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, uid: name, annotations, creationTimestamp: created, generation: 1 },
    spec: { replicas, selector: {}, template: template(image) },
    status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  }
}

const plan = (wanted: Deployment, sets: ReplicaSet[], pods: Pod[] = []) => planDeployment({ deployment: wanted, sets, pods })
const scaled = (actions: readonly Action[]) =>
  Object.fromEntries(actions.flatMap(action => (action.kind === 'scale-set' ? [[action.set.metadata.name, action.replicas]] : [])))

test('planDeployment() makes the first set with all replicas', () => {
  assert.deepEqual(plan(deployment(3), []), [{ kind: 'create-set', replicas: 3, revision: 1 }])
})

test('planDeployment() begins a rollout with a new set of the surge alone', () => {
  assert.deepEqual(plan(deployment(4), [set('old', { replicas: 4 })]), [{ kind: 'create-set', replicas: 1, revision: 2 }])
})

test('planDeployment() takes back an old set when its template is wanted again, as the newest revision', () => {
  const sets = [set('a', { image: 'v2', replicas: 0, revision: 1 }), set('b', { image: 'v1', replicas: 3, revision: 2 })]
  const [action] = plan(deployment(3), sets)
  assert.equal(action?.kind, 'annotate-set')
  assert.equal(action?.kind === 'annotate-set' && action.annotations[ANNOTATIONS.revision], '3')
})

test('planDeployment() with Recreate waits for the last old pod before it makes a new set', () => {
  const recreate = deployment(2, { strategy: { type: 'Recreate' } })
  assert.deepEqual(scaled(plan(recreate, [set('old', { replicas: 2 })])), { old: 0 })
  const leaving: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      uid: 'p',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'old', uid: 'old' }],
    },
    spec: { containers: [] },
    status: { phase: 'Running' },
  }
  assert.deepEqual(plan(recreate, [set('old', { replicas: 0 })], [leaving]), [])
  assert.deepEqual(plan(recreate, [set('old', { replicas: 0 })]), [{ kind: 'create-set', replicas: 2, revision: 2 }])
})

test('planDeployment() does not roll while paused, but scales', () => {
  assert.deepEqual(plan(deployment(3, { paused: true }), [set('old', { desired: 3 })]), [])
  assert.deepEqual(scaled(plan(deployment(5, { paused: true }), [set('old', { desired: 3 })])), { old: 5 })
})

test('planDeployment() scales every set in proportion in the middle of a rollout', () => {
  const sets = [set('old', { replicas: 8, desired: 10 }), set('new', { image: 'v2', replicas: 5, available: 5, desired: 10, revision: 2 })]
  const sizes = scaled(plan(deployment(20), sets))
  assert.equal((sizes.old ?? 8) + (sizes.new ?? 5), 20 + maxSurge(deployment(20)))
  assert.ok((sizes.old ?? 0) > (sizes.new ?? 0))
})

test('planDeployment() keeps as many old sets as the history allows', () => {
  const sets = [1, 2, 3, 4].map(revision => set(`old${revision}`, { replicas: 0, revision, image: `i${revision}` }))
  const current = set('new', { image: 'v2', revision: 5, desired: 3 })
  const actions = plan(deployment(3, { revisionHistoryLimit: 2 }), [...sets, current])
  assert.deepEqual(
    actions.map(action => action.kind === 'delete-set' && action.set.metadata.name),
    ['old1', 'old2'],
  )
})

for (const [surge, unavailable, replicas, wanted] of [
  ['25%', '25%', 10, [3, 2]],
  [0, 0, 4, [0, 1]],
  ['0%', '10%', 4, [0, 1]],
  [2, 1, 4, [2, 1]],
  [1, 9, 4, [1, 4]],
] as const) {
  test(`maxSurge ${surge} and maxUnavailable ${unavailable} of ${replicas} are ${wanted.join(' and ')}`, () => {
    const subject = deployment(replicas, {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
    })
    assert.deepEqual([maxSurge(subject), maxUnavailable(subject)], wanted)
  })
}

/** Plays a rollout: every action is carried out, pods become available in any order, old ones may break. */
function play(replicas: number, surge: IntOrString, unavailable: IntOrString, picks: readonly number[]) {
  const subject = deployment(replicas, {
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
  })
  let sets = [set('old', { replicas, desired: replicas })]
  let turn = 0
  for (let step = 0; step < 400; step++) {
    const actions = plan(subject, sets)
    for (const action of actions) sets = carryOut(action, sets)
    const total = sets.reduce((sum, each) => sum + (each.spec?.replicas ?? 0), 0)
    assert.ok(total <= replicas + maxSurge(subject), `never more pods than the surge allows: ${total}`)
    const available = sets.reduce((sum, each) => sum + Math.min(each.status?.availableReplicas ?? 0, each.spec?.replicas ?? 0), 0)
    assert.ok(available >= replicas - maxUnavailable(subject), `never fewer available than wanted: ${available}`)
    const waiting = sets.filter(each => (each.status?.availableReplicas ?? 0) < (each.spec?.replicas ?? 0))
    if (actions.length === 0 && waiting.length === 0) return { subject, sets }
    const chosen = waiting[(picks[turn++ % picks.length] ?? 0) % Math.max(1, waiting.length)]
    if (chosen) sets = sets.map(each => (each === chosen ? withAvailable(each, (each.status?.availableReplicas ?? 0) + 1) : each))
  }
  throw new Error('The rollout did not come to rest')
}

function withAvailable(each: ReplicaSet, available: number): ReplicaSet {
  const replicas = each.spec?.replicas ?? 0
  return { ...each, status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 } }
}

function carryOut(action: Action, sets: ReplicaSet[]): ReplicaSet[] {
  switch (action.kind) {
    case 'create-set':
      return [
        ...sets,
        set('new', { image: 'v2', replicas: action.replicas, available: 0, revision: action.revision, desired: action.replicas }),
      ]
    case 'scale-set':
      return sets.map(each => {
        if (each !== action.set || !each.spec) return each
        const resized = { ...each, spec: { ...each.spec, replicas: action.replicas } }
        return withAvailable(resized, Math.min(each.status?.availableReplicas ?? 0, action.replicas))
      })
    case 'annotate-set':
      return sets.map(each =>
        each === action.set
          ? { ...each, metadata: { ...each.metadata, annotations: { ...each.metadata.annotations, ...action.annotations } } }
          : each,
      )
    case 'delete-set':
      return sets.filter(each => each !== action.set)
  }
}

test('any rollout ends with the new set alone and keeps within surge and unavailability at every step', () => {
  const amount = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('0%', '10%', '25%', '50%', '100%'))
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 15 }),
      amount,
      amount,
      fc.array(fc.nat(7), { minLength: 1, maxLength: 20 }),
      (replicas, surge, unavailable, picks) => {
        const { subject, sets } = play(replicas, surge, unavailable, picks)
        const newSet = newSetOf({ deployment: subject, sets })
        assert.equal(newSet?.spec?.replicas, replicas)
        assert.equal(
          sets.filter(each => each !== newSet).reduce((sum, each) => sum + (each.spec?.replicas ?? 0), 0),
          0,
        )
      },
    ),
  )
})

test('deploymentStatus() reports a finished rollout and forgets what is 0', () => {
  const current = set('new', { image: 'v2', revision: 2, desired: 3 })
  const { status } = deploymentStatus({ deployment: deployment(3), sets: [current], newSet: current, now: NOW })
  assert.equal(status.conditions?.find(condition => condition.type === 'Progressing')?.reason, 'NewReplicaSetAvailable')
  assert.equal(status.conditions?.find(condition => condition.type === 'Available')?.status, 'True')
  assert.equal('unavailableReplicas' in status, false)
})

test('deploymentStatus() gives up after the progress deadline', () => {
  const stuck = set('new', { image: 'v2', available: 0, revision: 2, desired: 3 })
  const begun = deploymentStatus({ deployment: deployment(3), sets: [stuck], newSet: stuck, now: NOW })
  assert.equal(begun.againAfterMs, 600_000)
  const later = deploymentStatus({
    deployment: { ...deployment(3), status: begun.status },
    sets: [stuck],
    newSet: stuck,
    now: NOW + 600_001,
  })
  const condition = later.status.conditions?.find(each => each.type === 'Progressing')
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'ProgressDeadlineExceeded'])
})
