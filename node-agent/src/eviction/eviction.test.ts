import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Container, Pod, PodSpec } from '@davit/api'
import fc from 'fast-check'
import type { PodUsage } from '../stats/index.ts'
import type { VolumeUsage } from '../volumes/index.ts'
import { refusalUnderPressure } from './admission.ts'
import { NO_PRESSURE, type Observation, planEviction } from './plan.ts'
import { evictionMessage, rankPods } from './rank.ts'
import { hasStorageLimit, storageExcess } from './storage-limits.ts'
import { EVICTION_HARD_DEFAULT, keptByThresholds, parseThresholds, type Signal } from './thresholds.ts'

const MEBIBYTE = 1 << 20
const GIBIBYTE = 2 ** 30

describe('parseThresholds()', () => {
  it("has Kubernetes' defaults", () => {
    assert.equal(parseThresholds({}).length, EVICTION_HARD_DEFAULT.split(',').length)
    assert.deepEqual(parseThresholds({})[0], { signal: 'memory.available', value: { quantity: 100 * MEBIBYTE }, graceMs: 0, isHard: true })
  })
  it('reads amounts, shares, graces and what is to be reclaimed', () => {
    const thresholds = parseThresholds({
      hard: 'memory.available<5%',
      soft: 'nodefs.available<1Gi',
      softGracePeriod: 'nodefs.available=1m30s',
      minimumReclaim: 'nodefs.available=500Mi,memory.available=0',
    })
    assert.deepEqual(thresholds, [
      { signal: 'memory.available', value: { share: 0.05 }, graceMs: 0, isHard: true, minReclaim: { quantity: 0 } },
      {
        signal: 'nodefs.available',
        value: { quantity: GIBIBYTE },
        graceMs: 90_000,
        isHard: false,
        minReclaim: { quantity: 500 * MEBIBYTE },
      },
    ])
  })
  it('is switched off by 0%', () => assert.deepEqual(parseThresholds({ hard: 'memory.available<0%' }), []))
  for (const [hard, why] of [
    ['memory<1Gi', /"memory<1Gi": wanted SIGNAL<VALUE/],
    ['memory.available=1Gi', /wanted SIGNAL<VALUE/],
    ['memory.available<120%', /between 0% and 100%/],
    ['memory.available<lots', /quantities must match/],
  ] as const) {
    it(`refuses ${hard}`, () => assert.throws(() => parseThresholds({ hard }), why))
  }
  it('refuses a soft threshold without a grace', () =>
    assert.throws(() => parseThresholds({ soft: 'memory.available<1Gi' }), /grace period must be specified/))
})

it('keptByThresholds() counts hard thresholds only', () => {
  const thresholds = parseThresholds({
    hard: 'memory.available<100Mi,nodefs.available<10%',
    soft: 'memory.available<1Gi',
    softGracePeriod: 'memory.available=1m',
  })
  assert.deepEqual(keptByThresholds(thresholds, { memoryBytes: GIBIBYTE, diskBytes: 1000 }), {
    memoryBytes: 100 * MEBIBYTE,
    diskBytes: 100,
  })
})

