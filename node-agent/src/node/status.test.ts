import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PressureCondition, parseThresholds } from '../eviction/index.ts'
import { nodeEvents } from './events.ts'
import { type NodeObserved, nodeStatus, resources, significant } from './status.ts'

const GIBIBYTE = 2 ** 30
const observed: NodeObserved = {
  nodeName: 'n1',
  nodeIp: '10.0.0.1',
  version: 'v1',
  capacity: { pods: 110 },
  engine: {
    id: 'E',
    cpus: 2,
    memoryBytes: 8 * GIBIBYTE,
    version: '20.10.24',
    kernelVersion: '6.1',
    osImage: 'Debian',
    operatingSystem: 'linux',
    architecture: 'amd64',
    cgroupDriver: 'cgroupfs',
    cgroupVersion: '1',
    hasAppArmor: false,
    rootDir: '/var/lib/docker',
    liveRestore: true,
  },
  ids: { machineId: 'm', systemUuid: 's', bootId: 'b' },
  diskBytes: 100 * GIBIBYTE,
  hugePages: {},
  pressures: new Set(),
  isShuttingDown: false,
  images: [],
  dockerProblem: undefined,
  networkProblem: undefined,
  current: undefined,
  now: 1_700_000_000_000,
}
const verdict = (fields: Partial<NodeObserved>, type: string) =>
  nodeStatus({ ...observed, ...fields }).conditions?.find(condition => condition.type === type)
const under = (pressure: PressureCondition) => ({ pressures: new Set([pressure]) })

describe('nodeStatus()', () => {
  it('reports what Docker says, or the flags', () => {
    assert.deepEqual(resources(observed).capacity, { cpu: '2', memory: '8388608Ki', 'ephemeral-storage': '104857600Ki', pods: '110' })
    const flagged = resources({
      ...observed,
      capacity: { pods: 5, milliCpu: 1500, memoryBytes: GIBIBYTE, reservedMilliCpu: 500, reservedMemoryBytes: GIBIBYTE / 2 },
    })
    assert.deepEqual([flagged.capacity.cpu, flagged.allocatable.cpu, flagged.allocatable.memory], ['1500m', '1', '524288Ki'])
  })

  it('keeps from pods what is reserved and what hard thresholds ask for', () => {
    const capacity = {
      pods: 5,
      reservedMemoryBytes: GIBIBYTE,
      reservedDiskBytes: GIBIBYTE,
      thresholds: parseThresholds({
        hard: 'memory.available<1Gi,nodefs.available<10%',
        soft: 'memory.available<4Gi',
        softGracePeriod: 'memory.available=1m',
      }),
    }
    const { allocatable } = resources({ ...observed, capacity, hugePages: { 'hugepages-2Mi': GIBIBYTE } })
    assert.deepEqual([allocatable.memory, allocatable['ephemeral-storage']], ['5242880Ki', String(89 * GIBIBYTE)])
    assert.equal(allocatable['hugepages-2Mi'], '1Gi')
  })

  it('is not Ready while its machine goes down', () => {
    assert.deepEqual(
      [verdict({ isShuttingDown: true }, 'Ready')?.status, verdict({ isShuttingDown: true }, 'Ready')?.message],
      ['False', 'node is shutting down'],
    )
    const both = verdict({ isShuttingDown: true, dockerProblem: 'x' }, 'Ready')
    assert.equal(both?.message, '[container runtime is down: x, node is shutting down]')
  })

  for (const [what, fields, type, status] of [
    ['is Ready when all is well', {}, 'Ready', 'True'],
    ['has a network when all is well', {}, 'NetworkUnavailable', 'False'],
    ['is not Ready without Docker', { dockerProblem: 'connect ENOENT' }, 'Ready', 'False'],
    ['lacks a network', { networkProblem: 'no bridge' }, 'NetworkUnavailable', 'True'],
    ['lacks memory', under('MemoryPressure'), 'MemoryPressure', 'True'],
    ['lacks disk', under('DiskPressure'), 'DiskPressure', 'True'],
    ['lacks room for processes', under('PIDPressure'), 'PIDPressure', 'True'],
  ] as const) {
    it(what, () => assert.equal(verdict(fields, type)?.status, status))
  }

  it('says why Docker cannot be used', () =>
    assert.equal(verdict({ dockerProblem: 'connect ENOENT' }, 'Ready')?.message, 'container runtime is down: connect ENOENT'))

  it('keeps the time of a condition that stays', () => {
    const current = nodeStatus({ ...observed, now: 1_600_000_000_000 })
    assert.equal(verdict({ current }, 'Ready')?.lastTransitionTime, '2020-09-13T12:26:40Z')
  })
})

it('significant() does not change with the heartbeat alone', () => {
  assert.deepEqual(
    significant(nodeStatus(observed)),
    significant(nodeStatus({ ...observed, now: observed.now + 60_000, current: nodeStatus(observed) })),
  )
})

describe('nodeEvents()', () => {
  const reasons = (before: Partial<NodeObserved> | undefined, after: Partial<NodeObserved>) =>
    nodeEvents('n1', before && nodeStatus({ ...observed, ...before }), nodeStatus({ ...observed, ...after })).map(({ reason }) => reason)

  it('tells of what changed', () => {
    assert.deepEqual(reasons({}, {}), [])
    assert.deepEqual(reasons({}, under('MemoryPressure')), ['NodeHasInsufficientMemory'])
    assert.deepEqual(reasons(under('DiskPressure'), {}), ['NodeHasNoDiskPressure'])
    assert.deepEqual(reasons({}, { dockerProblem: 'x' }), ['NodeNotReady'])
    assert.deepEqual(reasons({ dockerProblem: 'x' }, {}), ['NodeReady'])
  })
  it('tells of a reboot, and not of the first boot that is seen', () => {
    assert.deepEqual(reasons({}, { ids: { ...observed.ids, bootId: 'c' } }), ['Rebooted'])
    assert.deepEqual(reasons({ ids: { ...observed.ids, bootId: '' } }, {}), [])
  })
})
