/** What `/stats/summary` says: Kubernetes' Summary API. https://kubernetes.io/docs/reference/instrumentation/node-metrics/ */
import { formatTime } from '@davit/api'
import type { VolumeUsage } from '../volumes/index.ts'
import type { GroupUsage } from './cgroup.ts'
import type { DiskUsage } from './disk-usage.ts'
import type { FileSystem, InterfaceUsage } from './proc.ts'
import type { ContainerUsage, CpuUsage, NodeUsage, PodUsage } from './types.ts'

/** Pure. */
export function summaryOf(nodeName: string, node: NodeUsage, pods: readonly PodUsage[]): object {
  const time = formatTime(node.at)
  return {
    node: {
      nodeName,
      startTime: formatTime(node.bootAt),
      cpu: cpuOf(time, node.cpu),
      memory: {
        time,
        availableBytes: Math.max(0, node.memory.totalBytes - node.memory.workingSetBytes),
        usageBytes: node.memory.usageBytes,
        workingSetBytes: node.memory.workingSetBytes,
        rssBytes: node.memory.rssBytes,
      },
      ...(node.interfaces.length > 0 && { network: networkOf(time, node.interfaces) }),
      ...(node.nodeFs && { fs: fileSystemOf(time, node.nodeFs) }),
      ...(node.imageFs && { runtime: { imageFs: fileSystemOf(time, node.imageFs), containerFs: fileSystemOf(time, node.imageFs) } }),
      rlimit: { time, maxpid: node.tasks.max, curproc: node.tasks.current },
    },
    pods: pods.map(pod => podOf(pod, node)),
  }
}

function podOf({ pod, at, containers, interfaces, volumes, processes }: PodUsage, node: NodeUsage): object {
  const time = formatTime(at)
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const started = pod.status?.startTime ?? pod.metadata.creationTimestamp
  const sum = (of: (container: ContainerUsage) => number) => containers.reduce((total, container) => total + of(container), 0)
  const rates = containers.flatMap(({ cpu }) => cpu.nanoCores ?? [])
  return {
    podRef: { name, namespace, uid },
    ...(started && { startTime: started }),
    containers: containers.map(container => containerOf(container, node)),
    ...(containers.length > 0 && {
      cpu: cpuOf(time, {
        ns: sum(({ cpu }) => cpu.ns),
        ...(rates.length === containers.length && { nanoCores: rates.reduce((total, rate) => total + rate, 0) }),
      }),
      memory: {
        time,
        usageBytes: sum(({ group }) => group.memoryBytes),
        workingSetBytes: sum(({ group }) => group.workingSetBytes),
        rssBytes: sum(({ group }) => group.rssBytes),
        pageFaults: sum(({ group }) => group.pageFaults),
        majorPageFaults: sum(({ group }) => group.majorPageFaults),
      },
    }),
    ...(interfaces.length > 0 && { network: networkOf(time, interfaces) }),
    ...(volumes.length > 0 && { volume: volumes.map(volume => volumeOf(time, volume)) }),
    'ephemeral-storage': { ...(node.nodeFs && fileSystemOf(time, node.nodeFs)), ...ephemeralUsage({ pod, containers, volumes }) },
    process_stats: { process_count: processes },
  }
}

/** Bytes and inodes that the pod takes on the node's own disks: what its containers wrote, their logs, and its emptyDirs. */
export function ephemeralUsage({ pod, containers, volumes }: Pick<PodUsage, 'pod' | 'containers' | 'volumes'>): {
  usedBytes: number
  inodesUsed: number
} {
  const parts = containers.flatMap(({ rootfs, logs }) => [rootfs, logs]).filter(part => part !== undefined)
  const own = volumes.filter(({ name }) => {
    const volume = pod.spec.volumes?.find(one => one.name === name)
    return volume?.emptyDir !== undefined && volume.emptyDir.medium !== 'Memory'
  })
  return {
    usedBytes: parts.reduce((sum, { bytes }) => sum + bytes, 0) + own.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
    inodesUsed: parts.reduce((sum, { inodes }) => sum + inodes, 0) + own.reduce((sum, { inodesUsed }) => sum + inodesUsed, 0),
  }
}

function containerOf({ name, at, startedAt, cpu, group, rootfs, logs }: ContainerUsage, { nodeFs, imageFs }: NodeUsage): object {
  const time = formatTime(at)
  return {
    name,
    startTime: formatTime(startedAt),
    cpu: cpuOf(time, cpu),
    memory: memoryOf(time, group),
    ...(rootfs && imageFs && { rootfs: partOf(time, rootfs, imageFs) }),
    ...(logs && (imageFs ?? nodeFs) && { logs: partOf(time, logs, (imageFs ?? nodeFs) as FileSystem) }),
  }
}

function cpuOf(time: string, { ns, nanoCores }: CpuUsage): object {
  return { time, ...(nanoCores !== undefined && { usageNanoCores: nanoCores }), usageCoreNanoSeconds: ns }
}

function memoryOf(time: string, group: GroupUsage): object {
  const { memoryBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults, memoryLimitBytes } = group
  const availableBytes = memoryLimitBytes === undefined ? undefined : Math.max(0, memoryLimitBytes - workingSetBytes)
  return {
    time,
    ...(availableBytes !== undefined && { availableBytes }),
    usageBytes: memoryBytes,
    workingSetBytes,
    rssBytes,
    pageFaults,
    majorPageFaults,
  }
}

function networkOf(time: string, interfaces: readonly InterfaceUsage[]): object {
  const main = interfaces.find(({ name }) => name === 'eth0') ?? interfaces[0]
  return { time, ...main, interfaces }
}

function fileSystemOf(time: string, { capacityBytes, availableBytes, usedBytes, inodes, inodesFree, inodesUsed }: FileSystem): object {
  return { time, availableBytes, capacityBytes, usedBytes, inodesFree, inodes, inodesUsed }
}

function partOf(time: string, { bytes, inodes }: DiskUsage, on: FileSystem): object {
  return { ...fileSystemOf(time, on), usedBytes: bytes, inodesUsed: inodes }
}

function volumeOf(time: string, { name, claim, ...amounts }: VolumeUsage): object {
  return { time, ...amounts, name, ...(claim && { pvcRef: { name: claim.name, namespace: claim.namespace } }) }
}
