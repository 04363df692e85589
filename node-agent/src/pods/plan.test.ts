import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planPod } from './plan.ts'
import { checkpoint, container, ended, info, joined, observed, pod, record, sandbox } from './test-pods.ts'

const kinds = (actions: ReturnType<typeof planPod>) => actions.map(({ kind }) => kind)
const started = { started: true, ready: true }

describe('planPod()', () => {
  it('prepares before anything else', () => {
    assert.deepEqual(kinds(planPod(observed({ checkpoint: checkpoint(pod()), prepared: false }))), ['prepare'])
    assert.deepEqual(planPod(observed({ checkpoint: checkpoint(pod()), prepared: false, busy: new Set(['prepare']) })), [])
  })

  it('lets the only container of a pod hold the network in its first attempt', () => {
    assert.deepEqual(planPod(observed({ checkpoint: checkpoint(pod()) })), [
      { kind: 'start-container', name: 'main', attempt: 0, network: { from: 'own' } },
    ])
  })

  it('gives several containers a sandbox first, then starts all of them in it', () => {
    const two = checkpoint(pod({ containers: [container('a'), container('b')] }))
    assert.deepEqual(planPod(observed({ checkpoint: two })), [{ kind: 'start-sandbox', attempt: 0 }])
    const actions = planPod(observed({ checkpoint: { ...two, sandboxAttempt: 0 }, containers: [sandbox()] }))
    assert.deepEqual(actions, [
      { kind: 'start-container', name: 'a', attempt: 0, network: { from: 'container', id: 'POD-0' } },
      { kind: 'start-container', name: 'b', attempt: 0, network: { from: 'container', id: 'POD-0' } },
    ])
  })

  it('puts the second attempt of a single container into a sandbox', () => {
    const after = checkpoint(pod(), { records: { main: record('main', { ended: ended(1) }) } })
    const exited = info('main', { state: 'exited', exitCode: 1 })
    assert.deepEqual(planPod(observed({ checkpoint: after, containers: [exited] })), [{ kind: 'start-sandbox', attempt: 0 }])
    const held = observed({ checkpoint: { ...after, sandboxAttempt: 0 }, containers: [exited, sandbox()] })
    assert.deepEqual(planPod(held), [{ kind: 'start-container', name: 'main', attempt: 1, network: { from: 'container', id: 'POD-0' } }])
  })

  it('waits 10 s before the second restart, from when the end was seen', () => {
    const crashed = checkpoint(pod(), {
      sandboxAttempt: 0,
      records: { main: record('main', { attempt: 1, crashes: 1, ended: ended(1, { containerId: 'main-1' }) }) },
    })
    const at = (now: number) =>
      planPod(observed({ checkpoint: crashed, containers: [sandbox()], endedAt: new Map([['main-1', 100_000]]), now }))
    assert.deepEqual(at(100_000), [{ kind: 'again', afterMs: 10_000 }])
    assert.deepEqual(at(109_999), [{ kind: 'again', afterMs: 1 }])
    assert.deepEqual(kinds(at(110_000)), ['start-container'])
  })

  it('restarts at once after ten minutes of running', () => {
    const long = ended(1, { containerId: 'main-5', startedAt: 0, finishedAt: 600_000 })
    const crashed = checkpoint(pod(), { sandboxAttempt: 0, records: { main: record('main', { attempt: 5, crashes: 5, ended: long }) } })
    const actions = planPod(observed({ checkpoint: crashed, containers: [sandbox()], endedAt: new Map([['main-5', 100_000]]) }))
    assert.deepEqual(kinds(actions), ['start-container'])
  })

  it('needs no sandbox on the host network', () => {
    const two = checkpoint(pod({ hostNetwork: true, containers: [container('a'), container('b')] }))
    const networks = planPod(observed({ checkpoint: two })).map(action =>
      action.kind === 'start-container' ? action.network.from : action.kind,
    )
    assert.deepEqual(networks, ['host', 'host'])
  })

  it('runs init containers one after the other, and sidecars until they have started', () => {
    const spec = { initContainers: [container('first'), container('side', { restartPolicy: 'Always' as const }), container('last')] }
    const names = (records: Parameters<typeof checkpoint>[1], containers = [sandbox()], probes = new Map()) =>
      planPod(observed({ checkpoint: checkpoint(pod(spec), { sandboxAttempt: 0, ...records }), containers, probes })).map(action =>
        action.kind === 'start-container' ? action.name : action.kind,
      )
    const first = record('first', { ended: ended(0) })
    const side = record('side')
    assert.deepEqual(names({}), ['first'])
    assert.deepEqual(names({ records: { first: record('first') } }, [sandbox(), joined('first')]), [])
    assert.deepEqual(names({ records: { first } }), ['side'])
    assert.deepEqual(names({ records: { first, side } }, [sandbox(), joined('side')]), [], 'the sidecar has not started')
    assert.deepEqual(names({ records: { first, side } }, [sandbox(), joined('side')], new Map([['side-0', started]])), ['last'])
    const last = record('last', { ended: ended(0) })
    assert.deepEqual(names({ records: { first, side, last } }, [sandbox(), joined('side')], new Map([['side-0', started]])), ['main'])
  })

  it('runs init containers again in a new sandbox, but not while the containers run', () => {
    const spec = { initContainers: [container('first')] }
    const first = record('first', { sandbox: 0, ended: ended(0) })
    const anew = checkpoint(pod(spec), { sandboxAttempt: 1, records: { first } })
    const actions = planPod(observed({ checkpoint: anew, containers: [sandbox({ attempt: 1 })] }))
    assert.deepEqual(
      actions.map(action => action.kind === 'start-container' && [action.name, action.attempt]),
      [['first', 1]],
    )
  })

  it('ends a pod by its restart policy', () => {
    const finished = (restartPolicy: 'Never' | 'OnFailure', code: number) =>
      planPod(observed({ checkpoint: checkpoint(pod({ restartPolicy }), { records: { main: record('main', { ended: ended(code) }) } }) }))
    assert.deepEqual(finished('Never', 0), [{ kind: 'conclude', phase: 'Succeeded' }])
    assert.deepEqual(finished('Never', 3), [{ kind: 'conclude', phase: 'Failed' }])
    assert.deepEqual(finished('OnFailure', 0), [{ kind: 'conclude', phase: 'Succeeded' }])
    assert.deepEqual(kinds(finished('OnFailure', 3)), ['start-sandbox'])
  })

  it('fails a pod whose init container failed and may not be restarted', () => {
    const spec = { restartPolicy: 'Never' as const, initContainers: [container('first')] }
    const failed = checkpoint(pod(spec), { records: { first: record('first', { ended: ended(1) }) } })
    assert.deepEqual(planPod(observed({ checkpoint: failed })), [{ kind: 'conclude', phase: 'Failed' }])
  })

  it('never starts what has finished, whatever Docker still has of it', () => {
    const done = checkpoint(pod({ restartPolicy: 'Never' }), {
      final: { phase: 'Succeeded' },
      records: { main: record('main', { ended: ended(0) }) },
    })
    assert.deepEqual(planPod(observed({ checkpoint: done })), [])
    assert.deepEqual(planPod(observed({ checkpoint: done, containers: [sandbox()] })), [{ kind: 'remove-container', id: 'POD-0' }])
  })

  it('ends a pod whose time is up', () => {
    const [action] = planPod(observed({ checkpoint: checkpoint(pod()), deadlineInMs: 0 }))
    assert.equal(action?.kind === 'conclude' && action.reason, 'DeadlineExceeded')
  })

  it('stops everything first when the pod is to leave, then takes it away', () => {
    const leaving = { checkpoint: checkpoint(pod(), { records: { main: record('main') } }), leaving: true }
    assert.deepEqual(planPod(observed({ ...leaving, containers: [info('main')] })), [{ kind: 'terminate' }])
    assert.deepEqual(planPod(observed({ ...leaving, containers: [info('main')], busy: new Set(['terminate']) })), [])
    assert.deepEqual(planPod(observed({ ...leaving, busy: new Set(['start:main']) })), [], 'a start is under way')
    assert.deepEqual(planPod(observed({ ...leaving, containers: [info('main', { state: 'exited' })] })), [{ kind: 'finish' }])
  })

  it('restarts a container that its probe condemned, once', () => {
    const failing = {
      checkpoint: checkpoint(pod(), { records: { main: record('main') } }),
      containers: [info('main')],
      probes: new Map([['main-0', { ...started, failed: 'why' }]]),
    }
    assert.deepEqual(planPod(observed(failing)), [{ kind: 'stop-container', id: 'main-0', name: 'main', why: 'why' }])
    assert.deepEqual(planPod(observed({ ...failing, busy: new Set(['stop:main-0']) })), [])
  })

  it('stops containers whose sandbox is gone, and makes a new one', () => {
    const lost = checkpoint(pod({ containers: [container('a'), container('b')] }), {
      sandboxAttempt: 0,
      records: { a: record('a'), b: record('b', { ended: ended(137, { containerId: 'b-0' }) }) },
    })
    const dead = sandbox({ state: 'exited' })
    const actions = planPod(observed({ checkpoint: lost, containers: [dead, joined('a')] }))
    assert.deepEqual(kinds(actions), ['stop-container', 'remove-container', 'start-sandbox'])
  })

  it('restarts a container whose image was changed, and adopts a label it cannot read', () => {
    const changed = { checkpoint: checkpoint(pod(), { records: { main: record('main') } }) }
    const [action] = planPod(observed({ ...changed, containers: [info('main', { hash: 'v1:0000000000000000' })] }))
    assert.equal(action?.kind === 'stop-container' && action.why, 'Container main definition changed, will be restarted')
    assert.deepEqual(planPod(observed({ ...changed, containers: [info('main', { hash: 'v9:whatever' })] })), [])
  })

  it('gives an ephemeral container a sandbox while the holder is down, and the holder otherwise', () => {
    const spec = { ephemeralContainers: [{ name: 'debug', image: 'app:1' }] }
    const down = checkpoint(pod(spec), {
      records: { main: record('main', { attempt: 3, crashes: 3, ended: ended(1, { containerId: 'main-3' }) }) },
    })
    const waiting = observed({ checkpoint: down, endedAt: new Map([['main-3', 100_000]]) })
    assert.deepEqual(kinds(planPod(waiting)), ['again', 'start-sandbox'])
    const up = observed({ checkpoint: checkpoint(pod(spec), { records: { main: record('main') } }), containers: [info('main')] })
    assert.deepEqual(planPod(up), [{ kind: 'start-container', name: 'debug', attempt: 0, network: { from: 'container', id: 'main-0' } }])
  })

  it('never restarts an ephemeral container', () => {
    const spec = { ephemeralContainers: [{ name: 'debug', image: 'app:1' }] }
    const records = { main: record('main'), debug: record('debug', { ended: ended(1, { containerId: 'debug-0' }) }) }
    assert.deepEqual(planPod(observed({ checkpoint: checkpoint(pod(spec), { records }), containers: [info('main')] })), [])
  })

  it('tries a failed start again when its time has come', () => {
    const problem = { reason: 'ErrImagePull', message: 'no', failures: 1, since: 95_000, retryAt: 105_000 }
    const at = (now: number) => planPod(observed({ checkpoint: checkpoint(pod()), problems: new Map([['start:main', problem]]), now }))
    assert.deepEqual(at(100_000), [{ kind: 'again', afterMs: 5_000 }])
    assert.deepEqual(kinds(at(105_000)), ['start-container'])
  })

  it('does not hurry what failed to stop or to be taken away', () => {
    const problem = { reason: '', message: 'no', failures: 1, since: 95_000, retryAt: 105_000 }
    const leaving = { checkpoint: checkpoint(pod(), { records: { main: record('main') } }), leaving: true }
    assert.deepEqual(planPod(observed({ ...leaving, problems: new Map([['finish', problem]]) })), [{ kind: 'again', afterMs: 5_000 }])
    const running = { ...leaving, containers: [info('main')], problems: new Map([['terminate', problem]]) }
    assert.deepEqual(planPod(observed(running)), [{ kind: 'again', afterMs: 5_000 }])
  })

  it('keeps the newest two attempts of a container for their logs', () => {
    const attempts = [0, 1, 2, 3].map(attempt => joined('main', { attempt, state: attempt === 3 ? 'running' : 'exited' }))
    const running = checkpoint(pod(), { sandboxAttempt: 0, records: { main: record('main', { attempt: 3 }) } })
    const actions = planPod(observed({ checkpoint: running, containers: [sandbox(), ...attempts] }))
    assert.deepEqual(
      actions,
      [0, 1].map(attempt => ({ kind: 'remove-container', id: `main-${attempt}` })),
    )
  })
})

