/** Faults of the machine itself: its disks, its clock, and pods that take what they can get. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { kubectlBinary } from '../kubectl.ts'
import { plainPod, restingPod } from './workload.ts'
import type { World } from './world.ts'

const HOUR_SECONDS = 3_600
/** By how far a pod comes: a few blocks are always free again, as when another pod has gone. */
const NO_ROOM = ['FailedCreatePodSandBox', 'FailedMount', 'Failed']
const SHORT = 'terminationGracePeriodSeconds: 1'

/** Nothing can be written by Docker or the agent: what runs goes on, new pods say why they wait, and deletions are carried out. */
export async function disksFull(world: World): Promise<void> {
  const { disks, cluster } = world
  await cluster.apply(restingPod('leaves', { spec: SHORT }))
  await cluster.untilReady('leaves', 1)
  const before = await world.running()
  const [pid] = [await world.agent.pid()]
  const roomForAgent = await disks.fill(disks.agent)
  try {
    await cluster.apply(restingPod('waits', { spec: SHORT }))
    assert.match(await world.untilEvent('waits', ...NO_ROOM), /no space left on device/)
    await world.docker('kill', world.containerId('whole'))
    await world.untilStatus('whole', 'told to have been restarted', ({ restartCount, state }) => restartCount === 1 && !!state?.running)
    await world.delete('leaves')
    assert.equal(await world.agent.pid(), pid, 'the agent is still the same')
    const roomForDocker = await disks.fill(disks.docker)
    try {
      await cluster.apply(restingPod('leaves', { spec: SHORT }))
      await world.docker('kill', world.containerId('whole', 'sidecar'))
      await world.agent.arm([])
      assert.match(await world.untilEvent('leaves', ...NO_ROOM), /no space left on device/)
    } finally {
      await roomForDocker()
    }
  } finally {
    await roomForAgent()
  }
  await cluster.untilReady('waits', 1)
  await cluster.untilReady('leaves', 1)
  const running = new Set(await world.running())
  const lost = before.filter(id => !running.has(id))
  assert.ok(lost.length <= 3, `only what was killed or deleted has ended: ${lost}`)
  await world.delete('waits', 'leaves')
}

