/** A Node's status from what is known of the machine and its Docker. Pure. */
import { type ContainerImage, formatTime, type NodeCondition, type NodeStatus } from '@davit/api'
import type { EngineInfo } from '../docker/index.ts'
import type { MachineIds, Pressure } from './machine.ts'

/** Resources as flags give them; left out: what Docker reports. */
export interface CapacityFlags {
  milliCpu?: number
  memoryBytes?: number
  pods: number
  reservedMilliCpu?: number
  reservedMemoryBytes?: number
  /** How many devices of each name. */
  devices?: Readonly<Record<string, number>>
}

export interface NodeObserved {
  readonly nodeName: string
  readonly nodeIp: string
  /** Such as `v1.33.0+davit-0.1.0`. */
  readonly version: string
  readonly capacity: CapacityFlags
  readonly engine: EngineInfo
  readonly ids: MachineIds
  readonly pressure: Pressure
  readonly images: readonly ContainerImage[]
  /** Why Docker, or the pod network, cannot be used. */
  readonly dockerProblem: string | undefined
  readonly networkProblem: string | undefined
  readonly current: NodeStatus | undefined
  /** Wall clock. */
  readonly now: number
}

const MEBIBYTE = 1 << 20
const MEMORY_BYTES_MIN = 100 * MEBIBYTE
const DISK_SHARE_MIN = 0.05
const DISK_BYTES_MIN = 10 * 1024 * MEBIBYTE
const TASKS_SHARE_MIN = 0.1

export function nodeStatus(observed: NodeObserved): NodeStatus {
  const { nodeName, nodeIp, version, engine, ids, images } = observed
  const { capacity, allocatable } = resources(observed)
  return {
    capacity,
    allocatable,
    conditions: conditions(observed),
    addresses: [
      { type: 'InternalIP', address: nodeIp },
      { type: 'Hostname', address: nodeName },
    ],
    nodeInfo: {
      machineID: ids.machineId,
      systemUUID: ids.systemUuid,
      bootID: ids.bootId,
      kernelVersion: engine.kernelVersion,
      osImage: engine.osImage,
      containerRuntimeVersion: `docker://${engine.version}`,
      kubeletVersion: version,
      kubeProxyVersion: version,
      operatingSystem: engine.operatingSystem,
      architecture: engine.architecture,
    },
    images: [...images],
  }
}

/** Amounts as Kubernetes' agents report them. */
export function resources({ capacity: flags, engine, pressure }: Pick<NodeObserved, 'capacity' | 'engine' | 'pressure'>): {
  capacity: Record<string, string>
  allocatable: Record<string, string>
} {
  const milliCpu = flags.milliCpu ?? engine.cpus * 1000
  const memoryBytes = flags.memoryBytes ?? engine.memoryBytes
  const amounts = (milli: number, bytes: number) => ({
    cpu: milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`,
    memory: `${Math.floor(bytes / 1024)}Ki`,
    'ephemeral-storage': `${Math.floor(pressure.diskTotalBytes / 1024)}Ki`,
    pods: String(flags.pods),
    ...Object.fromEntries(Object.entries(flags.devices ?? {}).map(([name, count]) => [name, String(count)])),
  })
  return {
    capacity: amounts(milliCpu, memoryBytes),
    allocatable: amounts(
      Math.max(0, milliCpu - (flags.reservedMilliCpu ?? 0)),
      Math.max(0, memoryBytes - (flags.reservedMemoryBytes ?? 0)),
    ),
  }
}

function conditions(observed: NodeObserved): NodeCondition[] {
  const { pressure, dockerProblem, networkProblem, current, now } = observed
  const lacksMemory = pressure.memoryAvailableBytes < MEMORY_BYTES_MIN
  const lacksDisk = pressure.diskAvailableBytes < Math.min(DISK_BYTES_MIN, pressure.diskTotalBytes * DISK_SHARE_MIN)
  const lacksTasks = pressure.tasks > pressure.tasksMax * (1 - TASKS_SHARE_MIN)
  const verdicts: Verdict[] = [
    networkProblem === undefined
      ? ['NetworkUnavailable', 'False', 'PodNetworkIsUp', 'the pod network is set up']
      : ['NetworkUnavailable', 'True', 'PodNetworkIsDown', networkProblem],
    lacksMemory
      ? ['MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available']
      : ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    lacksDisk
      ? ['DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure']
      : ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    lacksTasks
      ? ['PIDPressure', 'True', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available']
      : ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    dockerProblem === undefined
      ? ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status']
      : ['Ready', 'False', 'KubeletNotReady', `docker is not responding: ${dockerProblem}`],
  ]
  return verdicts.map(verdict => condition(verdict, current, now))
}

type Verdict = [type: string, status: 'True' | 'False', reason: string, message: string]

function condition([type, status, reason, message]: Verdict, current: NodeStatus | undefined, now: number): NodeCondition {
  const before = current?.conditions?.find(found => found.type === type)
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : undefined
  return { type, status, reason, message, lastHeartbeatTime: formatTime(now), lastTransitionTime: lastTransitionTime ?? formatTime(now) }
}

/** Everything but the time of the heartbeat and what changes all the time by little. */
export function significant(status: NodeStatus | undefined): unknown {
  const { capacity, allocatable, addresses, nodeInfo } = status ?? {}
  const ours = new Set(['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'])
  const verdicts = (status?.conditions ?? [])
    .filter(({ type }) => ours.has(type))
    .map(({ type, status: verdict, reason, message }) => [type, verdict, reason, message])
  return { capacity, allocatable, addresses, nodeInfo, verdicts: verdicts.sort() }
}

/** Labels every node has, with those of the flags. */
export function nodeLabels(nodeName: string, engine: EngineInfo, own: Readonly<Record<string, string>>): Record<string, string> {
  const { operatingSystem: os, architecture: arch } = engine
  return {
    'beta.kubernetes.io/os': os,
    'beta.kubernetes.io/arch': arch,
    'kubernetes.io/os': os,
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': nodeName,
    ...own,
  }
}