describe('planEviction()', () => {
  const low: Partial<Record<Signal, Observation>> = { 'memory.available': { available: 50 * MEBIBYTE, capacity: GIBIBYTE } }
  const fine: Partial<Record<Signal, Observation>> = { 'memory.available': { available: 900 * MEBIBYTE, capacity: GIBIBYTE } }
  const plan = (found: Partial<Record<Signal, Observation>>, now: number, flags = {}, state = NO_PRESSURE) => {
    const observations = new Map(Object.entries(found) as [Signal, Observation][])
    return planEviction({ thresholds: thresholdsOf(flags), observations, state, transitionMs: 300_000, now })
  }
  const kept = new Map<string, ReturnType<typeof parseThresholds>>()
  // The same objects for the same flags: what was passed is remembered by the threshold itself.
  const thresholdsOf = (flags: object) => {
    const key = JSON.stringify(flags)
    const found = kept.get(key) ?? parseThresholds(flags)
    kept.set(key, found)
    return found
  }

  it('does nothing while there is enough', () => {
    const { conditions, relieve } = plan(fine, 0)
    assert.deepEqual([[...conditions], relieve], [[], undefined])
  })
  it('acts at once on a hard threshold', () => {
    const { conditions, relieve } = plan(low, 0)
    assert.deepEqual([...conditions], ['MemoryPressure'])
    assert.equal(relieve?.threshold.signal, 'memory.available')
  })
  it('keeps the condition for the transition period, and evicts nobody meanwhile', () => {
    const first = plan(low, 0)
    const second = plan(fine, 299_999, {}, first.state)
    assert.deepEqual([[...second.conditions], second.relieve], [['MemoryPressure'], undefined])
    assert.deepEqual([...plan(fine, 300_000, {}, second.state).conditions], [])
  })
  it('waits for the grace of a soft threshold', () => {
    const soft = { hard: '', soft: 'memory.available<100Mi', softGracePeriod: 'memory.available=1m' }
    const first = plan(low, 0, soft)
    assert.deepEqual([[...first.conditions], first.relieve], [['MemoryPressure'], undefined])
    const second = plan(low, 59_999, soft, first.state)
    assert.equal(second.relieve, undefined)
    assert.ok(plan(low, 60_000, soft, second.state).relieve)
    const over = plan(fine, 59_999, soft, first.state)
    assert.equal(plan(low, 60_000, soft, over.state).relieve, undefined, 'it begins anew')
  })
  it('goes on until as much is free as was asked for', () => {
    const flags = { hard: 'memory.available<100Mi', minimumReclaim: 'memory.available=100Mi' }
    const first = plan(low, 0, flags)
    const between = { 'memory.available': { available: 150 * MEBIBYTE, capacity: GIBIBYTE } }
    assert.ok(plan(between, 10_000, flags, first.state).relieve)
    assert.equal(plan(between, 10_000, flags).relieve, undefined)
  })
  it('sees to memory before disks', () => {
    const both = { ...low, 'nodefs.available': { available: 1, capacity: 100 } }
    const { conditions, relieve } = plan(both, 0)
    assert.deepEqual([...conditions].sort(), ['DiskPressure', 'MemoryPressure'])
    assert.equal(relieve?.threshold.signal, 'memory.available')
  })
  it('comes to rest: with enough for long enough there is no condition, whatever was before', () => {
    const looks = fc.array(fc.tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 400_000 })), { maxLength: 20 })
    fc.assert(
      fc.property(looks, history => {
        let [state, now] = [NO_PRESSURE, 0]
        for (const [percent, ms] of history) {
          now += ms
          const look = plan({ 'memory.available': { available: percent, capacity: 100 } }, now, { hard: 'memory.available<50%' }, state)
          assert.equal(look.relieve !== undefined, percent < 50)
          state = look.state
        }
        const last = plan({ 'memory.available': { available: 99, capacity: 100 } }, now + 300_000, { hard: 'memory.available<50%' }, state)
        assert.deepEqual([[...last.conditions], last.relieve], [[], undefined])
      }),
    )
  })
})

interface Made {
  priority?: number
  workingSet?: number
  rootfs?: number
  processes?: number
  resources?: Container['resources']
  spec?: Partial<PodSpec>
  volumes?: [name: string, usedBytes: number][]
  annotations?: Record<string, string>
}

function made(
  name: string,
  { priority = 0, workingSet = 0, rootfs = 0, processes = 1, resources, spec, volumes = [], annotations }: Made = {},
): PodUsage {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: name, ...(annotations && { annotations }) },
    spec: { priority, containers: [{ name: 'main', image: 'a', ...(resources && { resources }) }], ...spec },
  }
  const group = {
    cpuNs: 0,
    memoryBytes: workingSet,
    workingSetBytes: workingSet,
    rssBytes: 0,
    pageFaults: 0,
    majorPageFaults: 0,
    processes,
  }
  const usage = { bytes: rootfs, inodes: 1, complete: true }
  const none = { availableBytes: 0, capacityBytes: 0, inodesUsed: 0, inodes: 0, inodesFree: 0 }
  return {
    uid: name,
    pod,
    at: 0,
    containers: [{ name: 'main', at: 0, startedAt: 0, cpu: { ns: 0 }, group, rootfs: usage }],
    interfaces: [],
    volumes: volumes.map(([volume, usedBytes]): VolumeUsage => ({ name: volume, usedBytes, ...none })),
    processes,
  }
}

const shortOf = (signal: Signal) => ({
  threshold: { signal, value: { quantity: 100 * MEBIBYTE }, graceMs: 0, isHard: true },
  observation: { available: 50 * MEBIBYTE, capacity: GIBIBYTE },
})
const names = (usages: readonly PodUsage[]) => usages.map(({ uid }) => uid)

