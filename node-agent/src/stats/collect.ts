/** Looks at what pods and the machine use, when asked; keeps only what rates and long walks need. */
import type { Clock } from '@davit/api'
import type { ContainerInfo, Docker } from '../docker/index.ts'
import { SANDBOX } from '../docker/index.ts'
import type { PodView } from '../pods/index.ts'
import type { VolumeUsage } from '../volumes/index.ts'
import { findGroups, type GroupDirs, type GroupMounts, type GroupUsage, readGroupMounts, readUsage, readWorkingSet } from './cgroup.ts'
import { ContainerDisks } from './container-disks.ts'
import { CpuRates } from './cpu-rates.ts'
import { readBootTime, readCpuNs, readFileSystem, readInterfaces, readMemory, readTasks } from './proc.ts'
import type { ContainerUsage, NodeUsage, PodUsage } from './types.ts'

export interface StatsOptions {
  docker: Pick<Docker, 'raw' | 'engine'>
  /** Pods of which something runs. */
  pods: () => readonly PodView[]
  /** What a pod's volumes take; may be long. */
  volumes: (view: PodView) => Promise<VolumeUsage[]>
  /** Where pods' directories lie. */
  dataDir: string
  clock: Clock
  signal: AbortSignal
}

export interface Stats {
  /** Every pod of which something runs. `disk`: also what was last measured of disks; a new measurement is begun, not waited for. */
  pods(options?: { disk?: boolean }): Promise<PodUsage[]>
  /** One pod, its disks measured now. */
  measure(view: PodView): Promise<PodUsage>
  node(): Promise<NodeUsage>
  /** What all pods' containers hold in memory and cannot give back at once. */
  workingSetBytes(): Promise<number>
}

const NODE = 'node'

