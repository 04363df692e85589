/**
 * What a node may suffer while pods run on it. After each fault everything is as it should be again within a bound, and never was it as
 * it must not be (pod-faults/invariants.ts). DAVIT_FAULT_ROUNDS=20 does all of it so many times in a row, at every failpoint.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDocker, stopDocker } from '@davit/deploy'
import { clockJumps, disksFull, forkBomb, imageVanishes, logFlood } from './pod-faults/node-faults.ts'
import { plainPod, restingPod, SETTINGS, wholePod } from './pod-faults/workload.ts'
import { World } from './pod-faults/world.ts'

/** Longest until a failpoint is come to. */
const DEATH_MS_MAX = 60_000
const ROUNDS = Number(process.env.DAVIT_FAULT_ROUNDS ?? 0)
const STUBBORN = "trap '' TERM; while :; do sleep 1; done"

interface Fault {
  name: string
  /** Too slow for every run: only when rounds are asked for. */
  long?: boolean
  happens: () => Promise<void>
}

let world: World
before(async () => {
  world = await World.start(['--pod-max-pids', '200'])
})
after(async () => {
  await world?.stop()
  for (const [name, { passed, seconds }] of summary)
    process.stdout.write(`${name}: ${passed} of ${ROUNDS || 1} rounds, as before after ${Math.max(...seconds).toFixed(1)} s at most\n`)
})
let victims = 0
const summary = new Map<string, { passed: number; seconds: number[] }>()

const FAULTS: readonly Fault[] = [
  {
    name: `the agent is killed at ${failpointPairs().flat().length} steps of the start and the stop of pods`,
    happens: () => dieAtEach(failpointPairs()),
  },
  {
    name: 'containers are killed and removed behind the back of the agent',
    async happens() {
      await world.docker('rm', '-f', world.containerId('whole'), world.containerId('whole', 'sidecar'))
      await world.docker('kill', ...world.cluster.podsOf('web').map(({ metadata }) => world.containerId(metadata.name ?? '')))
    },
  },
  {
    name: 'all containers of a pod are removed, its sandbox too, while the agent is away',
    async happens() {
      await world.agent.arm([])
      const ids = await world.docker('ps', '-aq', '--filter', `label=davit.dev/pod-uid=${world.pod('whole').metadata.uid}`)
      await world.docker('rm', '-f', ...ids.split('\n'))
    },
  },
  {
    name: 'dockerd restarts with live-restore, and nothing else does',
    // Its like is in healing.system.test.ts.
    long: true,
    async happens() {
      const before = await world.running()
      const options = { logs: world.cluster.home.logs, run: world.cluster.home.run }
      await stopDocker(world.host, options)
      await startDocker(world.host, options)
      await world.startMissing()
      await world.settled()
      assert.deepEqual(await world.running(), before)
    },
  },
  {
    name: 'a container ignores SIGTERM, and the agent dies while it waits for it',
    async happens() {
      await world.cluster.apply(plainPod('stubborn', STUBBORN, { spec: 'terminationGracePeriodSeconds: 3' }))
      await world.cluster.untilReady('stubborn', 1)
      const began = performance.now()
      await world.agent.arm(['pods.stop.signal-sent'])
      await world.delete('stubborn')
      const tookMs = performance.now() - began
      assert.ok(tookMs > 3_000 && tookMs < 20_000, `gone after ${tookMs} ms`)
    },
  },
  {
    name: 'a ConfigMap disappears, and the agent starts without it',
    async happens() {
      await world.cluster.kubectl(['delete', 'configmap', 'settings'])
      const before = await world.running()
      await world.agent.arm([])
      await world.cluster.apply(wholePod('late'))
      assert.match(await world.untilEvent('late', 'FailedMount'), /configmap "settings" not found/)
      assert.deepEqual(await world.running(), before)
      await world.docker('kill', world.containerId('whole'))
      await world.cluster.apply(SETTINGS)
      await world.cluster.untilReady('late', 1)
      await world.delete('late')
    },
  },
  {
    name: 'probes hang',
    async happens() {
      const probe = '{ exec: { command: [sleep, "1000"] }, timeoutSeconds: 1, periodSeconds: 1, failureThreshold: 2 }'
      const container = `livenessProbe: ${probe}`
      await world.cluster.apply(restingPod('hangs', { container, spec: 'terminationGracePeriodSeconds: 1' }))
      await world.cluster.apply(restingPod('unready', { container: `readinessProbe: ${probe}`, spec: 'terminationGracePeriodSeconds: 1' }))
      await world.untilStatus('hangs', 'a restart', ({ restartCount, state }) => restartCount > 0 && state?.running !== undefined)
      assert.match(await world.untilEvent('unready', 'Unhealthy'), /timed out after 1s/)
      const { restartCount } = await world.untilStatus('unready', 'running', ({ state }) => state?.running !== undefined)
      assert.equal(restartCount, 0)
      const asked = (await world.docker('top', world.containerId('unready'))).split('\n').filter(line => line.includes('sleep 1000'))
      assert.ok(asked.length <= 2, `probes that were given up are left:\n${asked.join('\n')}`)
      await world.delete('hangs', 'unready')
    },
  },
  { name: 'the disks of Docker and of the agent are full', happens: () => disksFull(world) },
  { name: 'an image vanishes that a container is to be restarted from', long: true, happens: () => imageVanishes(world) },
  { name: 'the clock jumps by an hour, back and forth', long: true, happens: () => clockJumps(world) },
  { name: 'a fork bomb meets its limit', happens: () => forkBomb(world) },
  { name: 'a container floods its log, and who follows it does not read', happens: () => logFlood(world, ROUNDS > 0 ? 200 : 60) },
  {
    name: 'dockerd restarts without live-restore, and every container is started again where it was',
    // Its like is in healing.system.test.ts.
    long: true,
    async happens() {
      const before = [...world.cluster.pods.cache.list()]
      const options = { logs: world.cluster.home.logs, run: world.cluster.home.run }
      await stopDocker(world.host, options)
      await startDocker(world.host, { ...options, dockerdArgs: ['--live-restore=false'] })
      await world.settled()
      for (const { metadata, status } of before) {
        const again = world.pod(metadata.name ?? '').status
        assert.equal(again?.podIP, status?.podIP)
        assert.equal(again?.containerStatuses?.[0]?.restartCount, 1, `restarts of ${metadata.name}`)
      }
    },
  },
  {
    name: 'the node reboots',
    async happens() {
      const before = [...world.cluster.pods.cache.list()]
      await world.reboot()
      await world.settled()
      for (const { metadata } of before) assert.equal(world.pod(metadata.name ?? '').metadata.uid, metadata.uid)
    },
  },
]

