import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FlowSchema, isReason, type PriorityLevelConfiguration, type Queuing } from '@davit/api'
import fc from 'fast-check'
import { createFlowControl } from './create-flow-control.ts'
import { byPrecedence, matcherOf } from './matching.ts'
import { divideSeats } from './seats.ts'
import { ShuffleSharding } from './shuffle-sharding.ts'
import { SUGGESTED_FLOW_SCHEMAS, SUGGESTED_PRIORITY_LEVELS } from './suggested.ts'
import type { Flow, FlowRequest, Seat, Wait } from './types.ts'
import { planUpkeep } from './upkeep.ts'

const TYPE = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1' }
const WAIT_MS = 60_000

function level(name: string, shares: number, queuing?: Queuing, more: object = {}): PriorityLevelConfiguration {
  const limitResponse = queuing ? { type: 'Queue', queuing } : { type: 'Reject' }
  const limited = { nominalConcurrencyShares: shares, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse, ...more }
  return { ...TYPE, kind: 'PriorityLevelConfiguration', metadata: { name, uid: `uid-${name}` }, spec: { type: 'Limited', limited } }
}

function schema(name: string, to: string, group: string, precedence = 500): FlowSchema {
  return {
    ...TYPE,
    kind: 'FlowSchema',
    metadata: { name, uid: `uid-${name}` },
    spec: {
      priorityLevelConfiguration: { name: to },
      matchingPrecedence: precedence,
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: [{ kind: 'Group', group: { name: group } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
        },
      ],
    },
  }
}

const pods = (name: string, ...groups: string[]): FlowRequest => ({
  user: { name, groups },
  verb: 'get',
  path: '/api/v1/namespaces/a/pods',
  resource: { group: '', resource: 'pods', namespace: 'a' },
})

/** All seats to the levels named, with a clock that a test moves. */
function control(seats: number, ...levels: PriorityLevelConfiguration[]) {
  const clock = { ms: 0, monotonic: () => clock.ms }
  // Six shares to the level that every cluster has: few enough of many.
  const flowControl = createFlowControl({ seats, clock, salt: '' })
  const schemas = levels.map(({ metadata: { name = '' } }) => schema(name, name, name))
  flowControl.configure(schemas, levels)
  return { clock, flowControl, flow: (user: string, group: string) => flowControl.flowOf(pods(user, group)) }
}

const isWait = (entered: Seat | Wait): entered is Wait => 'seat' in entered
const sit = (flow: Flow): Seat => {
  const entered = flow.enter(WAIT_MS)
  assert.ok(!isWait(entered), 'there is no free seat')
  return entered
}
const wait = (flow: Flow, ms = WAIT_MS): Wait => {
  const entered = flow.enter(ms)
  assert.ok(isWait(entered), 'there is a free seat')
  return entered
}
const isTooMany = (error: unknown) => isReason(error, 'TooManyRequests')

