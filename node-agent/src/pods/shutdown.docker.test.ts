import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isPodReady, type Pod, podCondition, systemClock } from '@davit/api'
import { askShutdown, type RunningShutdown, runShutdown } from '../shutdown/index.ts'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.1 & wait $!; done'
const IGNORES_TERM = 'trap "" TERM; while :; do sleep 1; done'
const container = (script: string) => ({ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script] })
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)
const endOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0]?.state?.terminated

describe('A machine that goes down, on Docker', { skip: !host, concurrency: false }, () => {
  const stop = new AbortController()
  let world: TestWorld
  let agent: TestAgent
  let shutdown: RunningShutdown
  let began = 0
  before(async () => {
    world = await createWorld(host ?? '')
    agent = await world.startAgent()
    shutdown = runShutdown({
      dataDir: world.dataDir,
      manager: agent.manager,
      graceMs: 4_000,
      criticalMs: 2_000,
      onBegin: () => void began++,
      clock: systemClock,
      log: silent,
      signal: stop.signal,
    })
  })
  after(async () => {
    stop.abort()
    await shutdown?.stopped
    await world?.close()
  })

  it('ends all pods in order and in time, and they say why', async () => {
    await world.create('polite', { containers: [container(HEEDS_TERM)] })
    await world.create('stubborn', { containers: [container(IGNORES_TERM)] })
    await world.create('critical', { priority: 2_000_001_000, containers: [container(HEEDS_TERM)] })
    for (const name of ['polite', 'stubborn', 'critical']) await world.until(name, isReady)
    const begun = Date.now()
    await askShutdown(world.dataDir, { graceMs: 4_000, clock: systemClock })
    assert.ok(Date.now() - begun < 9_000, 'the grace of pods is cut to that of the machine')
    assert.equal(began, 1)
    // What `askShutdown` waited for is in the API already.
    const [polite, stubborn, critical] = await Promise.all(['polite', 'stubborn', 'critical'].map(name => world.get(name)))
    for (const pod of [polite, stubborn, critical]) {
      const { phase, reason, message } = pod?.status ?? {}
      assert.deepEqual([phase, reason, message], ['Failed', 'Terminated', 'Pod was terminated in response to imminent node shutdown.'])
      assert.equal(pod && podCondition(pod, 'DisruptionTarget')?.reason, 'TerminationByKubelet')
    }
    assert.deepEqual([endOf(polite)?.exitCode, endOf(stubborn)?.exitCode], [0, 137])
    assert.ok((endOf(critical)?.finishedAt ?? '') >= (endOf(stubborn)?.finishedAt ?? 'z'), 'the critical pod ended last')
  })

  it('starts none of them again, also after a restart of the agent', async () => {
    await agent.stop()
    agent = await world.startAgent()
    await world.create('marker', { terminationGracePeriodSeconds: 0, containers: [container(HEEDS_TERM)] })
    await world.until('marker', isReady)
    assert.deepEqual(
      agent.manager.runningPods().map(({ pod }) => pod.metadata.name),
      ['marker'],
    )
  })
})

describe('askShutdown()', { skip: !host }, () => {
  it('says when there is no agent', async () => {
    const world = await createWorld(host ?? '')
    await assert.rejects(askShutdown(world.dataDir, { graceMs: 1_000, clock: systemClock }), /No agent runs on/)
    await world.close()
  })
})