export function createStats({ docker, pods, volumes, dataDir, clock, signal }: StatsOptions): Stats {
  const rates = new CpuRates()
  const disks = new ContainerDisks({ docker, clock, signal })
  const volumesOf = new Map<string, VolumeUsage[]>()
  const groups = new Map<string, GroupDirs>()
  let mounts: Promise<GroupMounts> | undefined
  let bootAt: Promise<number> | undefined

  const groupOf = async ({ id, pid }: ContainerInfo): Promise<GroupDirs | undefined> => {
    const key = `${id} ${pid}`
    mounts ??= readGroupMounts()
    const dirs = groups.get(key) ?? (await findGroups(pid, await mounts))
    if (dirs) groups.set(key, dirs)
    return dirs
  }
  // A container may end at any moment, and its group with it.
  const usageOf = async (info: ContainerInfo): Promise<GroupUsage | undefined> => {
    const dirs = await groupOf(info)
    return dirs && readUsage(dirs).catch(() => undefined)
  }
  const workingSetOf = async (info: ContainerInfo): Promise<number> => {
    const dirs = await groupOf(info)
    return dirs ? readWorkingSet(dirs).catch(() => 0) : 0
  }

  const containerUsage = async (info: ContainerInfo): Promise<ContainerUsage | undefined> => {
    const group = await usageOf(info)
    if (!group) return undefined
    const nanoCores = rates.add(info.id, { at: clock.monotonic(), ns: group.cpuNs })
    const cpu = { ns: group.cpuNs, ...(nanoCores !== undefined && { nanoCores }) }
    return { name: info.container, at: clock.now(), startedAt: info.startedAt ?? info.createdAt, cpu, group }
  }

  const podUsage = async (view: PodView): Promise<PodUsage> => {
    const running = view.containers.filter(({ state }) => state === 'running')
    const holder = running.find(({ networkMode }) => networkMode !== 'host' && !networkMode.startsWith('container:'))
    const own = running.filter(({ container }) => container !== SANDBOX)
    const found = await Promise.all(own.map(containerUsage))
    const containers = found.filter(usage => usage !== undefined)
    return {
      uid: view.uid,
      pod: view.pod,
      at: clock.now(),
      containers,
      interfaces: holder ? await readInterfaces(holder.pid) : [],
      volumes: volumesOf.get(view.uid) ?? [],
      processes: containers.reduce((sum, { group }) => sum + group.processes, 0),
    }
  }

  /** What was not looked at this time is gone. */
  const forgetOthers = (views: readonly PodView[]) => {
    const running = views.flatMap(({ containers }) => containers.filter(({ state }) => state === 'running'))
    const keys = new Set(running.map(({ id, pid }) => `${id} ${pid}`))
    for (const key of groups.keys()) if (!keys.has(key)) groups.delete(key)
    const ids = new Set(running.map(({ id }) => id))
    rates.keepOnly(new Set([...ids, NODE]))
    disks.keepOnly(ids)
    const uids = new Set(views.map(({ uid }) => uid))
    for (const uid of volumesOf.keys()) if (!uids.has(uid)) volumesOf.delete(uid)
  }

  const withDisks = (usage: PodUsage, { containers }: PodView): PodUsage => ({
    ...usage,
    volumes: volumesOf.get(usage.uid) ?? [],
    containers: usage.containers.map(one => ({
      ...one,
      ...disks.last(containers.find(({ container, state }) => container === one.name && state === 'running')?.id ?? ''),
    })),
  })

  const measureDisks = async (view: PodView, freshMs?: number) => {
    // One that cannot be measured, as it ends this moment or Docker is slow, must not hide what all others use.
    for (const { id, state } of view.containers) if (state === 'running') await disks.measure(id, freshMs).catch(() => {})
    volumesOf.set(view.uid, await volumes(view).catch(() => []))
  }

  let isMeasuring = false
  const measureAll = async (views: readonly PodView[]) => {
    if (isMeasuring) return
    isMeasuring = true
    for (const view of views) if (!signal.aborted) await measureDisks(view)
    isMeasuring = false
  }

  const usageOfAll = async (views: readonly PodView[]) => {
    const all: PodUsage[] = []
    // Pod after pod: many files opened at once would hold up everything else that reads.
    for (const view of views) all.push(await podUsage(view))
    return all
  }

  return {
    async pods({ disk = false } = {}) {
      const views = pods()
      forgetOthers(views)
      let usages = await usageOfAll(views)
      if (usages.some(({ containers }) => containers.some(({ cpu }) => cpu.nanoCores === undefined))) {
        await rates.settle(clock, signal)
        usages = await usageOfAll(views)
      }
      if (!disk) return usages
      void measureAll(views)
      return usages.map((usage, index) => withDisks(usage, views[index] as PodView))
    },

    async measure(view) {
      forgetOthers(pods())
      await measureDisks(view, 0)
      return withDisks(await podUsage(view), view)
    },

    async node() {
      bootAt ??= readBootTime()
      const cpuNs = await readCpuNs()
      let nanoCores = rates.add(NODE, { at: clock.monotonic(), ns: cpuNs })
      if (nanoCores === undefined) {
        await rates.settle(clock, signal)
        nanoCores = rates.add(NODE, { at: clock.monotonic(), ns: await readCpuNs() })
      }
      const [memory, interfaces, nodeFs, imageFs, tasks] = await Promise.all([
        readMemory(),
        readInterfaces('self'),
        readFileSystem(dataDir),
        readFileSystem(docker.engine.rootDir),
        readTasks(),
      ])
      const cpu = { ns: cpuNs, ...(nanoCores !== undefined && { nanoCores }) }
      return { at: clock.now(), bootAt: await bootAt, cpu, memory, interfaces, nodeFs, imageFs, tasks }
    },

    async workingSetBytes() {
      let sum = 0
      const views = pods()
      forgetOthers(views)
      for (const { containers } of views) for (const info of containers) if (info.state === 'running') sum += await workingSetOf(info)
      return sum
    },
  }
}
