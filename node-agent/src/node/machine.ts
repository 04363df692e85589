/** What only the machine itself can tell. Every question has an answer, if need be an empty one. */
import { readFile, statfs } from 'node:fs/promises'

export interface MachineIds {
  machineId: string
  systemUuid: string
  bootId: string
}

export async function readIds(): Promise<MachineIds> {
  const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim()
  const machineId = (await read('/etc/machine-id')) || (await read('/var/lib/dbus/machine-id'))
  return {
    machineId,
    systemUuid: (await read('/sys/class/dmi/id/product_uuid')) || machineId,
    bootId: await read('/proc/sys/kernel/random/boot_id'),
  }
}

export interface Pressure {
  memoryAvailableBytes: number
  diskTotalBytes: number
  diskAvailableBytes: number
  /** Tasks that exist and that may exist. */
  tasks: number
  tasksMax: number
}

/** `path`: where Docker keeps images and containers. */
export async function readPressure(path: string): Promise<Pressure> {
  const memory = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const load = await readFile('/proc/loadavg', 'utf8').catch(() => '')
  const max = await readFile('/proc/sys/kernel/pid_max', 'utf8').catch(() => '')
  const disk = await statfs(path).catch(() => statfs('/'))
  return {
    memoryAvailableBytes: Number(/^MemAvailable:\s*(\d+) kB$/m.exec(memory)?.[1] ?? Number.MAX_SAFE_INTEGER / 1024) * 1024,
    diskTotalBytes: disk.blocks * disk.bsize,
    diskAvailableBytes: disk.bavail * disk.bsize,
    tasks: Number(/\/(\d+) /.exec(load)?.[1] ?? 0),
    tasksMax: Number(max.trim()) || 32_768,
  }
}
