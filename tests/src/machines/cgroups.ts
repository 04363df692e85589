/** A machine's control groups: one a hierarchy, the root of all it sees of them, so that everything of the machine is below it. */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const ROOT = '/sys/fs/cgroup'

/** Names of the mounted hierarchies of cgroup v1; none where the system has only v2. */
export async function controllers(): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map(line => line.split(' '))
  return mounts
    .filter(([, point, type]) => type === 'cgroup' && point?.startsWith(`${ROOT}/`))
    .map(([, point = '']) => point.slice(ROOT.length + 1))
}

/** Folders of the groups of `machine`. */
async function groupsOf(machine: string): Promise<string[]> {
  const names = await controllers()
  return names.length > 0 ? names.map(name => join(ROOT, name, machine)) : [join(ROOT, machine)]
}

/** Folders of the groups that a process joins to become one of the running machine's. */
export async function groupsToJoin(machine: string): Promise<string[]> {
  const groups = await groupsOf(machine)
  // With v2 the machine's own group hands controllers down, and may hold no process.
  return (await controllers()).length > 0 ? groups : groups.map(group => join(group, 'init'))
}

/** Makes the groups of `machine`, empty; gives their folders. */
export async function makeGroups(machine: string): Promise<string[]> {
  const groups = await groupsOf(machine)
  for (const group of groups) {
    await mkdir(group, { recursive: true })
    // A new group of this controller has no processor and no memory, and takes no process before it has.
    for (const file of group.includes('/cpuset/') ? ['cpuset.cpus', 'cpuset.mems'] : [])
      await writeFile(join(group, file), await readFile(join(group, '..', file), 'utf8'))
  }
  return groups
}

/** Removes the groups of `machine`, whose processes are to have ended. */
export async function removeGroups(machine: string): Promise<void> {
  for (const group of await groupsOf(machine)) await removeTree(group)
}

async function removeTree(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(group, entry.name))
  for (let attempt = 0; ; attempt++) {
    try {
      return await rmdir(group)
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code
      if (code === 'ENOENT') return
      // A process that has just been killed still counts for a moment.
      if (code !== 'EBUSY' || attempt >= 100) throw new Error(`Cannot remove the control group ${group}`, { cause })
      await delay(20)
    }
  }
}

/** Processes in the groups of `machine`, by their numbers on this system. */
export async function processesOf(machine: string): Promise<number[]> {
  const pids = new Set<number>()
  for (const group of await groupsOf(machine)) {
    for (const entry of await readdir(group, { recursive: true }).catch(() => [])) {
      if (!entry.endsWith('cgroup.procs')) continue
      const listed = await readFile(join(group, entry), 'utf8').catch(() => '')
      for (const line of listed.split('\n')) if (line) pids.add(Number(line))
    }
  }
  return [...pids]
}
