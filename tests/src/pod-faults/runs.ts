/** Watches a Docker host's events for what must never be: two containers running for one container of a pod. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { DOCKER_LABELS } from '@davit/api'
import type { DockerHost } from '@davit/deploy'
import { listContainers } from './containers.ts'

const RECONNECT_MS = 50

interface DockerEvent {
  Action: string
  id: string
  Actor: { Attributes: Record<string, string> }
}

export interface RunWatch {
  /** What was seen, a line each. */
  readonly violations: readonly string[]
  stop(): void
}

/** Watches until stopped; goes on when the daemon comes back, with what runs then. */
export function watchRuns(host: DockerHost): RunWatch {
  const violations: string[] = []
  const running = new Map<string, Set<string>>()
  const dead = new Set<string>()
  let events: ChildProcess | undefined
  let stopped = false

  const begin = (key: string, id: string) => {
    if (dead.has(id)) return
    const ids = running.get(key) ?? new Set()
    running.set(key, ids.add(id))
    if (ids.size > 1) violations.push(`${host.name}: ${ids.size} of ${key} run at once: ${[...ids].map(each => each.slice(0, 12))}`)
  }
  const onEvent = ({ Action: action, id, Actor: { Attributes: attributes } }: DockerEvent) => {
    const uid = attributes[DOCKER_LABELS.podUid]
    if (!uid) return
    const key = `${attributes[DOCKER_LABELS.podNamespace]}/${attributes[DOCKER_LABELS.podName]} ${attributes[DOCKER_LABELS.container]} (${uid})`
    if (action === 'start') {
      dead.delete(id)
      begin(key, id)
    } else {
      dead.add(id)
      running.get(key)?.delete(id)
    }
  }
  const session = async () => {
    running.clear()
    dead.clear()
    const filters = ['type=container', 'event=start', 'event=die', 'event=destroy'].flatMap(filter => ['--filter', filter])
    events = spawn('docker', ['-H', `unix://${host.socket}`, 'events', ...filters, '--format', '{{json .}}'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = new Promise(resolve => events?.once('exit', resolve))
    if (events.stdout) createInterface(events.stdout).on('line', line => onEvent(JSON.parse(line) as DockerEvent))
    // Those that ran before the stream was open; the ones that have ended meanwhile are known by their events.
    for (const container of await listContainers(host).catch(() => [])) if (container.running) begin(container.key, container.id)
    await ended
  }
  const watch = async () => {
    while (!stopped) {
      await session()
      await delay(RECONNECT_MS)
    }
  }
  void watch()
  return {
    violations,
    stop() {
      stopped = true
      events?.kill('SIGKILL')
    },
  }
}
