/** The cluster of the faults: one node under test, what runs on it, and what must hold. */
import assert from 'node:assert/strict'
import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContainerStatus, eventKind, type Pod, podKind } from '@davit/api'
import { crashHost, type DockerHost, type Home, removeHost, startHost, type UpOptions } from '@davit/deploy'
import { startCluster, type TestCluster } from '../cluster.ts'
import { startMissing } from '../restart.ts'
import { SupervisedAgent } from './agent.ts'
import { Disks } from './disks.ts'
import { Invariants, statusesOf } from './invariants.ts'
import { startWorkload, WORKLOAD } from './workload.ts'

/** Within this time after a fault everything is as it should be, milliseconds; most take a fraction. */
const SETTLE_MS_MAX = 60_000

export class World {
  readonly cluster: TestCluster
  readonly agent: SupervisedAgent
  readonly disks: Disks
  readonly invariants: Invariants
  readonly host: DockerHost
  readonly #agentArgs: readonly string[]

  private constructor(
    cluster: TestCluster,
    { agent, disks, agentArgs }: { agent: SupervisedAgent; disks: Disks; agentArgs: readonly string[] },
  ) {
    this.cluster = cluster
    this.agent = agent
    this.disks = disks
    this.#agentArgs = agentArgs
    const [host] = cluster.hosts
    assert.ok(host)
    this.host = host
    this.invariants = new Invariants(cluster)
  }

  static async start(agentArgs: readonly string[] = []): Promise<World> {
    const agent = await SupervisedAgent.create()
    const disks = await Disks.create()
    const prepare = async ({ hosts, agents }: Home) => {
      await mkdir(join(hosts, 'node-1'), { recursive: true })
      await mkdir(agents, { recursive: true })
      await symlink(disks.docker, join(hosts, 'node-1/data'))
      await symlink(disks.agent, join(agents, 'node-1'))
    }
    const cluster = await startCluster({ nodes: 1, agentProgram: agent.program, agentArgs, prepare }).catch(async error => {
      await disks.remove()
      throw error
    })
    const world = new World(cluster, { agent, disks, agentArgs })
    await startWorkload(cluster)
    return world
  }

  async stop(): Promise<void> {
    this.invariants.stop()
    await this.cluster.stop()
    await this.disks.remove()
    await this.agent.remove()
  }

  /** Replaces pods that earlier faults have restarted, for the next restart of one would come after a back-off; removes what a failed test left. */
  async renew(): Promise<void> {
    const restarted = [...this.cluster.pods.cache.list()].filter(
      pod => statusesOf(pod).some(({ restartCount }) => restartCount > 0) || !WORKLOAD.includes(pod.metadata.labels?.app ?? ''),
    )
    if (restarted.length === 0) return
    const uids = new Set(restarted.map(({ metadata }) => metadata.uid))
    await this.cluster.kubectl([
      'delete',
      'pod',
      '--wait=false',
      '--grace-period=1',
      ...restarted.map(({ metadata }) => metadata.name ?? ''),
    ])
    await this.cluster.until(podKind, 'restarted pods to be gone', pods => !pods.some(({ metadata }) => uids.has(metadata.uid)))
    await startWorkload(this.cluster)
    await this.settled()
  }

  /** Seconds until all is as it should be again. */
  settled(timeoutMs = SETTLE_MS_MAX): Promise<number> {
    return this.invariants.settled([this.host], timeoutMs)
  }

  /** Starts what does not run of the cluster, and waits until the node is Ready. */
  startMissing(options: Partial<UpOptions> = {}): Promise<void> {
    return startMissing(this.cluster, { agentProgram: this.agent.program, agentArgs: this.#agentArgs, ...options })
  }

  docker(...args: string[]): Promise<string> {
    return this.cluster.docker(this.host, ...args)
  }

  pod(name: string): Pod {
    return [...this.cluster.pods.cache.list()].find(pod => pod.metadata.name === name) ?? assert.fail(`there is no pod ${name}`)
  }

  /** The Docker id of a pod's container. */
  containerId(name: string, container = 'main'): string {
    const all = [...(this.pod(name).status?.initContainerStatuses ?? []), ...(this.pod(name).status?.containerStatuses ?? [])]
    return (
      all.find(status => status.name === container)?.containerID?.replace('docker://', '') ?? assert.fail(`${name} runs no ${container}`)
    )
  }

  /** Docker ids of all that runs on the host. */
  async running(): Promise<string[]> {
    return (await this.docker('ps', '-q', '--no-trunc')).split('\n').sort()
  }

  /** Waits for a status of the pod's first container. */
  untilStatus(
    name: string,
    what: string,
    is: (status: ContainerStatus, pod: Pod) => boolean,
    timeoutMs?: number,
  ): Promise<ContainerStatus> {
    const find = (pods: readonly Pod[]) => {
      const pod = pods.find(({ metadata }) => metadata.name === name)
      const status = pod?.status?.containerStatuses?.[0]
      return pod && status && is(status, pod) ? status : undefined
    }
    return this.cluster.until(podKind, `${name}: ${what}`, find, timeoutMs)
  }

  /** Waits for an event of the pod, and gives its message. */
  untilEvent(pod: string, ...reasons: readonly string[]): Promise<string> {
    return this.cluster.until(eventKind, `the event ${reasons.join(' or ')} of ${pod}`, events => {
      const uids = [...this.cluster.pods.cache.list()].filter(({ metadata }) => metadata.name === pod).map(({ metadata }) => metadata.uid)
      return events.findLast(({ reason = '', involvedObject }) => reasons.includes(reason) && uids.includes(involvedObject?.uid))?.message
    })
  }

  /** Deletes pods, and waits until they are gone. */
  async delete(...names: string[]): Promise<void> {
    await this.cluster.kubectl(['delete', 'pod', ...names, '--wait=false'])
    await this.untilGone(...names)
  }

  async untilGone(...names: string[]): Promise<void> {
    await this.cluster.until(podKind, `${names} to be gone`, pods => !pods.some(({ metadata }) => names.includes(metadata.name ?? '')))
  }

  /** A power cut and a boot: no process, no network and no mount of the host is left; its disks are. */
  async reboot(): Promise<void> {
    const { home, network } = this.cluster
    const options = { network, dir: home.hosts, logs: home.logs, run: home.run }
    await crashHost(this.host)
    await removeHost(this.host, options)
    await this.disks.unmountAll()
    await rm(join(this.host.dir, 'exec'), { recursive: true, force: true })
    await startHost(this.host.index, options)
    await this.startMissing()
  }
}
