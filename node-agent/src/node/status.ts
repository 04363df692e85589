/** A Node's status from what is known of the machine and its Docker. Pure. */
import { type ContainerImage, formatQuantity, formatTime, type NodeCondition, type NodeStatus } from '@davit/api'
import type { EngineInfo } from '../docker/index.ts'
import { keptByThresholds, type PressureCondition, type Threshold } from '../eviction/index.ts'
import type { MachineIds } from './machine.ts'

/** Resources as flags give them; left out: what Docker reports. */
export interface CapacityFlags {
  milliCpu?: number
  memoryBytes?: number
  pods: number
  reservedMilliCpu?: number
  reservedMemoryBytes?: number
  /** How many devices of each name. */
  devices?: Readonly<Record<string, number>>
  reservedDiskBytes?: number
  /** Hard ones keep their amount from pods, too. */
  thresholds?: readonly Threshold[]
}

export interface NodeObserved {
  readonly nodeName: string
  readonly nodeIp: string
  /** Such as `v1.33.0+davit-0.1.0`. */
  readonly version: string
  readonly capacity: CapacityFlags
  readonly engine: EngineInfo
  readonly ids: MachineIds
  /** Of the disk that pods' volumes are on. */
  readonly diskBytes: number
  readonly hugePages: Readonly<Record<string, number>>
  /** What the node is short of. */
  readonly pressures: ReadonlySet<PressureCondition>
  readonly images: readonly ContainerImage[]
  /** Why Docker, or the pod network, cannot be used. */
  readonly dockerProblem: string | undefined
  readonly networkProblem: string | undefined
  /** The machine is going down. */
  readonly isShuttingDown: boolean
  readonly current: NodeStatus | undefined
  /** Wall clock. */
  readonly now: number
}

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

type Resources = Pick<NodeObserved, 'capacity' | 'diskBytes' | 'hugePages'> & { engine: Pick<EngineInfo, 'cpus' | 'memoryBytes'> }

/** What is for pods, of CPU and memory. */
export function allocatableAmounts({ capacity: flags, engine, diskBytes }: Omit<Resources, 'hugePages'>) {
  const milliCpu = flags.milliCpu ?? engine.cpus * 1000
  const memoryBytes = flags.memoryBytes ?? engine.memoryBytes
  const kept = keptByThresholds(flags.thresholds ?? [], { memoryBytes, diskBytes })
  return {
    milliCpu: Math.max(0, milliCpu - (flags.reservedMilliCpu ?? 0)),
    memoryBytes: Math.max(0, memoryBytes - (flags.reservedMemoryBytes ?? 0) - kept.memoryBytes),
    diskBytes: Math.max(0, diskBytes - (flags.reservedDiskBytes ?? 0) - kept.diskBytes),
  }
}

/** Amounts as Kubernetes' agents report them. */
export function resources(observed: Resources): { capacity: Record<string, string>; allocatable: Record<string, string> } {
  const { capacity: flags, engine, diskBytes, hugePages } = observed
  const allocatable = allocatableAmounts(observed)
  const huge = Object.fromEntries(Object.entries(hugePages).map(([name, bytes]) => [name, formatQuantity(bytes, 'BinarySI')]))
  const hugeBytes = Object.values(hugePages).reduce((sum, bytes) => sum + bytes, 0)
  const devices = Object.fromEntries(Object.entries(flags.devices ?? {}).map(([name, count]) => [name, String(count)]))
  const cpu = (milli: number) => (milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`)
  return {
    capacity: {
      cpu: cpu(flags.milliCpu ?? engine.cpus * 1000),
      memory: kibibytes(flags.memoryBytes ?? engine.memoryBytes),
      'ephemeral-storage': kibibytes(diskBytes),
      ...huge,
      pods: String(flags.pods),
      ...devices,
    },
    allocatable: {
      cpu: cpu(allocatable.milliCpu),
      memory: kibibytes(Math.max(0, allocatable.memoryBytes - hugeBytes)),
      'ephemeral-storage': String(allocatable.diskBytes),
      ...huge,
      pods: String(flags.pods),
      ...devices,
    },
  }
}

const kibibytes = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`

function conditions(observed: NodeObserved): NodeCondition[] {
  const { pressures, networkProblem, current, now } = observed
  const verdicts: Verdict[] = [
    networkProblem === undefined
      ? ['NetworkUnavailable', 'False', 'PodNetworkIsUp', 'the pod network is set up']
      : ['NetworkUnavailable', 'True', 'PodNetworkIsDown', networkProblem],
    pressures.has('MemoryPressure')
      ? ['MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available']
      : ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    pressures.has('DiskPressure')
      ? ['DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure']
      : ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    pressures.has('PIDPressure')
      ? ['PIDPressure', 'True', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available']
      : ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ready(observed),
  ]
  return verdicts.map(verdict => condition(verdict, current, now))
}

function ready({ dockerProblem, isShuttingDown }: NodeObserved): Verdict {
  const problems = [
    ...(dockerProblem === undefined ? [] : [`container runtime is down: ${dockerProblem}`]),
    ...(isShuttingDown ? ['node is shutting down'] : []),
  ]
  if (problems.length === 0) return ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status']
  return ['Ready', 'False', 'KubeletNotReady', problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`]
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
