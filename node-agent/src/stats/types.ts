import type { Pod } from '@davit/api'
import type { VolumeUsage } from '../volumes/index.ts'
import type { GroupUsage } from './cgroup.ts'
import type { DiskUsage } from './disk-usage.ts'
import type { FileSystem, InterfaceUsage, MachineMemory, Tasks } from './proc.ts'

/** Nanoseconds used so far and, once known, by how much that grows in a second. */
export interface CpuUsage {
  ns: number
  nanoCores?: number
}

export interface ContainerUsage {
  name: string
  /** Wall clock, milliseconds: when it was looked at, and since when the container runs. */
  at: number
  startedAt: number
  cpu: CpuUsage
  group: GroupUsage
  /** Undefined while not measured yet. */
  rootfs?: DiskUsage
  logs?: DiskUsage
}

export interface PodUsage {
  uid: string
  pod: Pod
  at: number
  containers: ContainerUsage[]
  /** Empty for pods in the node's own network. */
  interfaces: InterfaceUsage[]
  volumes: VolumeUsage[]
  processes: number
}

export interface NodeUsage {
  at: number
  bootAt: number
  cpu: CpuUsage
  memory: MachineMemory
  interfaces: InterfaceUsage[]
  /** Where pods' volumes are, and where Docker keeps images and containers. */
  nodeFs: FileSystem | undefined
  imageFs: FileSystem | undefined
  tasks: Tasks
}