describe('planPod() with hooks after start', () => {
  const hook = { lifecycle: { postStart: { exec: { command: ['true'] } } } }
  const of = pod({ containers: [container('proxy', hook), container('app')] })
  const names = (fields: Partial<Parameters<typeof observed>[0]>) =>
    planPod(observed({ checkpoint: checkpoint(of, { sandboxAttempt: 0 }), containers: [sandbox()], ...fields })).flatMap(action =>
      action.kind === 'start-container' ? [action.name] : [],
    )

  it('starts the next container when the hook has ended', () => {
    assert.deepEqual(names({}), ['proxy'])
    const records = { proxy: record('proxy') }
    const there = { checkpoint: checkpoint(of, { sandboxAttempt: 0, records }), containers: [sandbox(), joined('proxy')] }
    assert.deepEqual(names({ ...there, busy: new Set(['start:proxy']) }), [])
    assert.deepEqual(names(there), ['app'])
  })

  it('lets nobody wait for one that cannot be started now', () => {
    const problem = { reason: 'ErrImagePull', message: 'no', failures: 1, since: 0, retryAt: 999_999 }
    assert.deepEqual(names({ problems: new Map([['start:proxy', problem]]) }), ['app'])
  })

  it('holds containers back until the hook of a sidecar has ended', () => {
    const served = pod({ initContainers: [container('proxy', { ...hook, restartPolicy: 'Always' })], containers: [container('app')] })
    const held = {
      checkpoint: checkpoint(served, { sandboxAttempt: 0, records: { proxy: record('proxy') } }),
      containers: [sandbox(), joined('proxy')],
      probes: new Map([['proxy-0', started]]),
    }
    assert.deepEqual(names({ ...held, busy: new Set(['start:proxy']) }), [])
    assert.deepEqual(names(held), ['app'])
  })
})
