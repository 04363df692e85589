/** What /proc tells of a machine and of a network namespace. */
import { readFile, statfs } from 'node:fs/promises'

export interface InterfaceUsage {
  name: string
  rxBytes: number
  rxErrors: number
  txBytes: number
  txErrors: number
}

/** Interfaces of the namespace of `pid` (`self`: this machine's), without the loopback. Empty when the process is gone. */
export async function readInterfaces(pid: number | 'self'): Promise<InterfaceUsage[]> {
  return parseNetDev(await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => ''))
}

export function parseNetDev(text: string): InterfaceUsage[] {
  return text.split('\n').flatMap(line => {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim()
    if (colon < 0 || name === 'lo') return []
    const amounts = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number)
    return [{ name, rxBytes: amounts[0] ?? 0, rxErrors: amounts[2] ?? 0, txBytes: amounts[8] ?? 0, txErrors: amounts[10] ?? 0 }]
  })
}

export interface MachineMemory {
  totalBytes: number
  usageBytes: number
  /** Usage less files not used lately, as Kubernetes counts it; the kernel's own MemAvailable also counts what may be swapped or dropped. */
  workingSetBytes: number
  rssBytes: number
}

export async function readMemory(): Promise<MachineMemory> {
  return parseMemory(await readFile('/proc/meminfo', 'utf8').catch(() => ''))
}

export function parseMemory(text: string): MachineMemory {
  const of = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  const totalBytes = of('MemTotal')
  const usageBytes = totalBytes - of('MemFree')
  return { totalBytes, usageBytes, workingSetBytes: Math.max(0, usageBytes - of('Inactive\\(file\\)')), rssBytes: of('AnonPages') }
}

const TICK_NS = 1e7

/** Nanoseconds of CPU that all of the machine has used. */
export async function readCpuNs(): Promise<number> {
  return parseCpuNs(await readFile('/proc/stat', 'utf8').catch(() => ''))
}

export function parseCpuNs(text: string): number {
  const amounts = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').map(Number)
  // Idle and waiting for a disk are no use; what guests use is in user and nice already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = amounts
  return (user + nice + system + irq + softirq + steal) * TICK_NS
}

/** Since when the machine runs, milliseconds since the epoch. */
export async function readBootTime(): Promise<number> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '')
  return Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0) * 1000
}

export interface Tasks {
  /** Tasks that exist and that may exist. */
  current: number
  max: number
}

export async function readTasks(): Promise<Tasks> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '')
  const [load, pidMax, threadsMax] = await Promise.all([
    read('/proc/loadavg'),
    read('/proc/sys/kernel/pid_max'),
    read('/proc/sys/kernel/threads-max'),
  ])
  const limits = [pidMax, threadsMax].map(text => Number(text.trim())).filter(limit => limit > 0)
  return { current: Number(/\/(\d+) /.exec(load)?.[1] ?? 0), max: limits.length > 0 ? Math.min(...limits) : 32_768 }
}

export interface FileSystem {
  capacityBytes: number
  availableBytes: number
  usedBytes: number
  inodes: number
  inodesFree: number
  inodesUsed: number
}

/** The file system that `path` lies on; undefined when it cannot be asked. */
export async function readFileSystem(path: string): Promise<FileSystem | undefined> {
  const found = await statfs(path).catch(() => undefined)
  if (!found) return undefined
  const { bsize, blocks, bfree, bavail, files, ffree } = found
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  }
}
