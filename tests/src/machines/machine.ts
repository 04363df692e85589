/**
 * A machine as a VM would be, on this system: namespaces and control groups of its own, an overlay over this system's files, a real sshd and
 * a real dockerd, started by the init scripts that are enabled. It shares the kernel, its clock, the processors and the memory, and nothing else.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CommandOptions, type CommandResult, command } from '@davit/deploy'
import { controllers, groupsToJoin, makeGroups, processesOf, removeGroups } from './cgroups.ts'
import { lock } from './lock.ts'
import { addressOf, attach, connect, detach, disconnect, removeUnusedBridge, setCut, systemName } from './network.ts'
import { hideOutside, type MachineUser, provisionScript } from './provision.ts'
import { type SshOptions, ssh, testbedKey } from './ssh.ts'

export interface MachineOptions {
  /** From 1 to 99; its address is 10.204.0.(10 + index). No two machines on this system have the same, whoever started them. */
  index: number
  /** Its hostname; default `machine-<index>`. */
  name?: string
  /** Whom one logs in as; default root, by key. */
  user?: MachineUser
  /** Default `running`. With `none` its packages are not installed, and can be. */
  docker?: 'running' | 'installed' | 'none'
  /** Contents of /etc/docker/daemon.json; default `{"live-restore": true}`. */
  dockerConfig?: Readonly<Record<string, unknown>>
  /** Its SSH port answers this machine only: a jump host. */
  behind?: Machine
  /** What `date` says is ahead of the truth by so many seconds. Other programs see the true time. */
  clockOffset?: number
  /** Small disks, empty after each boot: mount point to size, such as `{ '/usr/local': '1m' }`. */
  tinyDisks?: Readonly<Record<string, string>>
}

