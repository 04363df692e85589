import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerResizePolicy, ResourceRequirements } from '@davit/api'
import { planPod } from './plan.ts'
import { grant, limitsLabel, resizeStep, shownResources } from './resize.ts'
import { podStatus } from './status.ts'
import { checkpoint, container, ended, info, observed, pod, record } from './test-pods.ts'

const GIB = 1 << 30
const room = { allocatable: { milliCpu: 4000, memoryBytes: 4 * GIB }, others: () => ({ milliCpu: 1000, memoryBytes: GIB }) }
const resources = (cpu: string, memory: string): ResourceRequirements => ({ requests: { cpu, memory }, limits: { cpu, memory } })
const asking = (cpu: string, memory: string, resizePolicy: ContainerResizePolicy[] = []) =>
  pod({ containers: [container('main', { resources: resources(cpu, memory), resizePolicy })] })
const before = { main: resources('500m', '1Gi') }
const restart = (resourceName: string): ContainerResizePolicy => ({ resourceName, restartPolicy: 'RestartContainer' })

describe('grant()', () => {
  it('gives a new pod what it asks', () => {
    assert.deepEqual(grant({ pod: asking('9', '9Gi') }, room), { allocated: { main: resources('9', '9Gi') } })
  })
  it('grants what fits beside the others, all or nothing', () => {
    assert.deepEqual(grant({ pod: asking('3', '3Gi'), allocated: before }, room), { allocated: { main: resources('3', '3Gi') } })
    const { allocated, pending } = grant({ pod: asking('600m', '3100Mi'), allocated: before }, room)
    assert.deepEqual(allocated, before)
    assert.equal(pending?.reason, 'Deferred')
    assert.match(
      pending?.message ?? '',
      /^Node didn't have enough resource: memory, requested: 3250585600, used: 1073741824, capacity: 4294967296$/,
    )
  })
  it('says that what the node has not at all will never fit', () => {
    const { pending } = grant({ pod: asking('5', '1Gi'), allocated: before }, room)
    assert.deepEqual(pending, { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000" })
  })
  it('always lets a pod have less, even on a node that is too full', () => {
    const full = { ...room, others: () => ({ milliCpu: 4000, memoryBytes: 4 * GIB }) }
    assert.deepEqual(grant({ pod: asking('400m', '1Gi'), allocated: before }, full), { allocated: { main: resources('400m', '1Gi') } })
  })
  it('takes over other words for the same amounts at once', () => {
    const full = { ...room, others: () => ({ milliCpu: 9000, memoryBytes: 9 * GIB }) }
    assert.deepEqual(grant({ pod: asking('0.5', '1024Mi'), allocated: before }, full), { allocated: { main: resources('0.5', '1024Mi') } })
  })
})

describe('resizeStep()', () => {
  const inForce = limitsLabel({ resources: resources('500m', '1Gi') })
  const step = (cpu: string, memory: string, ...policies: ContainerResizePolicy[]) =>
    resizeStep(container('main', { resources: resources(cpu, memory), resizePolicy: policies }), inForce)

  it('has nothing to do for equal amounts, or for a container of which nothing is known', () => {
    assert.equal(step('0.5', '1024Mi', restart('cpu')), undefined)
    assert.equal(resizeStep(container('main', { resources: resources('1', '2Gi') }), undefined), undefined)
  })
  it('updates the running container, with swap kept at none', () => {
    const limits = { CpuShares: 1024, CpuQuota: 100_000, CpuPeriod: 100_000, Memory: 2 * GIB, MemorySwap: 2 * GIB }
    assert.deepEqual(step('1', '2Gi'), { how: 'update', limits, label: `1024,100000,${2 * GIB}` })
  })
  it('restarts it for what its policy says, and only for that', () => {
    assert.deepEqual(step('500m', '2Gi', restart('memory')), { how: 'restart' })
    assert.equal(step('1', '1Gi', restart('memory'))?.how, 'update')
  })
})

describe('shownResources()', () => {
  it('shows what was granted in its own words once it is in force', () => {
    const granted = resources('0.5', '1024Mi')
    assert.deepEqual(shownResources(granted, limitsLabel({ resources: resources('500m', '1Gi') })), granted)
  })
  it('shows what the cgroup has until then', () => {
    const shown = shownResources(resources('2', '2Gi'), limitsLabel({ resources: resources('500m', '1Gi') }))
    assert.deepEqual(shown, { limits: { cpu: '500m', memory: String(GIB) }, requests: { cpu: '500m', memory: '2Gi' } })
  })
})

describe('planPod() on a resize', () => {
  const limits = limitsLabel({ resources: resources('500m', '1Gi') })
  const world = (of: ReturnType<typeof pod>, fields = {}) =>
    observed({
      checkpoint: checkpoint(of, { records: { main: record('main') }, allocated: { main: resources('1', '1Gi') }, ...fields }),
      containers: [info('main', { limits })],
    })

  it('updates what runs, once', () => {
    const actions = planPod(world(asking('1', '1Gi')))
    assert.deepEqual(
      actions.map(({ kind }) => kind),
      ['update-container'],
    )
    const done = { records: { main: record('main', { updated: limitsLabel({ resources: resources('1', '1Gi') }) }) } }
    assert.deepEqual(planPod(world(asking('1', '1Gi'), done)), [])
  })
  it('starts again what it stopped for a resize, with no back-off and whatever the policy says', () => {
    const of = asking('1', '1Gi', [restart('cpu')])
    of.spec.restartPolicy = 'OnFailure'
    const [stop] = planPod(world(of))
    assert.ok(stop?.kind === 'stop-container' && stop.rerun)
    assert.equal(stop.why, 'Container main resize requires restart')
    const stopped = { records: { main: record('main', { attempt: 3, crashes: 3, rerun: true, ended: ended(0) }) }, sandboxAttempt: 0 }
    const after = { ...world(of, stopped), containers: [info('POD')] }
    assert.deepEqual(
      planPod(after).map(({ kind }) => kind),
      ['start-container'],
    )
  })
})

describe('podStatus() on a resize', () => {
  const status = (fields: Parameters<typeof checkpoint>[1], limits: string | undefined) =>
    podStatus({
      ...observed({
        checkpoint: checkpoint(asking('1', '1Gi'), { records: { main: record('main') }, ...fields }),
        containers: [info('main', { limits })],
      }),
      current: {
        conditions: [
          { type: 'PodResizePending', status: 'True' },
          { type: 'example.com/own', status: 'True' },
        ],
      },
      hostIp: '10.0.0.1',
      wallNow: 0,
      imageIds: new Map(),
    })
  const types = ({ conditions = [] }: ReturnType<typeof status>) => conditions.map(({ type }) => type)

  it('tells that it is under way, and what is held meanwhile', () => {
    const shown = status({ allocated: { main: resources('1', '1Gi') } }, limitsLabel({ resources: resources('500m', '1Gi') }))
    assert.ok(types(shown).includes('PodResizeInProgress'))
    assert.ok(!types(shown).includes('PodResizePending'), 'gone once it is granted')
    assert.ok(types(shown).includes('example.com/own'), 'the condition of others stays')
    const [main] = shown.containerStatuses ?? []
    assert.deepEqual(main?.allocatedResources, { cpu: '1', memory: '1Gi' })
    assert.equal(main?.resources?.limits?.cpu, '500m')
  })
  it('tells that it waits, and why', () => {
    const pendingResize = { reason: 'Deferred', message: 'later' } as const
    const shown = status({ allocated: before, pendingResize }, limitsLabel({ resources: resources('500m', '1Gi') }))
    const pending = shown.conditions?.find(({ type }) => type === 'PodResizePending')
    assert.deepEqual([pending?.status, pending?.reason, pending?.message], ['True', 'Deferred', 'later'])
    assert.ok(!types(shown).includes('PodResizeInProgress'))
  })
})
