/** The Docker of this machine itself, as `up` without `--nodes` uses it. */
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { dockerAnswers } from './cluster.ts'
import { command } from './command.ts'
import { observeTraces, removeTraces, type TracesBefore } from './docker-traces.ts'
import type { Home } from './home.ts'
import { logFileOf, runningPid, startProcess, stopProcess } from './processes.ts'

export const LOCAL_DOCKER_SOCKET = '/var/run/docker.sock'
const NAME = 'dockerd'

/** Makes sure that this machine's Docker runs; starts it as a service where there are services, else as a process of ours. */
export async function ensureLocalDocker(home: Home, report: (line: string) => void): Promise<void> {
  if (await dockerAnswers(LOCAL_DOCKER_SOCKET)) return
  if (await exists('/run/systemd/system')) {
    report('Starting Docker (systemctl start docker)')
    await command('systemctl', ['start', 'docker'], { timeoutMs: 90_000 })
  } else {
    report('Starting Docker (this machine has no systemd: as a background process)')
    await mkdir(home.run, { recursive: true })
    await writeFile(tracesFile(home), JSON.stringify(await observeTraces()))
    await startProcess({ name: NAME, file: 'dockerd', args: ['--live-restore'], logs: home.logs, run: home.run })
  }
  const deadline = performance.now() + 60_000
  while (!(await dockerAnswers(LOCAL_DOCKER_SOCKET))) {
    const log = logFileOf({ logs: home.logs, name: NAME })
    if (performance.now() > deadline)
      throw new Error(`Cannot start Docker: it did not answer within 60 s; see ${log} or "journalctl -u docker"`)
    if (!(await exists('/run/systemd/system')) && (await runningPid(join(home.run, `${NAME}.pid`))) === undefined)
      throw new Error(`Cannot start Docker: dockerd exited; see ${log}`)
    await delay(100)
  }
}

const tracesFile = (home: Home) => join(home.run, 'before-dockerd.json')

/** Stops the Docker that `ensureLocalDocker` started as a process of ours, and takes away what it leaves. */
export async function stopLocalDocker(home: Home): Promise<void> {
  await stopProcess(join(home.run, `${NAME}.pid`), { graceMs: 20_000 })
  const before = await readFile(tracesFile(home), 'utf8').catch(() => undefined)
  if (before === undefined) return
  await removeTraces(JSON.parse(before) as TracesBefore)
  await rm(tracesFile(home), { force: true })
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
