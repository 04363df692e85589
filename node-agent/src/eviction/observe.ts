import { type FileSystem, readFileSystem, readMemory, readTasks, type Stats } from '../stats/index.ts'
import type { Observation, Observations } from './plan.ts'
import type { Signal } from './thresholds.ts'

export interface ObserveOptions {
  /** Where pods' directories lie, and where Docker keeps images and containers. */
  dataDir: string
  dockerDir: () => string
  /** What this node may use of its machine's memory; undefined: all. */
  memoryBytes: number | undefined
  stats: Pick<Stats, 'workingSetBytes'>
}

/** What is left of everything a threshold may be about. What cannot be read is left out. */
export async function observe({ dataDir, dockerDir, memoryBytes, stats }: ObserveOptions): Promise<Observations> {
  const [memory, nodeFs, imageFs, tasks] = await Promise.all([
    readMemory(),
    readFileSystem(dataDir),
    readFileSystem(dockerDir()),
    readTasks(),
  ])
  const found = new Map<Signal, Observation>()
  if (memory.totalBytes > 0) {
    const free = Math.max(0, memory.totalBytes - memory.workingSetBytes)
    // One of several agents on a machine, or one that was told of less than there is: its own pods are what it answers for.
    const available = memoryBytes === undefined ? free : Math.max(0, Math.min(free, memoryBytes - (await stats.workingSetBytes())))
    found.set('memory.available', { available, capacity: memoryBytes ?? memory.totalBytes })
  }
  addFileSystem(found, 'nodefs', nodeFs)
  addFileSystem(found, 'imagefs', imageFs)
  if (tasks.current > 0) found.set('pid.available', { available: Math.max(0, tasks.max - tasks.current), capacity: tasks.max })
  return found
}

function addFileSystem(found: Map<Signal, Observation>, name: 'nodefs' | 'imagefs', on: FileSystem | undefined): void {
  if (!on) return
  found.set(`${name}.available`, { available: on.availableBytes, capacity: on.capacityBytes })
  // Some file systems have no bound on inodes and show none.
  if (on.inodes > 0) found.set(`${name}.inodesFree`, { available: on.inodesFree, capacity: on.inodes })
}