describe('rankPods()', () => {
  it('takes pods above their requests first, then low priority, then the largest', () => {
    const requests = (memory: string) => ({ resources: { requests: { memory } } })
    const pods = [
      made('within', { workingSet: 500 * MEBIBYTE, ...requests('600Mi') }),
      made('important', { workingSet: 900 * MEBIBYTE, priority: 1000 }),
      made('small', { workingSet: 10 * MEBIBYTE }),
      made('large', { workingSet: 300 * MEBIBYTE, ...requests('100Mi') }),
    ]
    assert.deepEqual(names(rankPods(pods, shortOf('memory.available'))), ['large', 'small', 'important', 'within'])
  })
  it('never takes critical and static pods', () => {
    const pods = [
      made('critical', { priority: 2_000_000_000 }),
      made('static', { annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': 'static' } }),
      made('plain'),
    ]
    assert.deepEqual(names(rankPods(pods, shortOf('memory.available'))), ['plain'])
  })
  it('looks at disk use for disks, volumes in memory aside', () => {
    const memory = { spec: { volumes: [{ name: 'v', emptyDir: { medium: 'Memory' as const } }] } }
    const disk = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }
    const pods = [
      made('a', { rootfs: 10 }),
      made('b', { ...memory, volumes: [['v', 1000]] }),
      made('c', { ...disk, volumes: [['v', 100]] }),
    ]
    assert.deepEqual(names(rankPods(pods, shortOf('imagefs.available'))), ['c', 'a', 'b'])
  })
  it('looks at processes for processes', () =>
    assert.deepEqual(names(rankPods([made('a'), made('b', { processes: 9 })], shortOf('pid.available'))), ['b', 'a']))
})

describe('evictionMessage()', () => {
  it("says it in Kubernetes' words", () => {
    const message = evictionMessage(shortOf('memory.available'), made('a', { workingSet: 80 * MEBIBYTE }))
    assert.equal(
      message,
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container main was using 80Mi, request is 0, has larger consumption of memory. ',
    )
  })
  it('names no container that keeps to its request', () => {
    const message = evictionMessage(shortOf('memory.available'), made('a', { workingSet: 80, resources: { requests: { memory: '1Mi' } } }))
    assert.equal(message, 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ')
  })
})

describe('storageExcess()', () => {
  const cases: [string, Made, string | undefined][] = [
    ['nothing without limits', { rootfs: 5 * MEBIBYTE }, undefined],
    [
      'an emptyDir above its limit',
      { spec: { volumes: [{ name: 'x', emptyDir: { sizeLimit: '1Mi' } }] }, volumes: [['x', MEBIBYTE + 1]] },
      'Usage of EmptyDir volume "x" exceeds the limit "1Mi". ',
    ],
    [
      'no emptyDir within its limit',
      { spec: { volumes: [{ name: 'x', emptyDir: { sizeLimit: '1Mi' } }] }, volumes: [['x', MEBIBYTE]] },
      undefined,
    ],
    [
      'the pod above the sum of its limits',
      { rootfs: 3 * MEBIBYTE, resources: { limits: { 'ephemeral-storage': '2Mi' } } },
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
    ],
    [
      'a container above its own limit, when not all have one',
      {
        rootfs: 3 * MEBIBYTE,
        spec: {
          containers: [
            { name: 'main', image: 'a', resources: { limits: { 'ephemeral-storage': '2Mi' } } },
            { name: 'other', image: 'a' },
          ],
        },
      },
      'Container main exceeded its local ephemeral storage limit "2Mi". ',
    ],
  ]
  for (const [what, fields, message] of cases) {
    it(`finds ${what}`, () => {
      const usage = made('a', fields)
      assert.equal(storageExcess(usage), message)
      if (message) assert.ok(hasStorageLimit(usage.pod))
    })
  }
})

describe('refusalUnderPressure()', () => {
  const burstable = made('a', { resources: { requests: { cpu: '1m' } } }).pod
  const bestEffort = made('a').pod
  it('keeps pods that promise nothing away from a node short of memory', () => {
    const short = new Set(['MemoryPressure'] as const)
    assert.deepEqual(refusalUnderPressure(bestEffort, short), { reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' })
    assert.equal(refusalUnderPressure(burstable, short), undefined)
    const tolerations = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' as const }]
    assert.equal(refusalUnderPressure(made('a', { spec: { tolerations } }).pod, short), undefined)
  })
  it('keeps all but critical pods away from a node short of disk', () => {
    const short = new Set(['DiskPressure'] as const)
    assert.equal(refusalUnderPressure(burstable, short)?.reason, 'Evicted')
    assert.equal(refusalUnderPressure(made('a', { priority: 2_000_001_000 }).pod, short), undefined)
  })
})
