import type { Command } from 'commander'
import { type Cli, ExitError } from '../../command-line/index.ts'
import { type Progress, type Report, runPool } from '../../nodes/index.ts'
import { connectSsh, createPrompter, type Prompter, parseTarget, type SshHost, type SshOptions, type SshTarget } from '../../ssh/index.ts'

export interface SshFlags {
  identityFile?: string
  jump?: string
  sshConfig?: string
  acceptHostKey?: boolean
}

export function withSsh(command: Command): Command {
  return command
    .option('-i, --identity-file <file>', 'Private key to log in with. (keys of ~/.ssh, of its config, and of the SSH agent)')
    .option('-J, --jump <hosts>', 'Hosts to go through, [user@]host[:port], parted by commas.')
    .option('--ssh-config <file>', 'Instead of ~/.ssh/config.')
    .option(
      '--accept-host-key',
      'Take the key of a host that is not in known_hosts without asking. One that changed is refused all the same.',
    )
}

export const SSH_NOTE = 'Passwords are asked for, or taken from DAVIT_SSH_PASSWORD and DAVIT_SUDO_PASSWORD.'

/** The person at the terminal; lines that are redrawn stand still while they are asked. */
export function prompterOf(cli: Cli, progress?: Progress): Prompter {
  const { stdin, stderr } = cli
  return createPrompter({ stdin, stderr, ...(progress && { pause: () => progress.pause(), resume: () => progress.resume() }) })
}

export interface ConnectOptions extends SshFlags {
  prompter: Prompter
  note: (line: string) => void
  signal?: AbortSignal
}

export function connect(
  cli: Cli,
  target: string | SshTarget,
  { identityFile, jump, sshConfig, acceptHostKey, ...others }: ConnectOptions,
): Promise<SshHost> {
  const { DAVIT_SSH_PASSWORD: password, DAVIT_SUDO_PASSWORD: sudoPassword } = cli.env
  const options: SshOptions = {
    ...others,
    env: cli.env,
    ...(password !== undefined && { password }),
    ...(sudoPassword !== undefined && { sudoPassword }),
    ...(identityFile && { identityFile }),
    ...(jump && { jump }),
    ...(sshConfig && { configFile: sshConfig }),
    ...(acceptHostKey && { acceptHostKey }),
  }
  return connectSsh(typeof target === 'string' ? parseTarget(target) : target, options)
}

export interface Job {
  /** What its line is called. */
  readonly name: string
  /** Gives what its line says in the end. */
  run(report: Report): Promise<string>
}

/** Does jobs side by side, a line each. Throws ExitError 1 when some failed, after telling each failure whole. */
export async function runJobs(
  progress: Progress,
  jobs: readonly Job[],
  { parallel, done }: { parallel: number; done: string },
): Promise<void> {
  const results = await runPool(jobs, parallel, async ({ name, run }) => {
    const report: Report = {
      step: text => progress.update(name, text),
      detail: text => progress.update(name, text, { detail: true }),
      note: line => progress.note(line),
    }
    try {
      progress.done(name, await run(report))
    } catch (err) {
      progress.failed(name, messageOf(err))
      throw err
    }
  })
  progress.stop()
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${jobs[index]?.name}: ${messageOf(result.reason)}`] : [],
  )
  if (failures.length === 0) return
  const count = `${jobs.length - failures.length} of ${jobs.length} ${done}`
  throw new ExitError(
    1,
    `${failures.map(line => `error: ${line}`).join('\n')}\n${count}. Run the same command again to go on: what is done already is not done twice.`,
  )
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}
