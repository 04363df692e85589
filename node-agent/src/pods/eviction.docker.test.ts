import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Container, isPodReady, type Pod, podCondition, systemClock } from '@davit/api'
import { observe, parseThresholds, type RunningEviction, refusalUnderPressure, runEviction } from '../eviction/index.ts'
import { createStats } from '../stats/index.ts'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const WAITS = 'trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done'
/** A shell variable that long is that much memory. */
const EATS_64_MIB = `x=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | tr '\\0' x); ${WAITS}`
const MEBIBYTE = 1 << 20
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const shell = (script: string, fields: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'busybox:1.36',
  command: ['sh', '-c', script],
  ...fields,
})
const isEvicted = (pod: Pod | undefined) => pod?.status?.phase === 'Failed' && pod.status.reason === 'Evicted'
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)

describe('A node that runs short, on Docker', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  let eviction: RunningEviction | undefined
  let stop = new AbortController()
  before(async () => {
    world = await createWorld(host ?? '')
    agent = await world.startAgent({}, { refuse: pod => refusalUnderPressure(pod, eviction?.conditions ?? new Set()) })
  })
  after(async () => {
    stop.abort()
    await eviction?.stopped
    await world.close()
  })

  /** Looks after the agent's pods with these thresholds, several times a second. */
  const watchOver = async (hard: string, memoryBytes?: number) => {
    stop.abort()
    await eviction?.stopped
    stop = new AbortController()
    const { signal } = stop
    const { docker, manager } = agent
    const stats = createStats({
      docker,
      pods: () => manager.runningPods(),
      volumes: ({ uid }) => manager.volumeUsage(uid),
      dataDir: world.dataDir,
      clock: systemClock,
      signal,
    })
    eviction = runEviction({
      thresholds: parseThresholds({ hard }),
      transitionMs: 0,
      softGraceSeconds: 0,
      observe: () => observe({ dataDir: world.dataDir, dockerDir: () => docker.engine.rootDir, memoryBytes, stats }),
      stats,
      manager,
      reclaimDisk: async () => {},
      tellNode: (reason, message) => world.events.push({ type: 'Warning', reason, message, pod: 'node' }),
      onChange: () => {},
      intervalMs: 200,
      clock: systemClock,
      log: silent,
      signal,
    })
  }

  it('evicts a pod whose emptyDir grew beyond its limit, and frees the disk', async () => {
    await watchOver('')
    const writes = (mebibytes: number) =>
      shell(`dd if=/dev/zero of=/x/file bs=1M count=${mebibytes}; ${WAITS}`, { volumeMounts: [{ name: 'x', mountPath: '/x' }] })
    const spec = (mebibytes: number) => ({ containers: [writes(mebibytes)], volumes: [{ name: 'x', emptyDir: { sizeLimit: '2Mi' } }] })
    await world.create('modest', spec(1))
    const made = await world.create('greedy', spec(4))
    const pod = await world.until('greedy', isEvicted)
    assert.equal(pod?.status?.message, 'Usage of EmptyDir volume "x" exceeds the limit "2Mi". ')
    const target = pod && podCondition(pod, 'DisruptionTarget')
    assert.deepEqual([target?.status, target?.reason], ['True', 'TerminationByKubelet'])
    assert.equal(pod?.status?.containerStatuses?.[0]?.state?.terminated?.reason !== undefined, true)
    assert.ok(world.events.some(({ pod: of, reason, type }) => of === 'greedy' && reason === 'Evicted' && type === 'Warning'))
    await world.until('modest', isReady)
    const dir = join(world.dataDir, 'pods', made.metadata.uid ?? '', 'volumes')
    await world.eventually('the end of its volumes', () => !existsSync(dir))
    await world.eventually('the end of its containers', () => agent.containers.ofPod(made.metadata.uid ?? '').length === 0)
    for (const name of ['greedy', 'modest']) {
      await world.delete(name, 0)
      await world.until(name, gone => gone === undefined)
    }
  })

  it('evicts a pod also when the disk has no room to write that down, and tells it once it has', async () => {
    const uid = (await world.create('filler', { containers: [shell(WAITS)] })).metadata.uid ?? ''
    await world.until('filler', isReady)
    const checkpoint = join(world.dataDir, 'pods', uid, '.pod.json.new')
    // Every write to it ends with ENOSPC.
    await symlink('/dev/full', checkpoint)
    const signal = AbortSignal.timeout(20_000)
    assert.equal(await agent.manager.evict(uid, { message: 'The disk is full', graceSeconds: 1, signal }), true)
    assert.equal(agent.containers.ofPod(uid).length, 0)
    assert.equal((await world.get('filler'))?.status?.phase, 'Running', 'an end that a crash would undo is not told')
    await rm(checkpoint)
    await world.until('filler', isEvicted)
    await world.delete('filler', 0)
    await world.until('filler', gone => gone === undefined)
  })

  it('evicts a container that wrote more than its limit of ephemeral storage', async () => {
    const limits = { 'ephemeral-storage': '2Mi' }
    await world.create('writer', { containers: [shell(`dd if=/dev/zero of=/file bs=1M count=4; ${WAITS}`, { resources: { limits } })] })
    const pod = await world.until('writer', isEvicted)
    assert.equal(pod?.status?.message, 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ')
    await world.delete('writer', 0)
    await world.until('writer', gone => gone === undefined)
  })

  it('evicts who takes most beyond its request when memory runs short, and then takes no pod without requests', async () => {
    const within = { requests: { memory: '100Mi' } }
    await world.create('promised', { containers: [shell(EATS_64_MIB, { resources: within })] })
    await world.create('hungry', { containers: [shell(EATS_64_MIB)] })
    await world.create('small', { containers: [shell(WAITS)] })
    for (const name of ['promised', 'hungry', 'small']) await world.until(name, isReady)
    // The agent answers for 200 MiB: the three take some 130.
    await watchOver('memory.available<100Mi', 200 * MEBIBYTE)
    const pod = await world.until('hungry', isEvicted, 60_000)
    assert.match(
      pod?.status?.message ?? '',
      /^The node was low on resource: memory\. Threshold quantity: 100Mi, available: \d+Ki\. Container main was using \d+Ki, request is 0, has larger consumption of memory\. $/,
    )
    assert.ok(world.events.some(({ reason, message }) => reason === 'EvictionThresholdMet' && message === 'Attempting to reclaim memory'))
    for (const name of ['promised', 'small']) assert.ok(isReady(await world.get(name)), `${name} stays`)

    // Still short, by a threshold that cannot be met: no pod is left but what is told, and who comes is refused.
    await watchOver('memory.available<199Mi', 200 * MEBIBYTE)
    await world.eventually('the pressure', () => eviction?.conditions.has('MemoryPressure') ?? false)
    await world.create('late', { containers: [shell(WAITS)] })
    const late = await world.until('late', isEvicted)
    assert.equal(late?.status?.message, 'Pod was rejected: The node had condition: [MemoryPressure]. ')
  })
})
