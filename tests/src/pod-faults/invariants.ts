/** What must hold after every fault, and what must hold all the time. */
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ContainerStatus, deploymentKind, isPodActive, isPodReady, type Pod } from '@davit/api'
import type { DockerHost } from '@davit/deploy'
import type { TestCluster } from '../cluster.ts'
import { type FoundContainer, listContainers } from './containers.ts'
import { type RunWatch, watchRuns } from './runs.ts'

const POLL_MS = 200

export class Invariants {
  readonly #cluster: TestCluster
  readonly #hosts = new Map<string, RunWatch>()
  readonly #violations: string[] = []
  readonly #restarts = new Map<string, number>()
  readonly #acknowledged = new Map<string, number>()
  readonly #said = new Map<string, { id: string; line: string }>()
  readonly #stopListening: () => void

  constructor(cluster: TestCluster) {
    this.#cluster = cluster
    for (const host of cluster.hosts) this.watch(host)
    this.#stopListening = cluster.pods.onChange(({ type, object }) => {
      if (type === 'deleted') return
      this.#watchRestarts(object)
      this.#watchAddress(object)
    })
  }

  watch(host: DockerHost): void {
    this.#hosts.set(host.name, watchRuns(host))
  }

  stop(): void {
    this.#stopListening()
    for (const watch of this.#hosts.values()) watch.stop()
  }

  /** Waits until everything is as it should be; gives the seconds it took, throws with what is wrong after `timeoutMs`. */
  async settled(hosts: readonly DockerHost[], timeoutMs: number): Promise<number> {
    const began = performance.now()
    for (;;) {
      const wrong = await this.#wrong(hosts)
      if (wrong.length === 0) wrong.push(...(await this.#watchLines(hosts)))
      if (wrong.length === 0) break
      if (performance.now() - began > timeoutMs) throw new Error(`Not as it should be after ${timeoutMs / 1000} s:\n${wrong.join('\n')}`)
      await delay(POLL_MS)
    }
    const tookMs = performance.now() - began
    const never = [...this.#violations.splice(0), ...[...this.#hosts.values()].flatMap(({ violations }) => violations)]
    if (never.length > 0) throw new Error(`What must never be was seen:\n${never.join('\n')}`)
    return tookMs / 1000
  }

  async #wrong(hosts: readonly DockerHost[]): Promise<string[]> {
    const before = JSON.stringify(this.#statuses())
    const found = await Promise.all(hosts.map(async host => ({ host, containers: await listContainers(host) }))).catch(() => undefined)
    if (!found) return ['Docker does not answer']
    // A list taken while statuses changed compares two moments.
    if (JSON.stringify(this.#statuses()) !== before) return ['statuses still change']
    const pods = [...this.#cluster.pods.cache.list()]
    const wrong = [...pods.flatMap(notAsSpecified), ...(await this.#notAsDeployed())]
    for (const { host, containers } of found) {
      const here = pods.filter(pod => pod.spec.nodeName === host.name)
      wrong.push(...strangers(here, containers), ...here.flatMap(pod => lies(pod, containers)))
      const left = await leftovers(
        await realpath(join(this.#cluster.home.agents, host.name)),
        new Set(here.map(({ metadata }) => metadata.uid ?? '')),
      )
      wrong.push(...left)
    }
    return wrong
  }

  #statuses(): unknown {
    return [...this.#cluster.pods.cache.list()].map(({ metadata }) => [metadata.uid, metadata.resourceVersion])
  }

  async #notAsDeployed(): Promise<string[]> {
    const informer = this.#cluster.informer(deploymentKind)
    await informer.synced
    return [...informer.cache.list()].flatMap(({ metadata, spec, status }) =>
      status?.readyReplicas === spec.replicas && status?.replicas === spec.replicas
        ? []
        : [`deployment ${metadata.name}: ${status?.readyReplicas ?? 0} of ${spec.replicas} ready`],
    )
  }

  #watchRestarts(pod: Pod): void {
    for (const { name, restartCount } of statusesOf(pod)) {
      const key = `${pod.metadata.name} ${name} (${pod.metadata.uid})`
      const before = this.#restarts.get(key) ?? 0
      if (restartCount < before) this.#violations.push(`restarts of ${key} fell from ${before} to ${restartCount}`)
      this.#restarts.set(key, restartCount)
    }
  }

  #watchAddress({ metadata, spec, status }: Pod): void {
    if (!status?.podIP || spec.hostNetwork || metadata.deletionTimestamp) return
    const others = [...this.#cluster.pods.cache.list()].filter(
      other =>
        other.metadata.uid !== metadata.uid &&
        other.status?.podIP === status.podIP &&
        !other.spec.hostNetwork &&
        !other.metadata.deletionTimestamp &&
        isPodActive(other),
    )
    if (isPodActive({ metadata, spec, status } as Pod))
      for (const other of others) this.#violations.push(`${metadata.name} and ${other.metadata.name} both have ${status.podIP}`)
  }

  /** Lines that were there stay there, in the pod's volume and in its log. Gives why they cannot be read yet. */
  async #watchLines(hosts: readonly DockerHost[]): Promise<string[]> {
    for (const host of hosts) {
      const writers = (await listContainers(host)).filter(
        ({ key, container, running }) => running && container === 'main' && key.includes('/whole'),
      )
      for (const { id, uid, key } of writers) {
        const name = key.slice(key.indexOf('/') + 1, key.indexOf(' '))
        const text = await this.#cluster.docker(host, 'exec', id, 'cat', '/data/lines').catch(() => undefined)
        if (text === undefined) return [`${name} has ended meanwhile`]
        const lines = text.split('\n').map(Number)
        const acknowledged = this.#acknowledged.get(uid) ?? 0
        if (lines.length < acknowledged || lines.some((line, index) => line !== index + 1))
          this.#violations.push(`${name} had ${acknowledged} lines in its volume, and has ${lines.length}: ${lines.slice(-3)}`)
        this.#acknowledged.set(uid, lines.length)
        const answer = await this.#cluster.kubectl(['logs', name, '-c', 'main'], { allowFailure: true })
        if (answer.code !== 0) return [`no log of ${name}: ${answer.stderr}`]
        const log = answer.stdout.trim().split('\n')
        const said = this.#said.get(uid)
        if (said?.id === id && !log.includes(said.line)) this.#violations.push(`the log of ${name} has lost "${said.line}"`)
        this.#said.set(uid, { id, line: log.at(-1) ?? '' })
      }
    }
    return []
  }
}

export function statusesOf({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
}

function notAsSpecified(pod: Pod): string[] {
  const { name, deletionTimestamp } = pod.metadata
  if (deletionTimestamp) return [`${name} is still being deleted`]
  if (pod.spec.restartPolicy === 'Never' && pod.status?.phase === 'Succeeded') return []
  return isPodReady(pod) ? [] : [`${name} is not ready: ${JSON.stringify(statusesOf(pod).map(({ name, state }) => [name, state]))}`]
}

/** Containers that belong to no pod here. */
function strangers(pods: readonly Pod[], containers: readonly FoundContainer[]): string[] {
  const uids = new Set(pods.map(({ metadata }) => metadata.uid))
  return containers.filter(({ uid }) => !uids.has(uid)).map(({ key, id }) => `a container without a pod: ${key} ${id.slice(0, 12)}`)
}

/** Where the pod's status is not what Docker says. */
function lies(pod: Pod, containers: readonly FoundContainer[]): string[] {
  const own = containers.filter(({ uid }) => uid === pod.metadata.uid)
  return statusesOf(pod).flatMap(({ name, state, containerID, restartCount }) => {
    const runs = own.filter(({ container, running }) => running && container === name)
    const told = `${pod.metadata.name}/${name}`
    if (!state?.running) return runs.length === 0 ? [] : [`${told} runs, its status says ${JSON.stringify(state)}`]
    const [run] = runs
    if (runs.length !== 1 || !run) return [`${told} is told to run, and ${runs.length} of it do`]
    if (containerID !== `docker://${run.id}`) return [`${told} is told to be ${containerID}, and is ${run.id}`]
    return run.attempt === restartCount
      ? []
      : [`${told} is told to have been restarted ${restartCount} times, and is attempt ${run.attempt}`]
  })
}

/** Directories and mounts below an agent's folder of pods that are not among `uids`. */
async function leftovers(agentDir: string, uids: ReadonlySet<string>): Promise<string[]> {
  const directories = (await readdir(join(agentDir, 'pods')).catch(() => [])).filter(uid => !uids.has(uid))
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map(line => line.split(' ')[1] ?? '')
    .filter(point => point.startsWith(`${agentDir}/`))
    .filter(point => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(point)?.some(uid => uid.length === 36 && !uids.has(uid)))
  return [...directories.map(uid => `a directory without a pod: ${uid}`), ...mounts.map(point => `a mount without a pod: ${point}`)]
}