describe('a FlowSchema', () => {
  const nameOf = (request: FlowRequest) =>
    SUGGESTED_FLOW_SCHEMAS.toSorted(byPrecedence).find(each => matcherOf(each)(request))?.metadata.name
  const of = (name: string, groups: string[], resource: string, more: object = {}): FlowRequest => ({
    user: { name, groups },
    verb: 'update',
    path: '/x',
    resource: { group: '', resource, namespace: 'a', ...more },
  })
  const account = (namespace: string, name: string) =>
    [`system:serviceaccount:${namespace}:${name}`, ['system:serviceaccounts', 'system:authenticated']] as const
  const lease = { group: 'coordination.k8s.io' }
  const NODE = ['system:node:n', ['system:nodes', 'system:authenticated']] as const
  const cases: readonly [what: string, request: FlowRequest, name: string | undefined][] = [
    ["a node's heartbeat", of(NODE[0], [...NODE[1]], 'leases', lease), 'system-node-high'],
    [
      'a node itself',
      { ...of(NODE[0], [...NODE[1]], 'nodes'), resource: { group: '', resource: 'nodes', subresource: 'status' } },
      'system-node-high',
    ],
    ["a node's pods", of(NODE[0], [...NODE[1]], 'pods', { subresource: 'status' }), 'system-nodes'],
    ['an election of the system', of(account('kube-system', 'x')[0], [...account('', '')[1]], 'leases', lease), 'system-leader-election'],
    ['an election by ConfigMap', of(account('kube-system', 'x')[0], [...account('', '')[1]], 'configmaps'), 'workload-leader-election'],
    ['an account of the system', of(account('kube-system', 'x')[0], [...account('', '')[1]], 'pods'), 'kube-system-service-accounts'],
    ['an account like one of the system', of(account('kube-systems', 'x')[0], [...account('', '')[1]], 'pods'), 'service-accounts'],
    ['somebody', of('ann', ['system:authenticated'], 'pods'), 'global-default'],
    ['a probe', { user: { name: 'system:anonymous', groups: ['system:unauthenticated'] }, verb: 'get', path: '/readyz' }, 'probes'],
    ['another path', { user: { name: 'ann', groups: ['system:authenticated'] }, verb: 'get', path: '/version' }, 'global-default'],
    ['nobody', { user: { name: 'ann', groups: [] }, verb: 'get', path: '/version' }, undefined],
  ]
  for (const [what, request, name] of cases) it(`takes ${what} to ${name}`, () => assert.equal(nameOf(request), name))

  it('takes requests of a namespace, of none, and a subresource only where it names them', () => {
    const only = (rule: object) =>
      matcherOf({
        ...schema('s', 'l', 'g'),
        spec: {
          rules: [
            {
              subjects: [{ kind: 'User', user: { name: '*' } }],
              resourceRules: [{ verbs: ['update'], apiGroups: [''], resources: ['pods'], ...rule }],
            },
          ],
        },
      })
    const cluster: FlowRequest = { ...of('a', [], 'pods'), resource: { group: '', resource: 'pods' } }
    assert.equal(only({ namespaces: ['a'] })(of('a', [], 'pods')), true)
    assert.equal(only({ namespaces: ['b'] })(of('a', [], 'pods')), false)
    assert.equal(only({ namespaces: ['*'] })(cluster), false)
    assert.equal(only({ clusterScope: true })(cluster), true)
    assert.equal(only({ namespaces: ['a'] })(of('a', [], 'pods', { subresource: 'status' })), false)
    assert.equal(only({ namespaces: ['a'], resources: ['pods/status'] })(of('a', [], 'pods', { subresource: 'status' })), true)
  })
})

it('divideSeats() gives each level its share, rounded up, and says what it lends and borrows', () => {
  const bounds = divideSeats(600, SUGGESTED_PRIORITY_LEVELS)
  assert.deepEqual(bounds.get('workload-low'), { nominal: 250, kept: 25, max: Number.POSITIVE_INFINITY })
  assert.deepEqual(bounds.get('leader-election'), { nominal: 25, kept: 25, max: Number.POSITIVE_INFINITY })
  assert.deepEqual(divideSeats(10, [level('a', 1), level('b', 2, undefined, { borrowingLimitPercent: 50 })]).get('b'), {
    nominal: 7,
    kept: 7,
    max: 11,
  })
})

it('ShuffleSharding deals every flow a hand of different queues, always the same, and all queues alike', () => {
  const sharding = new ShuffleSharding({ queues: 64, handSize: 6, salt: 's' })
  const uses = new Array<number>(64).fill(0)
  for (let i = 0; i < 5000; i++) {
    const hand = sharding.handOf(`flow-${i}`)
    assert.equal(new Set(hand).size, 6)
    for (const queue of hand) uses[queue]!++
  }
  assert.ok(Math.min(...uses) > 350 && Math.max(...uses) < 600, String(uses))
  assert.deepEqual(new ShuffleSharding({ queues: 64, handSize: 6, salt: 's' }).handOf('flow-7'), sharding.handOf('flow-7'))
  assert.deepEqual(
    new ShuffleSharding({ queues: 20, handSize: 20, salt: '' }).handOf('x').toSorted((a, b) => a - b),
    [...Array(20).keys()],
  )
})

