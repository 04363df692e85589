/** What processes hold and burn, from /proc. */
import { readdir, readFile } from 'node:fs/promises'

/** Clock ticks a second of /proc/PID/stat: 100 on every Linux that Docker runs on. */
const TICKS = 100

export interface ProcessInfo {
  readonly pid: number
  readonly parent: number
  readonly args: readonly string[]
}

/** Every process of this machine that has a command line. */
export async function listProcesses(): Promise<ProcessInfo[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const found = await Promise.all(
    pids.map(async pid => {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      const fields = await statOf(pid)
      return commandLine && fields ? [{ pid, parent: Number(fields[1]), args: commandLine.split('\0') }] : []
    }),
  )
  return found.flat()
}

/** Resident megabytes (10^6 bytes) of processes that run one program, whose own pages they share: the file's count once. */
export async function residentMegabytes(...pids: readonly number[]): Promise<number> {
  const statuses = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/status`, 'utf8')))
  const kibibytes = (what: string) => statuses.map(status => Number(new RegExp(`^Rss${what}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]))
  const own = [...kibibytes('Anon'), ...kibibytes('Shmem')].reduce((sum, each) => sum + each, 0)
  return ((own + Math.max(...kibibytes('File'))) * 1024) / 1e6
}

/** Processor seconds, user and system, of the process and the children it has waited for. */
export async function processorSeconds(pid: number): Promise<number> {
  const fields = await statOf(pid)
  if (!fields) throw new Error(`Cannot measure process ${pid}: it has ended`)
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) / TICKS
}

/** The fields of /proc/PID/stat from the third, its state, on. */
async function statOf(pid: number): Promise<string[] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The command, in parentheses, may hold spaces; what follows it does not.
  return stat ? stat.slice(stat.lastIndexOf(')') + 2).split(' ') : undefined
}
