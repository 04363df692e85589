import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DOCKER_LABELS, type Logger, systemClock } from '@davit/api'
import { ContainerStore, connectDocker, DockerError, PAUSE_IMAGE } from './index.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }

describe('Docker', { skip: !host }, () => {
  const connect = () => connectDocker({ socketPath: host!.replace('unix://', ''), clusterId: `test-${process.pid}`, nodeName: 'test', log })

  it('makes the sandbox image, runs it, and the store follows its life', async () => {
    const docker = await connect()
    await docker.ensurePauseImage()
    const stop = new AbortController()
    const store = new ContainerStore(docker, { clock: systemClock, log })
    const running = store.run(stop.signal)
    try {
      const id = await docker.createContainer(`davit-test-pause-${process.pid}`, {
        Image: PAUSE_IMAGE,
        Labels: { ...docker.labels, [DOCKER_LABELS.podUid]: 'u1', [DOCKER_LABELS.container]: 'POD' },
        Env: [],
        Tty: false,
        OpenStdin: false,
        StdinOnce: false,
        HostConfig: {
          NetworkMode: 'none',
          Mounts: [],
          RestartPolicy: { Name: 'no' },
          LogConfig: { Type: 'json-file', Config: {} },
          Ulimits: [],
          CgroupParent: '',
          Init: false,
          OomScoreAdj: 0,
        },
      })
      await docker.startContainer(id)
      const info = await store.refresh(id)
      assert.equal(info?.state, 'running')
      assert.deepEqual(
        store.ofPod('u1').map(c => c.id),
        [id],
      )
      await docker.killContainer(id, 'SIGKILL')
      const ended = await store.ended(id, AbortSignal.timeout(10_000))
      assert.equal(ended?.exitCode, 137)
      const gone = new Promise<void>(resolve => store.onChange(() => store.ofPod('u1').length === 0 && resolve()))
      await docker.removeContainer(id)
      await gone
    } finally {
      stop.abort()
      await running
    }
  })

  it('keeps a second agent from the same engine', async () => {
    const docker = await connect()
    const stop = new AbortController()
    await docker.lock(stop.signal)
    await assert.rejects(docker.lock(stop.signal), /Another agent already runs on Docker engine/)
    stop.abort()
  })

  it('gives the words of the daemon and its code', async () => {
    const docker = await connect()
    await assert.rejects(
      docker.startContainer('no-such'),
      (err: unknown) => err instanceof DockerError && err.code === 404 && err.message === 'No such container: no-such',
    )
    assert.equal(await docker.inspectContainer('no-such'), undefined)
    assert.equal(await docker.inspectImage('no-such:1'), undefined)
  })
})