describe('flow control', () => {
  const QUEUES = { queues: 16, handSize: 2, queueLengthLimit: 3 }

  it('never holds back the masters', () => {
    const { flowControl } = control(1)
    const flow = flowControl.flowOf(pods('root', 'system:masters', 'system:authenticated'))
    for (let i = 0; i < 100; i++) sit(flow)
  })

  it('rejects what a level without queues has no seat for, and serves again once one is free', () => {
    const { flow } = control(205, level('few', 200, undefined))
    const seats = Array.from({ length: 200 }, () => sit(flow('ann', 'few')))
    assert.throws(() => flow('ann', 'few').enter(WAIT_MS), isTooMany)
    seats[0]!.release()
    seats[0]!.release()
    sit(flow('ann', 'few'))
    assert.throws(() => flow('bob', 'few').enter(WAIT_MS), isTooMany)
  })

  it('lets a request wait, in order, and no longer than it may', async () => {
    const { flow, flowControl } = control(6, level('one', 1, QUEUES))
    const [first, second, late, gone] = [
      sit(flow('ann', 'one')),
      wait(flow('ann', 'one')),
      wait(flow('ann', 'one'), 1),
      wait(flow('ann', 'one')),
    ]
    await assert.rejects(late.seat, isTooMany)
    gone.cancel()
    await assert.rejects(gone.seat, isTooMany)
    first.release()
    const served = await second.seat
    served.release()
    sit(flow('ann', 'one'))
    const [stats] = [...flowControl.stats.schemas()].filter(({ name }) => name === 'one')
    assert.deepEqual(stats, {
      name: 'one',
      level: 'one',
      waiting: 0,
      executing: 1,
      dispatched: 3,
      rejected: { 'time-out': 1, cancelled: 1 },
    })
  })

  it('bounds queues', () => {
    const { flow } = control(6, level('one', 1, { queues: 1, handSize: 1, queueLengthLimit: 3 }))
    sit(flow('ann', 'one'))
    for (let i = 0; i < 3; i++) wait(flow('ann', 'one')).seat.catch(() => {})
    assert.throws(() => flow('ann', 'one').enter(WAIT_MS), isTooMany)
  })

  it('serves who asks little soon, however much another asks', async () => {
    const { clock, flow } = control(6, level('one', 1, { queues: 64, handSize: 6, queueLengthLimit: 50 }))
    const order: string[] = []
    let busy = sit(flow('greedy', 'one'))
    const ask = (user: string) => {
      void wait(flow(user, 'one')).seat.then(seat => {
        order.push(user)
        busy = seat
      })
    }
    for (let i = 0; i < 200; i++) ask('greedy')
    for (let i = 0; i < 3; i++) ask('modest')
    for (let i = 0; i < 50; i++) {
      clock.ms += 10
      busy.release()
      await new Promise(setImmediate)
    }
    // The greedy one has six queues and the modest one up to three of its own.
    assert.equal(order.filter(user => user === 'modest').length, 3)
    assert.ok(order.lastIndexOf('modest') < 30, String(order.lastIndexOf('modest')))
  })

  it('shares by the time requests take: who asks for long ones gets fewer', async () => {
    const { clock, flow } = control(6, level('one', 1, { queues: 64, handSize: 1, queueLengthLimit: 300 }))
    const taken = { slow: 0, quick: 0 }
    let current: { user: 'slow' | 'quick'; seat: Seat } = { user: 'quick', seat: sit(flow('quick', 'one')) }
    for (let i = 0; i < 250; i++) {
      for (const user of ['slow', 'quick'] as const) {
        void wait(flow(user, 'one')).seat.then(seat => {
          current = { user, seat }
        })
      }
    }
    for (let i = 0; i < 220; i++) {
      clock.ms += current.user === 'slow' ? 100 : 10
      taken[current.user]++
      current.seat.release()
      await new Promise(setImmediate)
    }
    assert.ok(taken.quick > taken.slow * 6, JSON.stringify(taken))
    assert.ok(taken.slow > 10, JSON.stringify(taken))
  })

  it('lends seats while their level is idle, and gives them to it first when they come back', async () => {
    const lender = level('lender', 50, QUEUES, { lendablePercent: 60, borrowingLimitPercent: undefined })
    const borrower = level('borrower', 50, QUEUES, { borrowingLimitPercent: 50 })
    const { flow } = control(105, lender, borrower)
    const borrowed = Array.from({ length: 75 }, () => sit(flow('ann', 'borrower')))
    void wait(flow('ann', 'borrower')).seat.catch(() => {})
    // 50 of its own, of which 25 are out: it still has what it never lends, and what is free.
    for (let i = 0; i < 25; i++) sit(flow('bob', 'lender'))
    const back = wait(flow('bob', 'lender'))
    borrowed[0]!.release()
    const seat = await back.seat
    seat.release()
  })

  it('goes on with other limits and levels while requests wait', async () => {
    const levels = [level('one', 1, QUEUES)]
    const { flow, flowControl } = control(6, ...levels)
    const first = sit(flow('ann', 'one'))
    const second = wait(flow('ann', 'one'))
    const third = wait(flow('ann', 'one'))
    flowControl.configure([schema('one', 'one', 'one')], [level('one', 5, { ...QUEUES, queues: 3 })])
    const seat = await second.seat
    flowControl.configure([], [])
    await third.seat
    first.release()
    seat.release()
    assert.equal(flowControl.flowOf(pods('ann', 'one')).levelUid, '')
  })

  it('takes no request for a schema whose level is not there', () => {
    const { flowControl } = control(10)
    flowControl.configure([schema('lost', 'nope', 'g', 2), schema('found', 'there', 'g', 3)], [level('there', 1)])
    assert.deepEqual(flowControl.flowOf(pods('ann', 'g')).schemaUid, 'uid-found')
  })

  it('never has more under way than there are seats, and none is lost, whatever comes', async () => {
    const step = fc.record({
      user: fc.nat(6),
      group: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('ask', 'ask', 'end', 'leave', 'change'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 150 }), async steps => {
        const levelsOf = (shares: number) => [
          level('a', 10, QUEUES, { lendablePercent: 50, borrowingLimitPercent: undefined }),
          level('b', shares, QUEUES, { lendablePercent: 100, borrowingLimitPercent: undefined }),
          level('c', 5, undefined, { borrowingLimitPercent: 100 }),
        ]
        const { flow, flowControl } = control(20, ...levelsOf(5))
        const seats: Seat[] = []
        const waits = new Set<Wait>()
        for (const [i, { user, group, what }] of steps.entries()) {
          if (what === 'end') seats.splice(i % (seats.length + 1), 1)[0]?.release()
          else if (what === 'leave') [...waits][0]?.cancel()
          else if (what === 'change')
            flowControl.configure(
              levelsOf(1).map(({ metadata: { name = '' } }) => schema(name, name, name)),
              levelsOf(5 + (i % 9)),
            )
          else {
            try {
              const entered = flow(`user-${user}`, group).enter(WAIT_MS)
              if (!isWait(entered)) seats.push(entered)
              else {
                waits.add(entered)
                entered.seat.then(
                  seat => {
                    waits.delete(entered)
                    seats.push(seat)
                  },
                  () => waits.delete(entered),
                )
              }
            } catch (error) {
              assert.ok(isTooMany(error))
            }
          }
          await new Promise(setImmediate)
          const all = [...flowControl.stats.levels()]
          assert.equal(
            all.reduce((sum, { seatsInUse }) => sum + seatsInUse, 0),
            seats.length,
          )
          if (what === 'ask') assert.ok(seats.length <= 40)
        }
        // Everything ends once all who were served are done.
        for (let rounds = 0; waits.size > 0 && rounds < 200; rounds++) {
          seats.shift()?.release()
          await new Promise(setImmediate)
        }
        assert.equal(waits.size, 0)
        for (const seat of seats.splice(0)) seat.release()
        for (const { seatsInUse } of flowControl.stats.levels()) assert.equal(seatsInUse, 0)
        // As many as at first: no seat was lost on the way.
        for (let i = 0; i < 5; i++) sit(flow('z', 'a'))
      }),
      { numRuns: 60 },
    )
  })
})