const INIT = fileURLToPath(new URL('../../src/machines/init.sh', import.meta.url))
/** Joins the control groups named by the arguments before `--`, then runs what follows. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'
const ENVIRONMENT = ['HOME=/root', 'TERM=linux', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
const BOOT_TIMEOUT_MS = 90_000

/** Makes a machine and boots it; what an ended process left of one with this index is cleared away first. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { index } = options
  if (!Number.isInteger(index) || index < 1 || index > 99) throw new Error(`Cannot start a machine with index ${index}: want 1 to 99`)
  const system = systemName(index)
  const release = await lock(`/run/lock/${system}`, { waitMs: 0 })
  if (!release) throw new Error(`Cannot start machine ${index}: one with this index is running; choose another index, or remove that one`)
  const machine = new Machine(options, release)
  try {
    await machine.clear()
    for (const part of ['upper', 'work', 'root', 'docker']) await mkdir(join(machine.dir, part), { recursive: true })
    await hideOutside(join(machine.dir, 'upper'))
    await machine.boot()
    return machine
  } catch (error) {
    await machine.remove().catch(() => {}) // Why it did not start says more than what then could not be removed.
    throw error
  }
}

export class Machine {
  readonly index: number
  readonly name: string
  readonly address: string
  readonly user: MachineUser
  /** Where its files lie on this system. */
  readonly dir: string
  readonly behind: Machine | undefined
  readonly #options: MachineOptions
  readonly #system: string
  readonly #release: () => Promise<void>
  #cuts: string[] = []
  #running: { process: ChildProcess; pid: number } | undefined

  constructor(options: MachineOptions, release: () => Promise<void>) {
    this.index = options.index
    this.name = options.name ?? `machine-${options.index}`
    this.address = addressOf(options.index)
    this.user = options.user ?? { name: 'root' }
    this.behind = options.behind
    this.#options = options
    this.#system = systemName(options.index)
    this.#release = release
    // Not in /tmp, which is in memory on many systems: an overlay needs a real file system.
    this.dir = `/var/tmp/${this.#system}`
  }

  /** Its PID 1, as numbered on this system. Throws if it is off. */
  get pid(): number {
    if (!this.#running?.pid) throw new Error(`Cannot reach into ${this.name}: it is off`)
    return this.#running.pid
  }

  /** Where this system finds the machine's file or socket `path`, until it is switched off. */
  path(path: string): string {
    return join(`/proc/${this.pid}/root`, path)
  }

  /** Switches it on, and waits until all that is enabled has been started and Docker, if enabled, answers. */
  async boot(): Promise<void> {
    if (this.#running) throw new Error(`Cannot boot ${this.name}: it is on`)
    const { index, docker = 'running', dockerConfig = { 'live-restore': true }, clockOffset = 0, tinyDisks = {}, behind } = this.#options
    await attach(index, behind && { sshFrom: behind.address })
    const groups = await makeGroups(this.#system)
    const { publicKey } = await testbedKey()
    const { name, address, user } = this
    const env = {
      NAME: name,
      DIR: this.dir,
      CGROUPS: (await controllers()).join(' '),
      TINY: Object.entries(tinyDisks)
        .map(([path, size]) => `${path}=${size}`)
        .join(' '),
      PROVISION: provisionScript({ name, address, user, docker, dockerConfig, clockOffset, publicKey }),
    }
    const console_ = openSync(join(this.dir, 'console.log'), 'a')
    const unshare = ['unshare', '--mount', '--uts', '--ipc', '--pid', '--cgroup', '--fork', '--kill-child', 'sh', INIT]
    const child = spawn('sh', ['-c', JOIN, 'sh', ...groups, '--', 'nsenter', `--net=/run/netns/${this.#system}`, ...unshare], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', console_, console_, 'pipe', 'pipe'],
      detached: true,
    })
    closeSync(console_)
    this.#running = { process: child, pid: 0 }
    try {
      this.#running.pid = await startedInit(child)
      if ((await this.exec('ls /etc/rc2.d')).stdout.includes('docker')) await this.#dockerAnswers()
    } catch (cause) {
      const console_ = await readFile(join(this.dir, 'console.log'), 'utf8').catch(() => '')
      throw new Error(`Cannot boot ${this.name}: ${(cause as Error).message}; its console said: ${console_.slice(-2000)}`, { cause })
    }
  }

  async #dockerAnswers(): Promise<void> {
    const socketPath = this.path('/run/docker.sock')
    const deadline = performance.now() + BOOT_TIMEOUT_MS
    while (!(await answers(socketPath))) {
      if (performance.now() > deadline)
        throw new Error(
          `Docker did not answer within ${BOOT_TIMEOUT_MS / 1000} s: ${(await this.exec('tail -n 20 /var/log/docker.log')).stdout}`,
        )
      await delay(50)
    }
  }

  /** As a power cut: all its processes die at once, containers too, with its mounts, its /run and its network. Files stay. */
  async powerOff(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    this.#cuts = []
    const isOn = running && running.process.exitCode === null && running.process.signalCode === null
    running?.process.ref()
    const exited = isOn && once(running.process, 'exit')
    if (isOn && running.pid) kill(running.pid)
    // A machine that never came up, or that an ended process left, has no PID 1 known here.
    else for (const pid of await this.processes()) kill(pid)
    await exited
    await detach(this.index)
    await removeGroups(this.#system)
  }

  /** Power cut, then all that is left of it goes: files, and the bridge if no other machine is on it. */
  async remove(): Promise<void> {
    await this.clear()
    await removeUnusedBridge()
    await this.#release()
  }

  /** Ends and removes whatever there is of a machine with this index, also one that an ended process left. */
  async clear(): Promise<void> {
    await this.powerOff()
    await command('rm', ['-rf', '--one-file-system', this.dir])
  }

  /** Runs `script` with sh inside, as root unless another user is named. */
  async exec(script: string, { user, allowFailure = false, ...options }: CommandOptions & { user?: string } = {}): Promise<CommandResult> {
    const shell = user === undefined ? ['sh', '-c', script] : ['runuser', '-u', user, '--', 'sh', '-c', script]
    const inside = ['nsenter', '--all', `--target=${this.pid}`, 'env', '-i', ...ENVIRONMENT, ...shell]
    const groups = await groupsToJoin(this.#system)
    const result = await command('sh', ['-c', JOIN, 'sh', ...groups, '--', ...inside], { ...options, allowFailure: true })
    const { code, stdout, stderr } = result
    if (code === 0 || allowFailure) return result
    throw new Error(`Cannot run "${script}" on ${this.name}: it exited with ${code} and said: ${(stderr || stdout).trim().slice(-2000)}`)
  }

  /** Runs this system's docker client against its Docker; file arguments are this system's. */
  docker(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return command('docker', ['-H', `unix://${this.path('/run/docker.sock')}`, ...args], options)
  }

  /** Runs `script` over a real SSH connection, through the jump host if it is behind one. */
  ssh(script: string, options: SshOptions = {}): Promise<CommandResult> {
    return ssh(this, script, options)
  }

  /** Its public host key, as in a line of known_hosts after the name. */
  async hostKey(): Promise<string> {
    const [type, key] = (await readFile(this.path('/etc/ssh/ssh_host_ed25519_key.pub'), 'utf8')).split(' ')
    return `${type} ${key?.trim()}`
  }

  /** Packets from and to it vanish, without a sign that the link is down. */
  cutNetwork(): Promise<void> {
    return disconnect(this.index)
  }

  /** Packets between it and `other` vanish, both ways; other machines reach both. Lasts until healed or switched off. */
  async cutFrom(other: Machine): Promise<void> {
    this.#cuts.push(other.address)
    await setCut(this.index, other.address, 'add')
  }

  /** Undoes `cutNetwork` and every `cutFrom` of this machine. */
  async healNetwork(): Promise<void> {
    for (const address of this.#cuts.splice(0)) await setCut(this.index, address, 'remove')
    await connect(this.index)
  }

  /** Numbers of its processes on this system; those of `exec` count. */
  processes(): Promise<number[]> {
    return processesOf(this.#system)
  }
}

/** Waits until the machine's init says that it has started everything; gives its number on this system. */
async function startedInit(child: ChildProcess): Promise<number> {
  const signal = AbortSignal.timeout(BOOT_TIMEOUT_MS)
  const line = once(child.stdio[3] as Readable, 'data', { signal })
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`its init ended with ${code}`)
  })
  try {
    return Number(await Promise.race([line, ended]))
  } catch (cause) {
    throw signal.aborted ? new Error(`it was not up within ${BOOT_TIMEOUT_MS / 1000} s`, { cause }) : cause
  } finally {
    ended.catch(() => {})
    line.catch(() => {})
    // The machine does not keep this process alive; it dies with it.
    child.unref()
    for (const stream of child.stdio) (stream as { unref?(): void } | null)?.unref?.()
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself in between.
  }
}

/** Whether the Docker on this socket answers. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const request = get({ socketPath, path: '/_ping', timeout: 5_000 }, response => resolve(response.resume().statusCode === 200))
    request.once('timeout', () => request.destroy()).once('error', () => resolve(false))
  })
}