/** The agent's wall clock jumps by an hour, back and forth, while a container has its grace and another its back-off. */
export async function clockJumps(world: World): Promise<void> {
  const library = ['x86_64', 'aarch64'].map(arch => `/usr/lib/${arch}-linux-gnu/faketime/libfaketime.so.1`).find(existsSync)
  assert.ok(library, 'needs the package faketime')
  const dir = await mkdtemp(join(tmpdir(), 'davit-clock-'))
  const file = join(dir, 'offset')
  const jump = (seconds: number) => writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}`)
  await jump(0)
  const env = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }
  await world.agent.restartWith({ ...env, DONT_FAKE_MONOTONIC: '1' })
  try {
    const stubborn = "trap '' TERM; while :; do sleep 1; done"
    const probe = 'livenessProbe: { exec: { command: ["true"] }, initialDelaySeconds: 1, periodSeconds: 1 }'
    await world.cluster.apply(
      [
        plainPod('stubborn', stubborn, { spec: 'terminationGracePeriodSeconds: 6', container: probe }),
        plainPod('crashes', 'exit 1', { spec: 'terminationGracePeriodSeconds: 0' }),
      ].join('---\n'),
    )
    await world.cluster.untilReady('stubborn', 1)
    await world.untilStatus(
      'crashes',
      'back-off',
      ({ state, restartCount }) => restartCount === 1 && state?.waiting?.reason === 'CrashLoopBackOff',
    )
    const began = performance.now()
    await world.cluster.kubectl(['delete', 'pod', 'stubborn', '--wait=false'])
    // Not left behind for long: the certificates of this young cluster are not good yet then.
    for (const seconds of [HOUR_SECONDS, -HOUR_SECONDS, HOUR_SECONDS]) {
      await jump(seconds)
      // Gives the agent something to look at with each clock.
      await world.cluster.kubectl(['label', 'pod', 'stubborn', 'crashes', `clock=a${seconds}`, '--overwrite'])
    }
    await world.untilGone('stubborn')
    const graceMs = performance.now() - began
    assert.ok(graceMs > 6_000 && graceMs < 20_000, `a grace of 6 s was ${graceMs} ms`)
    await world.untilStatus('crashes', 'the second restart', ({ restartCount }) => restartCount >= 2, 30_000)
    const list = await world.docker(
      'ps',
      '-aq',
      '--filter',
      `label=davit.dev/pod-uid=${world.pod('crashes').metadata.uid}`,
      '--filter',
      'label=davit.dev/container=main',
    )
    const times = await world.docker('inspect', '-f', '{{.State.StartedAt}} {{.State.FinishedAt}}', ...list.split('\n').slice(0, 2))
    const [[newest = 0], [, older = 0]] = times.split('\n').map(line => line.split(' ').map(Date.parse)) as [number[], number[]]
    assert.ok(newest - older > 9_000 && newest - older < 25_000, `a back-off of 10 s was ${newest - older} ms`)
    await world.delete('crashes')
  } finally {
    await jump(0)
    await world.agent.restartWith({})
    await rm(dir, { recursive: true, force: true })
  }
}

/** An image is taken away while a container that needs it runs; it is needed again when that has died. */
export async function imageVanishes(world: World): Promise<void> {
  await world.docker('tag', 'busybox:1.36', 'vanishing:1')
  await world.cluster.apply(restingPod('vanishing', { spec: SHORT }).replace('busybox:1.36', 'vanishing:1'))
  await world.cluster.untilReady('vanishing', 1)
  await world.docker('rmi', 'vanishing:1')
  const id = world.containerId('vanishing')
  await world.agent.arm([])
  await world.docker('kill', id)
  const { state } = await world.untilStatus('vanishing', 'waiting for its image', each =>
    /^(ErrImagePull|ImagePullBackOff)$/.test(each.state?.waiting?.reason ?? ''),
  )
  assert.ok(state?.waiting?.message, 'says why')
  await world.docker('tag', 'busybox:1.36', 'vanishing:1')
  await world.untilStatus('vanishing', 'running again', each => each.restartCount === 1 && each.state?.running !== undefined)
  await world.delete('vanishing')
  await world.docker('rmi', 'vanishing:1')
}

/** A container logs `megabytes`, and somebody who follows its log does not read. */
export async function logFlood(world: World, megabytes: number): Promise<void> {
  const before = await world.disks.usedBytes(world.disks.docker)
  const agentBefore = await residentBytes(await world.agent.pid())
  const line = `echo ${'x'.repeat(1_000)}`
  const flood = `while ! [ -e /tmp/go ]; do sleep 0.1; done; yes "$(${line})" | head -c ${megabytes}m; touch /tmp/done; trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done`
  await world.cluster.apply(plainPod('flood', flood, { spec: SHORT }))
  await world.cluster.untilReady('flood', 1)
  const args = ['--kubeconfig', world.cluster.home.kubeconfig, 'logs', '-f', 'flood']
  const reader = spawn(await kubectlBinary(33), args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let mostBytes = 0
  try {
    const id = world.containerId('flood')
    await world.docker('exec', id, 'touch', '/tmp/go')
    const end = performance.now() + 60_000
    const isDone = () =>
      world.docker('exec', id, 'test', '-e', '/tmp/done').then(
        () => true,
        () => false,
      )
    while (!(await isDone())) {
      mostBytes = Math.max(mostBytes, await residentBytes(await world.agent.pid()))
      assert.ok(performance.now() < end, 'the flood takes too long')
      await delay(200)
    }
    const kept = (await world.disks.usedBytes(world.disks.docker)) - before
    assert.ok(kept < 60_000_000, `${kept} bytes of log are kept`)
    const grown = mostBytes - agentBefore
    assert.ok(grown < 60_000_000, `the agent grew by ${grown} bytes`)
    const { stdout } = await world.cluster.kubectl(['logs', 'flood', '--tail=1'])
    assert.equal(stdout.trim().length > 500, true)
  } finally {
    reader.kill('SIGKILL')
  }
  await world.delete('flood')
}

/** A pod that forks for as long as it is let: it meets its limit, and nobody else notices. */
export async function forkBomb(world: World): Promise<void> {
  const script = 'trap "exit 0" TERM; while ! [ -e /tmp/go ]; do sleep 0.1; done; while :; do sleep 1000 & done 2>/tmp/failed'
  await world.cluster.apply(plainPod('bomb', script, { spec: SHORT, container: 'resources: { limits: { cpu: 200m, memory: 128Mi } }' }))
  await world.cluster.untilReady('bomb', 1)
  const id = world.containerId('bomb')
  const limit = Number(await world.docker('inspect', '-f', '{{.HostConfig.PidsLimit}}', id))
  assert.ok(limit > 0 && limit < 1_000, `a container may have ${limit} processes`)
  await world.docker('exec', id, 'touch', '/tmp/go')
  const end = performance.now() + 30_000
  for (;;) {
    const failed = await world.docker('exec', id, 'cat', '/tmp/failed').catch((err: Error) => err.message)
    if (/fork|Resource temporarily unavailable|pids|can't/i.test(failed)) break
    const status = world.pod('bomb').status?.containerStatuses?.[0]
    if ((status?.restartCount ?? 0) > 0) break
    assert.ok(performance.now() < end, 'the bomb met no limit')
    await delay(200)
  }
  await world.cluster.apply(restingPod('beside', { spec: SHORT }))
  await world.cluster.untilReady('beside', 1)
  await world.delete('bomb', 'beside')
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
}
