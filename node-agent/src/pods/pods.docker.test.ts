import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Pod } from '@davit/api'
import { isPodReady } from '@davit/api'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const isRunning = (pod: Pod | undefined) => pod?.status?.phase === 'Running' && isPodReady(pod)
const busybox = (script: string) => ({ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script] })
const IGNORES_TERM = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'

describe('Pods on Docker', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  before(async () => {
    world = await createWorld(host!)
    agent = await world.startAgent()
  })
  after(() => world.close())

  it('runs a pod of one container to Running and back to gone', async () => {
    const startedAt = performance.now()
    await world.create('one', { containers: [{ name: 'web', image: 'nginx:1.25', ports: [{ containerPort: 80 }] }] })
    const pod = await world.until('one', isRunning)
    const tookMs = performance.now() - startedAt
    const status = pod?.status?.containerStatuses?.[0]
    assert.match(status?.containerID ?? '', /^docker:\/\/[0-9a-f]{64}$/)
    assert.equal(status?.restartCount, 0)
    assert.match(pod?.status?.podIP ?? '', /^10\.244\.250\./)
    assert.equal(agent.containers.ofPod(pod?.metadata.uid ?? '').length, 1, 'the container holds its own network')
    assert.ok(tookMs < 5_000, `took ${tookMs} ms`)
    await world.delete('one', 5)
    await world.until('one', gone => gone === undefined)
    assert.deepEqual(agent.containers.ofPod(pod?.metadata.uid ?? ''), [])
    assert.deepEqual(agent.drained, ['one'])
  })

  it('restarts what exits, in a sandbox on the same address', async () => {
    await world.create('crash', { containers: [busybox('exit 3')], terminationGracePeriodSeconds: 1 })
    const pod = await world.until('crash', p => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff')
    const status = pod?.status?.containerStatuses?.[0]
    assert.equal(status?.restartCount, 1)
    assert.equal(status?.lastState?.terminated?.exitCode, 3)
    assert.match(status?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=crash_default/)
    await world.delete('crash', 1)
    await world.until('crash', gone => gone === undefined)
  })

  it('lets a finished pod be, also after its container is pruned and the agent restarted', async () => {
    await world.create('job', { restartPolicy: 'Never', containers: [busybox('echo done > /dev/termination-log')] })
    const pod = await world.until('job', p => p?.status?.phase === 'Succeeded')
    const ended = pod?.status?.containerStatuses?.[0]?.state?.terminated
    assert.equal(ended?.reason, 'Completed')
    assert.equal(ended?.message?.trim(), 'done')
    await agent.docker.raw.pruneContainers()
    await agent.stop()
    agent = await world.startAgent()
    await world.create('after-job', { containers: [busybox(IGNORES_TERM)] })
    await world.until('after-job', isRunning)
    assert.equal((await world.get('job'))?.status?.phase, 'Succeeded')
    assert.equal(agent.containers.ofPod(pod?.metadata.uid ?? '').length, 0)
    await world.delete('job')
    await world.delete('after-job', 2)
    await world.until('job', gone => gone === undefined)
    await world.until('after-job', gone => gone === undefined)
  })

  it('keeps what runs running when the agent restarts', async () => {
    const created = await world.create('stays', { containers: [busybox(IGNORES_TERM), { ...busybox(IGNORES_TERM), name: 'second' }] })
    await world.until('stays', isRunning)
    const uid = created.metadata.uid ?? ''
    const running = () => new Map(agent.containers.ofPod(uid).map(({ id, startedAt }) => [id, startedAt]))
    const before = running()
    assert.equal(before.size, 3, 'two containers and a sandbox')
    await agent.stop()
    const writes = world.api.statusWrites.length
    agent = await world.startAgent()
    await world.create('marker', { containers: [busybox(IGNORES_TERM)] })
    await world.until('marker', isRunning)
    assert.deepEqual(running(), before)
    assert.ok(
      world.api.statusWrites.slice(writes).every(({ metadata }) => metadata.name !== 'stays'),
      'its status did not change',
    )
    for (const name of ['stays', 'marker']) await world.delete(name, 2)
    for (const name of ['stays', 'marker']) await world.until(name, gone => gone === undefined)
  })
})
