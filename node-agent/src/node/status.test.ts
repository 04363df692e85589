import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
  pressure: {
    memoryAvailableBytes: GIBIBYTE,
    diskTotalBytes: 100 * GIBIBYTE,
    diskAvailableBytes: 50 * GIBIBYTE,
    tasks: 100,
    tasksMax: 1000,
  },
  images: [],
  dockerProblem: undefined,
  networkProblem: undefined,
  current: undefined,
  now: 1_700_000_000_000,
}
const verdict = (fields: Partial<NodeObserved>, type: string) =>
  nodeStatus({ ...observed, ...fields }).conditions?.find(condition => condition.type === type)
const under = (pressure: Partial<NodeObserved['pressure']>) => ({ pressure: { ...observed.pressure, ...pressure } })

describe('nodeStatus()', () => {
  it('reports what Docker says, or the flags', () => {
    assert.deepEqual(resources(observed).capacity, { cpu: '2', memory: '8388608Ki', 'ephemeral-storage': '104857600Ki', pods: '110' })
    const flagged = resources({
      ...observed,
      capacity: { pods: 5, milliCpu: 1500, memoryBytes: GIBIBYTE, reservedMilliCpu: 500, reservedMemoryBytes: GIBIBYTE / 2 },
    })
    assert.deepEqual([flagged.capacity.cpu, flagged.allocatable.cpu, flagged.allocatable.memory], ['1500m', '1', '524288Ki'])
  })

  for (const [what, fields, type, status] of [
    ['is Ready when all is well', {}, 'Ready', 'True'],
    ['has a network when all is well', {}, 'NetworkUnavailable', 'False'],
    ['is not Ready without Docker', { dockerProblem: 'connect ENOENT' }, 'Ready', 'False'],
    ['lacks a network', { networkProblem: 'no bridge' }, 'NetworkUnavailable', 'True'],
    ['lacks memory', under({ memoryAvailableBytes: 1 << 20 }), 'MemoryPressure', 'True'],
    ['lacks disk', under({ diskAvailableBytes: GIBIBYTE }), 'DiskPressure', 'True'],
    ['lacks room for processes', under({ tasks: 950 }), 'PIDPressure', 'True'],
  ] as const) {
    it(what, () => assert.equal(verdict(fields, type)?.status, status))
  }

  it('says why Docker cannot be used', () =>
    assert.equal(verdict({ dockerProblem: 'connect ENOENT' }, 'Ready')?.message, 'docker is not responding: connect ENOENT'))

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
