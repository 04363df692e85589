import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PodStatus } from '@davit/api'
import { goDuration, podStatus, type StatusInput } from './status.ts'
import { checkpoint, container, ended, info, joined, observed, pod, record, sandbox } from './test-pods.ts'

function status(fields: Partial<StatusInput> & Pick<StatusInput, 'checkpoint'>): PodStatus {
  return podStatus({
    ...observed(fields),
    current: undefined,
    hostIp: '10.0.0.1',
    wallNow: 1_700_000_000_000,
    imageIds: new Map(),
    ...fields,
  })
}
const condition = ({ conditions = [] }: PodStatus, type: string) => conditions.find(found => found.type === type)
const ready = { started: true, ready: true }

describe('podStatus()', () => {
  it('shows a pod whose container is being made', () => {
    const shown = status({ checkpoint: checkpoint(pod()) })
    assert.equal(shown.phase, 'Pending')
    assert.deepEqual(shown.containerStatuses?.[0]?.state, { waiting: { reason: 'ContainerCreating' } })
    assert.equal(condition(shown, 'Ready')?.message, 'containers with unready status: [main]')
    assert.equal(condition(shown, 'Initialized')?.status, 'True')
    assert.equal(condition(shown, 'PodReadyToStartContainers')?.status, 'False')
  })

  it('shows a running and ready pod', () => {
    const shown = status({
      checkpoint: checkpoint(pod(), { records: { main: record('main') } }),
      containers: [info('main')],
      probes: new Map([['main-0', ready]]),
    })
    assert.equal(shown.phase, 'Running')
    assert.deepEqual([shown.podIP, shown.podIPs, shown.hostIP], ['10.244.0.2', [{ ip: '10.244.0.2' }], '10.0.0.1'])
    const [only] = shown.containerStatuses ?? []
    assert.deepEqual([only?.ready, only?.started, only?.containerID], [true, true, 'docker://main-0'])
    assert.equal(condition(shown, 'Ready')?.status, 'True')
  })

  it('keeps the time of a condition whose status stays, and conditions of others', () => {
    const current: PodStatus = {
      conditions: [
        { type: 'Ready', status: 'False', lastTransitionTime: '2020-01-01T00:00:00Z' },
        { type: 'DisruptionTarget', status: 'True' },
      ],
    }
    const shown = status({ checkpoint: checkpoint(pod()), current })
    assert.equal(condition(shown, 'Ready')?.lastTransitionTime, '2020-01-01T00:00:00Z')
    assert.equal(condition(shown, 'DisruptionTarget')?.status, 'True')
  })

  it('shows a container in back-off with how it ended, and that it ended while it is about to be restarted', () => {
    const crashed = checkpoint(pod(), {
      records: { main: record('main', { attempt: 1, crashes: 1, ended: ended(3, { containerId: 'main-1' }) }) },
    })
    const waiting = status({ checkpoint: crashed, endedAt: new Map([['main-1', 100_000]]) }).containerStatuses?.[0]
    assert.equal(waiting?.state?.waiting?.reason, 'CrashLoopBackOff')
    assert.equal(waiting?.lastState?.terminated?.exitCode, 3)
    assert.equal(waiting?.restartCount, 1)
    const due = status({ checkpoint: crashed, endedAt: new Map([['main-1', 80_000]]) }).containerStatuses?.[0]
    assert.equal(due?.state?.terminated?.exitCode, 3)
  })

  it('calls an image error a back-off after a moment', () => {
    const problems = new Map([
      ['start:main', { reason: 'ErrImagePull', message: 'no such host', failures: 1, since: 100_000, retryAt: 110_000 }],
    ])
    const at = (now: number) => status({ checkpoint: checkpoint(pod()), problems, now }).containerStatuses?.[0]?.state?.waiting
    assert.deepEqual(at(100_100), { reason: 'ErrImagePull', message: 'no such host' })
    assert.deepEqual(at(105_000), { reason: 'ImagePullBackOff', message: 'Back-off pulling image "app:1": ErrImagePull: no such host' })
  })

  it('shows what a finished pod ended with', () => {
    const job = checkpoint(pod({ restartPolicy: 'Never' }), {
      final: { phase: 'Succeeded' },
      records: { main: record('main', { ended: ended(0) }) },
    })
    const shown = status({ checkpoint: job })
    assert.equal(shown.phase, 'Succeeded')
    assert.equal(shown.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed')
    assert.deepEqual([condition(shown, 'Ready')?.status, condition(shown, 'Ready')?.reason], ['False', 'PodCompleted'])
  })

  it('names the init containers that are not through, and shows the others as initializing', () => {
    const spec = { initContainers: [container('first'), container('second')] }
    const shown = status({
      checkpoint: checkpoint(pod(spec), { records: { first: record('first', { ended: ended(0) }) } }),
      containers: [sandbox()],
    })
    assert.equal(shown.phase, 'Pending')
    assert.equal(condition(shown, 'Initialized')?.message, 'containers with incomplete status: [second]')
    assert.equal(shown.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing')
    assert.equal(shown.initContainerStatuses?.[0]?.ready, true)
  })

  it('stays Running when a container of a pod that runs is down', () => {
    const spec = { initContainers: [container('first')], containers: [container('a'), container('b')] }
    const records = {
      first: record('first', { ended: ended(0) }),
      a: record('a'),
      b: record('b', { attempt: 2, crashes: 2, ended: ended(1, { containerId: 'b-2' }) }),
    }
    const shown = status({
      checkpoint: checkpoint(pod(spec), { records }),
      containers: [sandbox(), joined('a')],
      endedAt: new Map([['b-2', 100_000]]),
    })
    assert.equal(shown.phase, 'Running')
  })

  it('ends a stopped pod as Succeeded or Failed', () => {
    const stopped = (code: number) =>
      status({ checkpoint: checkpoint(pod(), { records: { main: record('main', { ended: ended(code) }) } }), leaving: true }).phase
    assert.deepEqual([stopped(0), stopped(137)], ['Succeeded', 'Failed'])
  })

  it('shows a container as being created until its postStart hook has ended', () => {
    const hooked = pod({ containers: [container('main', { lifecycle: { postStart: { sleep: { seconds: 5 } } } })] })
    const shown = status({
      checkpoint: checkpoint(hooked, { records: { main: record('main') } }),
      containers: [info('main')],
      busy: new Set(['start:main']),
    })
    assert.equal(shown.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating')
  })
})

describe('goDuration()', () => {
  for (const [ms, text] of [
    [10_000, '10s'],
    [80_000, '1m20s'],
    [300_000, '5m0s'],
  ] as const) {
    it(`writes ${ms} ms as ${text}`, () => assert.equal(goDuration(ms), text))
  }
})

describe('podStatus() in the details', () => {
  const running = (fields: Parameters<typeof checkpoint>[1] = {}, of = pod()) => ({
    checkpoint: checkpoint(of, { records: { main: record('main') }, ...fields }),
    containers: [info('main')],
    probes: new Map([['main-0', ready]]),
  })

  it('calls a pod ended when its sidecars have ended too', () => {
    const of = pod({ restartPolicy: 'Never', initContainers: [container('proxy', { restartPolicy: 'Always' })] })
    const records = { main: record('main', { ended: ended(0) }), proxy: record('proxy') }
    const final = { phase: 'Succeeded' } as const
    const containers = [sandbox(), joined('proxy')]
    assert.equal(status({ checkpoint: checkpoint(of, { records, final }), containers }).phase, 'Running')
    const stopped = { main: record('main', { ended: ended(0) }), proxy: record('proxy', { ended: ended(143) }) }
    assert.equal(status({ checkpoint: checkpoint(of, { records: stopped, final }), containers: [sandbox()] }).phase, 'Succeeded')
  })

  it('keeps all last words of a pod within 12 KiB, and no half of a character', () => {
    const names = ['a', 'b', 'c', 'd']
    const of = pod({ restartPolicy: 'Never', containers: names.map(name => container(name)) })
    const message = 'é'.repeat(2048)
    const records = Object.fromEntries(names.map(name => [name, record(name, { ended: ended(1, { message }) })]))
    const shown = status({ checkpoint: checkpoint(of, { records }) })
    for (const { state } of shown.containerStatuses ?? []) assert.equal(state?.terminated?.message, 'é'.repeat(1536))
    const alone = pod({ restartPolicy: 'Never' })
    const [only] =
      status({ checkpoint: checkpoint(alone, { records: { main: record('main', { ended: ended(1, { message }) }) } }) })
        .containerStatuses ?? []
    assert.equal(only?.state?.terminated?.message, message)
  })

  it('says which readiness gates are closed, and why', () => {
    const of = pod({ readinessGates: [{ conditionType: 'example.com/a' }, { conditionType: 'example.com/b' }] })
    const current: PodStatus = { conditions: [{ type: 'example.com/b', status: 'False' }] }
    const shown = condition(status({ ...running({}, of), current }), 'Ready')
    assert.equal(shown?.reason, 'ReadinessGatesNotReady')
    assert.equal(
      shown?.message,
      'corresponding condition of pod readiness gate "example.com/a" does not exist., the status of pod readiness gate "example.com/b" is not "True", but False',
    )
    const open: PodStatus = { conditions: ['a', 'b'].map(name => ({ type: `example.com/${name}`, status: 'True' as const })) }
    assert.equal(condition(status({ ...running({}, of), current: open }), 'Ready')?.status, 'True')
  })

  it('says which generation of the pod it is of', () => {
    const shown = status(running({}, pod({}, { generation: 3 })))
    assert.equal(shown.observedGeneration, 3)
    assert.ok(shown.conditions?.every(({ observedGeneration }) => observedGeneration === 3))
  })

  it('shows no containers of a pod that its node refused', () => {
    const final = { phase: 'Failed', reason: 'SysctlForbidden', message: 'Pod was rejected: no', isRefused: true } as const
    const shown = status({ checkpoint: checkpoint(pod(), { final }) })
    assert.deepEqual([shown.phase, shown.reason, shown.containerStatuses], ['Failed', 'SysctlForbidden', undefined])
  })
})
