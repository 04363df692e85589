/** Usage of a container from its control groups' files, of version 1 and 2: Docker's own stats cost a second and a goroutine each. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a control group has used. Bytes and nanoseconds; zero where the kernel does not tell. */
export interface GroupUsage {
  cpuNs: number
  memoryBytes: number
  /** Usage less what the kernel can take back at once: files not used lately. */
  workingSetBytes: number
  rssBytes: number
  pageFaults: number
  majorPageFaults: number
  processes: number
  /** Undefined: no limit. */
  memoryLimitBytes?: number
}

/** Where the kernel shows control groups: of version 1 one place a controller, of version 2 one for all. */
export interface GroupMounts {
  readonly v2: Mount | undefined
  readonly v1: ReadonlyMap<string, Mount>
}

interface Mount {
  /** Path of the group that is mounted. */
  readonly root: string
  readonly at: string
}

/** The directories of one container's groups. */
export type GroupDirs = { version: 2; dir: string } | { version: 1; cpuacct: string; memory: string; pids: string | undefined }

export async function readGroupMounts(): Promise<GroupMounts> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''))
}

/** See proc_pid_mountinfo(5). */
export function parseMountInfo(text: string): GroupMounts {
  const v1 = new Map<string, Mount>()
  let v2: Mount | undefined
  for (const line of text.split('\n')) {
    const [own = '', other = ''] = line.split(' - ')
    const [, , , root = '', at = ''] = own.split(' ')
    const [type, , options = ''] = other.split(' ')
    if (type === 'cgroup2') v2 ??= { root, at }
    else if (type === 'cgroup') for (const controller of options.split(',')) if (!v1.has(controller)) v1.set(controller, { root, at })
  }
  return { v1, v2 }
}

/** From `/proc/PID/cgroup`. Undefined when memory and CPU are not shown to us. */
export function groupDirsOf(text: string, { v1, v2 }: GroupMounts): GroupDirs | undefined {
  const paths = new Map<string, string>()
  for (const line of text.trim().split('\n')) {
    const [, controllers = '', ...path] = line.split(':')
    for (const controller of controllers.split(',')) paths.set(controller, path.join(':'))
  }
  const of = (controller: string) => {
    const path = paths.get(controller)
    const mount = v1.get(controller)
    return path === undefined || !mount ? undefined : dirOf(path, mount)
  }
  const [cpuacct, memory] = [of('cpuacct'), of('memory')]
  if (cpuacct && memory) return { version: 1, cpuacct, memory, pids: of('pids') }
  const path = paths.get('')
  return path === undefined || !v2 ? undefined : { version: 2, dir: dirOf(path, v2) }
}

function dirOf(path: string, { root, at }: Mount): string {
  return join(at, root !== '/' && path.startsWith(root) ? path.slice(root.length) : path)
}

/** Undefined when the process is gone. */
export async function findGroups(pid: number, mounts: GroupMounts): Promise<GroupDirs | undefined> {
  const text = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : groupDirsOf(text, mounts)
}

/** Rejects when the group is gone. */
export async function readUsage(dirs: GroupDirs): Promise<GroupUsage> {
  if (dirs.version === 1) {
    const [cpu, usage, stat, limit, processes] = await Promise.all([
      readFile(join(dirs.cpuacct, 'cpuacct.usage'), 'utf8'),
      readFile(join(dirs.memory, 'memory.usage_in_bytes'), 'utf8'),
      readFile(join(dirs.memory, 'memory.stat'), 'utf8'),
      readFile(join(dirs.memory, 'memory.limit_in_bytes'), 'utf8'),
      dirs.pids === undefined ? '0' : readFile(join(dirs.pids, 'pids.current'), 'utf8'),
    ])
    return usageOfV1({ cpu, usage, stat, limit, processes })
  }
  const read = (name: string) => readFile(join(dirs.dir, name), 'utf8')
  const [cpu, usage, stat, limit, processes] = await Promise.all([
    read('cpu.stat'),
    read('memory.current'),
    read('memory.stat'),
    read('memory.max'),
    read('pids.current').catch(() => '0'),
  ])
  return usageOfV2({ cpu, usage, stat, limit, processes })
}

/** Of all that, what is asked for most often. Rejects when the group is gone. */
export async function readWorkingSet(dirs: GroupDirs): Promise<number> {
  const [dir, usageFile] = dirs.version === 1 ? [dirs.memory, 'memory.usage_in_bytes'] : [dirs.dir, 'memory.current']
  const [usage, stat] = await Promise.all([readFile(join(dir, usageFile), 'utf8'), readFile(join(dir, 'memory.stat'), 'utf8')])
  return memoryOf({ usage, stat }, STAT_FIELDS[dirs.version]).workingSetBytes
}

interface GroupFiles {
  readonly cpu: string
  readonly usage: string
  readonly stat: string
  readonly limit: string
  readonly processes: string
}

interface StatFields {
  readonly inactiveFile: string
  readonly rss: string
  readonly pageFaults: string
  readonly majorPageFaults: string
}

/** Names in `memory.stat` of what both versions count. */
const STAT_FIELDS: Readonly<Record<1 | 2, StatFields>> = {
  1: { inactiveFile: 'total_inactive_file', rss: 'total_rss', pageFaults: 'total_pgfault', majorPageFaults: 'total_pgmajfault' },
  2: { inactiveFile: 'inactive_file', rss: 'anon', pageFaults: 'pgfault', majorPageFaults: 'pgmajfault' },
}

/** The kernel's number for "no limit" in version 1: the largest multiple of a page. */
const NO_LIMIT_MIN = 2 ** 62

export function usageOfV1({ cpu, usage, stat, limit, processes }: GroupFiles): GroupUsage {
  const memoryLimitBytes = Number(limit)
  return {
    cpuNs: Number(cpu),
    ...memoryOf({ usage, stat }, STAT_FIELDS[1]),
    processes: Number(processes),
    ...(memoryLimitBytes < NO_LIMIT_MIN && { memoryLimitBytes }),
  }
}

export function usageOfV2({ cpu, usage, stat, limit, processes }: GroupFiles): GroupUsage {
  return {
    cpuNs: (parseFlat(cpu).get('usage_usec') ?? 0) * 1000,
    ...memoryOf({ usage, stat }, STAT_FIELDS[2]),
    processes: Number(processes),
    ...(limit.trim() !== 'max' && { memoryLimitBytes: Number(limit) }),
  }
}

function memoryOf({ usage, stat }: Pick<GroupFiles, 'usage' | 'stat'>, fields: StatFields) {
  const amounts = parseFlat(stat)
  const of = (field: keyof StatFields) => amounts.get(fields[field]) ?? 0
  const memoryBytes = Number(usage)
  return {
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - of('inactiveFile')),
    rssBytes: of('rss'),
    pageFaults: of('pageFaults'),
    majorPageFaults: of('majorPageFaults'),
  }
}

/** Lines of a name and a number. */
function parseFlat(text: string): Map<string, number> {
  return new Map(
    text
      .trim()
      .split('\n')
      .map(line => {
        const [name = '', amount = '0'] = line.split(' ')
        return [name, Number(amount)]
      }),
  )
}