describe('planUpkeep()', () => {
  it('makes what every cluster has, and comes to rest', () => {
    const actions = planUpkeep({ schemas: [], levels: [] }, 't')
    const levels = actions.flatMap(action => (action.kind === 'create-level' ? [action.level] : []))
    const made = actions.flatMap(action => (action.kind === 'create-schema' ? [action.schema] : []))
    assert.equal(levels.length + made.length, actions.length)
    const written = planUpkeep({ schemas: made, levels }, 't')
    assert.ok(written.every(({ kind }) => kind === 'write-status'))
    const schemas = written.flatMap(action =>
      action.kind === 'write-status' ? [{ ...action.schema, status: { conditions: [action.condition] } }] : [],
    )
    assert.equal(schemas.length, made.length)
    assert.deepEqual(planUpkeep({ schemas, levels }, 'later'), [])
  })

  it('says when the level of a schema is not there', () => {
    const [action] = planUpkeep({ schemas: [schema('lost', 'nope', 'g')], levels: [] }, 't').filter(({ kind }) => kind === 'write-status')
    assert.deepEqual(action?.kind === 'write-status' && action.condition, {
      type: 'Dangling',
      status: 'True',
      reason: 'NotFound',
      message: 'This FlowSchema references the PriorityLevelConfiguration object named "nope" but there is no such object',
      lastTransitionTime: 't',
    })
  })
})
