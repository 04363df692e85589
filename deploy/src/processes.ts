/** Background processes that outlive the command that started them, each with a pid file and a log file. */
import { spawn } from 'node:child_process'
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface BackgroundProcess {
  /** Names the pid file and the log file. */
  name: string
  file: string
  args: readonly string[]
  logs: string
  run: string
  /** Network namespace to run in; left out: this one. */
  networkNamespace?: string
  env?: NodeJS.ProcessEnv
}

interface PidFile {
  pid: number
  /** In clock ticks since boot: tells a process from a later one with the same number. */
  startTime: string
}

/** Starts `process` detached unless it runs already; gives its pid. */
export async function startProcess(process_: BackgroundProcess): Promise<number> {
  const pidFile = join(process_.run, `${process_.name}.pid`)
  const running = await runningPid(pidFile)
  if (running !== undefined) return running
  await mkdir(process_.run, { recursive: true })
  await mkdir(process_.logs, { recursive: true })
  const log = await open(logFileOf(process_), 'a')
  const inNamespace = process_.networkNamespace
    ? ['nsenter', `--net=/run/netns/${process_.networkNamespace}`, process_.file, ...process_.args]
    : [process_.file, ...process_.args]
  try {
    const [file = '', ...args] = inNamespace
    const child = spawn(file, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env: process_.env ?? process.env, cwd: '/' })
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', error => reject(new Error(`Cannot start ${process_.name}: ${error.message}`, { cause: error })))
      child.once('spawn', () => resolve(child.pid as number))
    })
    child.unref()
    await adoptProcess(pidFile, pid)
    return pid
  } finally {
    await log.close()
  }
}

export function logFileOf({ logs, name }: Pick<BackgroundProcess, 'logs' | 'name'>): string {
  return join(logs, `${name}.log`)
}

/** Notes a process that something else started, so that it is found and stopped by the same means. */
async function adoptProcess(pidFile: string, pid: number): Promise<void> {
  const startTime = await startTimeOf(pid)
  if (startTime === undefined) throw new Error(`Cannot note process ${pid} in ${basename(pidFile)}: it has ended already`)
  await mkdir(dirname(pidFile), { recursive: true })
  await writeFile(pidFile, JSON.stringify({ pid, startTime } satisfies PidFile))
}

/** The pid in `pidFile` when that very process still runs. */
export async function runningPid(pidFile: string): Promise<number | undefined> {
  try {
    const { pid, startTime } = JSON.parse(await readFile(pidFile, 'utf8')) as PidFile
    return (await startTimeOf(pid)) === startTime ? pid : undefined
  } catch {
    return undefined
  }
}

/** Every pid file below `run` whose process runs, by name. */
export async function runningProcesses(run: string): Promise<{ name: string; pid: number }[]> {
  const names = await readdir(run).catch(() => [])
  const found: { name: string; pid: number }[] = []
  for (const file of names.filter(name => name.endsWith('.pid'))) {
    const pid = await runningPid(join(run, file))
    if (pid !== undefined) found.push({ name: file.slice(0, -'.pid'.length), pid })
  }
  return found
}

/** SIGTERM, and SIGKILL after `graceMs`; settles once the process is gone. Does nothing when it does not run. */
export async function stopProcess(pidFile: string, { graceMs = 10_000 }: { graceMs?: number } = {}): Promise<void> {
  const pid = await runningPid(pidFile)
  if (pid !== undefined) {
    signal(pid, 'SIGTERM')
    if (!(await gone(pidFile, graceMs))) {
      signal(pid, 'SIGKILL')
      await gone(pidFile, 5_000)
    }
  }
  await rm(pidFile, { force: true })
}

/** SIGKILL; settles once the process is gone. For tests of what happens then. */
export async function killProcess(pidFile: string): Promise<void> {
  const pid = await runningPid(pidFile)
  if (pid === undefined) throw new Error(`Cannot kill what ${pidFile} names: it does not run`)
  signal(pid, 'SIGKILL')
  await gone(pidFile, 5_000)
}

/** Resolves to whether the process ended within `timeoutMs`. */
async function gone(pidFile: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while ((await runningPid(pidFile)) !== undefined) {
    if (performance.now() > deadline) return false
    await delay(25)
  }
  return true
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Field 22 of /proc/PID/stat; undefined for a process that is gone or a zombie. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The command, in parentheses, may hold spaces; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : fields[19]
}
