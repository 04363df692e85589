/** A machine with a compose project of control planes, here or at the other end of SSH. */
import { spawn } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { text } from 'node:stream/consumers'
import type { Machine } from '@davit/deploy'
import { SshError, type SshHost, shellQuote } from '../ssh/index.ts'

export interface MachineShell {
  /** Runs a command of the POSIX shell as root; gives what it printed. Throws, with `what` and its last line, when it fails. */
  demand(what: string, command: string, options?: { timeoutMs?: number }): Promise<string>
  close(): void
}

const COMMAND_MS_MAX = 60_000

/** On this machine when it has the address and `cluster.yaml` names no SSH target for it. Throws when there is no way to it. */
export async function openMachine(machine: Machine, connect: (target: string) => Promise<SshHost>): Promise<MachineShell> {
  if (machine.ssh !== undefined) {
    const host = await connect(machine.ssh)
    return {
      demand: (what, command, { timeoutMs = COMMAND_MS_MAX } = {}) => host.demand(what, command, { sudo: true, timeoutMs }),
      close: () => host.close(),
    }
  }
  const own = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
  if (own.includes(machine.address)) return { demand: runHere, close: () => {} }
  const name = machine.members.map(member => member.name).join(', ')
  throw new Error(
    `No way to the machine of ${name} (${machine.address}): say it with "davit init DIR --ssh ${name}=user@${machine.address}"`,
  )
}

async function runHere(what: string, command: string, { timeoutMs = COMMAND_MS_MAX }: { timeoutMs?: number } = {}): Promise<string> {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  if (code === 0) return stdout
  throw new SshError('command', `Cannot ${what}: ${`${stderr}\n${stdout}`.trim().split('\n').at(-1) || `it ended with ${code}`}`)
}

export interface ComposeProject {
  /** Where its compose.yaml is on that machine. */
  readonly directory: string
  /** `docker compose` or `docker-compose`. */
  readonly program: string
}

/** Finds the cluster's project by the labels of its containers, wherever its folder was put. Throws when there is none. */
export async function findProject(
  shell: MachineShell,
  { project, service }: { project: string; service: string },
): Promise<ComposeProject> {
  const filters = [`project=${project}`, `service=${service}`].map(label => `--filter ${shellQuote(`label=com.docker.compose.${label}`)}`)
  const format = shellQuote('{{.Label "com.docker.compose.project.working_dir"}}')
  const listed = await shell.demand('list containers', `docker ps --all ${filters.join(' ')} --format ${format}`)
  const directory = listed.trim().split('\n')[0]
  if (!directory)
    throw new Error(
      `There is no container of service "${service}" of compose project "${project}" there: was it started with docker compose?`,
    )
  const program = await shell.demand(
    'find docker compose',
    'if docker compose version >/dev/null 2>&1; then echo docker compose; elif command -v docker-compose >/dev/null; then echo docker-compose; else echo "neither docker compose nor docker-compose is installed" >&2; exit 1; fi',
  )
  return { directory, program: program.trim() }
}

/** The image a service's container was made from. */
export async function presentImage(shell: MachineShell, { project, service }: { project: string; service: string }): Promise<string> {
  const filters = [`project=${project}`, `service=${service}`].map(label => `--filter ${shellQuote(`label=com.docker.compose.${label}`)}`)
  return (
    (await shell.demand('read the present image', `docker ps --all ${filters.join(' ')} --format '{{.Image}}'`)).trim().split('\n')[0] ?? ''
  )
}

/** Starts a service anew from `image`; the file keeps the old one until `keepImage`. */
export async function startService(
  shell: MachineShell,
  { directory, program }: ComposeProject,
  { service, image }: { service: string; image: string },
) {
  const at = `cd ${shellQuote(directory)}`
  await shell.demand(
    `get image ${image}`,
    `docker image inspect ${shellQuote(image)} >/dev/null 2>&1 || docker pull --quiet ${shellQuote(image)}`,
    {
      timeoutMs: 600_000,
    },
  )
  // The environment stands above .env: should this break off, the other services of the machine keep their image.
  await shell.demand(
    `start ${service}`,
    `${at} && CONTROL_PLANE_IMAGE=${shellQuote(image)} ${program} up -d --no-deps ${shellQuote(service)}`,
    {
      timeoutMs: 180_000,
    },
  )
}

/** From now on compose starts the control planes of this machine from `image`. */
export async function keepImage(shell: MachineShell, { directory }: ComposeProject, image: string): Promise<void> {
  const file = shellQuote(`${directory}/.env`)
  const line = shellQuote(`s|^CONTROL_PLANE_IMAGE=.*|CONTROL_PLANE_IMAGE=${image}|`)
  await shell.demand('note the image in .env', `cp -p ${file} ${file}.new && sed ${line} ${file} >${file}.new && mv ${file}.new ${file}`)
}
