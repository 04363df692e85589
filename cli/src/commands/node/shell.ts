import { nodeKind, parseDuration } from '@davit/api'
import { Command } from 'commander'
import { type Cli, ExitError, integerOption, withExamples } from '../../command-line/index.ts'
import { findNode, isTarget, logCommand, machineOf, SSH_ANNOTATION, timeOf } from '../../nodes/index.ts'
import { type SshHost, shellQuote } from '../../ssh/index.ts'
import { connect, prompterOf, type SshFlags, withSsh } from './ssh-flags.ts'

/** `davit node ssh`. */
export function sshCommand(cli: Cli): Command {
  const command = new Command('ssh')
    .description("A shell on a node's machine, or one command there.")
    .usage('NODE [flags] [-- COMMAND ...]')
    .argument('<node>', 'Name of a node, or user@host.')
    .argument('[command...]', 'What to run instead of a shell.')
    .action(async (name: string, words: string[], options: SshFlags) => {
      const line = [...words, ...(cli.afterDashes ?? [])]
      const host = await open(cli, name, options)
      try {
        const code = await host.shell(
          line.length > 0 ? (line.length === 1 ? line[0] : line.map(shellQuote).join(' ')) : undefined,
          terminalOf(cli, line.length === 0),
        )
        if (code !== 0) throw new ExitError(code)
      } finally {
        host.close()
      }
    })
  return withExamples(
    withSsh(command),
    "davit node ssh web-1\ndavit node ssh web-1 -- docker ps\ndavit node ssh web-1 'df -h / | tail -n 1'",
  )
}

interface LogsOptions extends SshFlags {
  follow?: boolean
  tail: number
  since?: string
}

/** `davit node logs`. */
export function logsCommand(cli: Cli): Command {
  const command = new Command('logs')
    .description("Print the agent's own log on a node's machine.")
    .usage('NODE [flags]')
    .argument('<node>', 'Name of a node, or user@host.')
    .option('-f, --follow', 'Go on as it is written.')
    .option('--tail <lines>', 'Only so many lines from its end; -1: all.', integerOption('--tail'), -1)
    .option('--since <duration>', 'Only what is younger, such as 10m.')
    .action(async (name: string, options: LogsOptions) => logs(cli, name, options))
  return withExamples(withSsh(command), 'davit node logs web-1 --tail=50\ndavit node logs web-1 -f --since=10m')
}

async function logs(cli: Cli, name: string, options: LogsOptions): Promise<void> {
  const sinceMs = options.since === undefined ? undefined : parseDuration(options.since)
  const oldest = sinceMs === undefined ? 0 : cli.clock.now() - sinceMs
  const host = await open(cli, name, options)
  try {
    const script = logCommand({
      tail: options.tail >= 0 ? options.tail : undefined,
      follow: options.follow === true,
      sinceSeconds: sinceMs === undefined ? undefined : sinceMs / 1000,
    })
    await host.run(script, {
      sudo: true,
      timeoutMs: 0,
      // A log file does not know how old its lines are; the lines do.
      onLine: line => {
        if ((timeOf(line) ?? Number.POSITIVE_INFINITY) >= oldest) cli.print(`${line}\n`)
      },
    })
  } finally {
    host.close()
  }
}

/** `davit node list`. */
export function listCommand(cli: Cli): Command {
  return new Command('list').description("Nodes with their machines' addresses and agents.").action(async () => {
    const session = await cli.session()
    const { items } = await session.client.resource(nodeKind).list()
    const rows = items.map(({ metadata, status }) => {
      const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status
      const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
      return [
        metadata.name ?? '',
        ready === 'True' ? 'Ready' : 'NotReady',
        address ?? '<none>',
        status?.nodeInfo?.kubeletVersion.split('+davit-')[1] ?? '<none>',
        status?.nodeInfo?.containerRuntimeVersion.replace('docker://', '') ?? '<none>',
        metadata.annotations?.[SSH_ANNOTATION] ?? '<none>',
      ]
    })
    const all = [['NAME', 'STATUS', 'ADDRESS', 'AGENT', 'DOCKER', 'SSH'], ...rows]
    const widths = all[0]!.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
    for (const row of all)
      cli.print(
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
      )
  })
}

async function open(cli: Cli, name: string, options: SshFlags): Promise<SshHost> {
  const where = isTarget(name) ? { target: name, jump: undefined } : await machineByName(cli, name)
  return connect(cli, where.target, {
    ...(where.jump && { jump: where.jump }),
    ...options,
    prompter: prompterOf(cli),
    note: line => cli.warn(`${line}\n`),
  })
}

async function machineByName(cli: Cli, name: string) {
  const node = await findNode((await cli.session()).client, name)
  if (!node) throw new Error(`There is no node "${name}"; see "davit node list"`)
  return machineOf(node)
}

function terminalOf({ stdin, stdout, stderr, env }: Cli, wantsTerminal: boolean) {
  if (!wantsTerminal || !stdin.isTTY || !stdout.isTTY) return { stdin, stdout, stderr }
  stdin.setRawMode?.(true)
  process.once('exit', () => stdin.setRawMode?.(false))
  return {
    stdin,
    stdout,
    stderr,
    window: {
      term: env.TERM ?? 'xterm',
      read: () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }),
      onChange: (listener: () => void) => {
        stdout.on('resize', listener)
        return () => {
          stdout.off('resize', listener)
          stdin.setRawMode?.(false)
        }
      },
    },
  }
}
