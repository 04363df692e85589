/** A machine of the control plane, here or at the other end of SSH. */
import { spawn } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Machine } from '@davit/deploy'
import { SshError, type SshHost } from '../ssh/index.ts'

export interface DemandOptions {
  /** Longest it may take, milliseconds; default one minute. */
  readonly timeoutMs?: number
  /** What the command reads; nothing when left out. */
  readonly input?: Readable
}

export interface MachineShell {
  /** Runs a command of the POSIX shell as root; gives what it printed. Throws, with `what` and its last line, when it fails. */
  demand(what: string, command: string, options?: DemandOptions): Promise<string>
  close(): void
}

const COMMAND_MS_MAX = 60_000

/** On this machine when it has the address and `cluster.yaml` names no SSH target for it. Throws when there is no way to it. */
export async function openMachine(machine: Machine, connect: (target: string) => Promise<SshHost>): Promise<MachineShell> {
  if (machine.ssh !== undefined) {
    const host = await connect(machine.ssh)
    return {
      demand: (what, command, options) => host.demand(what, command, { sudo: true, timeoutMs: COMMAND_MS_MAX, ...options }),
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

async function runHere(what: string, command: string, { timeoutMs = COMMAND_MS_MAX, input }: DemandOptions = {}): Promise<string> {
  const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  // A command that ends without reading all of it says by its exit code why.
  if (input) pipeline(input, child.stdin).catch(() => {})
  else child.stdin.end()
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  if (code === 0) return stdout
  throw new SshError('command', `Cannot ${what}: ${`${stderr}\n${stdout}`.trim().split('\n').at(-1) || `it ended with ${code}`}`)
}