for (let round = 1; round <= (ROUNDS || 1); round++) {
  for (const fault of FAULTS.filter(({ long = false }) => ROUNDS > 0 || !long)) {
    test(ROUNDS > 1 ? `${fault.name}, round ${round}` : fault.name, async t => {
      await world.renew()
      const began = performance.now()
      await fault.happens()
      const seconds = await world.settled()
      t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s in all, ${seconds.toFixed(1)} s until all was as before`)
      const entry = summary.get(fault.name) ?? { passed: 0, seconds: [] }
      summary.set(fault.name, { passed: entry.passed + 1, seconds: [...entry.seconds, seconds] })
    })
  }
}

/** Kills the agent at a step of a pod's start, and at one of its stop; each time the next agent, which dies at the next step, makes it good. */
async function dieAtEach(pairs: readonly [string, string][]): Promise<void> {
  await world.agent.arm(pairs.flat())
  try {
    for (const [start, stop] of pairs) {
      const victim = `whole-${++victims}`
      await world.cluster.apply(wholePod(victim))
      await world.agent.untilDeadAt(start, DEATH_MS_MAX)
      await world.settled()
      await world.cluster.kubectl(['delete', 'pod', victim, '--wait=false'])
      await world.agent.untilDeadAt(stop, DEATH_MS_MAX)
      await world.untilGone(victim)
      await world.settled()
    }
  } catch (error) {
    const { env } = (await world.agent.starts()).at(-1) ?? {}
    await world.agent.arm([])
    throw new Error(`After the death before ${env?.DAVIT_FAILPOINTS ?? 'none'}`, { cause: error })
  }
}

/** Each failpoint of a start with one of a stop; without rounds only a few. */
function failpointPairs(): [string, string][] {
  if (ROUNDS === 0)
    return [
      ['pods.start.checkpoint-saved', 'pods.stop.pre-stop-begun'],
      ['pods.start.container-created', 'pods.stop.volumes-unmounted'],
      ['pods.start.container-started', 'pods.stop.object-deleted'],
    ]
  const source = fileURLToPath(new URL('../../node-agent/src', import.meta.url))
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  const calls = files.flatMap(file => readFileSync(join(source, file), 'utf8').match(/'pods\.(start|stop)\.[\w-]+'/g) ?? [])
  const names = [...new Set(calls.map(call => call.slice(1, -1)))].sort()
  const starts = names.filter(name => name.startsWith('pods.start.'))
  const stops = names.filter(name => name.startsWith('pods.stop.'))
  return Array.from({ length: Math.max(starts.length, stops.length) }, (_, index) => [
    starts[index % starts.length] ?? '',
    stops[index % stops.length] ?? '',
  ])
}
