import { nodeKind, parseDuration } from '@davit/api'
import { Command } from 'commander'
import { type Cli, ExitError, integerOption, UsageError, withExamples } from '../../command-line/index.ts'
import { agentFiles, findNode, machineOf, Progress, upgradeNode } from '../../nodes/index.ts'
import { connect, type Job, prompterOf, runJobs, SSH_NOTE, type SshFlags, withSsh } from './ssh-flags.ts'

interface Options extends SshFlags {
  all?: boolean
  agent?: string
  toVersion?: string
  rollback?: boolean
  parallel: number
  timeout: string
}

/** `davit node upgrade`. */
export function upgradeCommand(cli: Cli): Command {
  const command = new Command('upgrade')
    .description(
      `Give nodes another agent, one node after the other. Containers run on meanwhile. A node that is not Ready with it in time gets the agent back that it had, and the upgrade stops there. ${SSH_NOTE}`,
    )
    .usage('NODE ... | --all [flags]')
    .argument('[nodes...]', 'Names of nodes.')
    .option('--all', 'Every node.')
    .option('--agent <file>', "The agent's executable. (the one that comes with davit)")
    .option('--to-version <version>', 'Refuse an agent that is of another version.')
    .option('--rollback', 'Go back to the agent from before the last upgrade.')
    .option('--parallel <count>', 'How many nodes at a time.', integerOption('--parallel'), 1)
    .option('--timeout <duration>', 'How long a node may take to be Ready with the new agent.', '60s')
    .action(async (names: string[], options: Options) => run(cli, names, options))
  return withExamples(
    withSsh(command),
    'davit node upgrade --all\ndavit node upgrade web-1 --agent ./node-agent-linux-x64\ndavit node upgrade web-1 --rollback',
  )
}

async function run(cli: Cli, given: string[], options: Options): Promise<void> {
  if ((given.length === 0) === (options.all !== true)) throw new UsageError('name nodes, or give --all')
  if (options.rollback && (options.agent || options.toVersion))
    throw new UsageError('--rollback takes the agent that was there before: leave --agent and --to-version out')
  const timeoutMs = parseDuration(options.timeout)
  const session = await cli.session()
  const names = options.all ? (await session.client.resource(nodeKind).list()).items.map(({ metadata }) => metadata.name ?? '') : given
  const agents = agentFiles({ file: options.agent, env: cli.env })
  const progress = new Progress(cli.stdout, names)
  const prompter = prompterOf(cli, progress)
  let failed: string | undefined
  const jobs = names.map(
    (name): Job => ({
      name,
      async run(report) {
        // What harmed one node is not tried on the next.
        if (failed !== undefined) throw new Error(`left as it is, since ${failed} failed`)
        try {
          const node = await findNode(session.client, name)
          if (!node) throw new Error(`There is no node "${name}"`)
          const { target, jump } = machineOf(node)
          report.step('connecting')
          const host = await connect(cli, target, { ...(jump && { jump }), ...options, prompter, note: line => progress.note(line) })
          try {
            const agent = options.rollback ? undefined : await agents.of((await host.demand('ask for the processor', 'uname -m')).trim())
            const result = await upgradeNode(
              { client: session.client, clock: cli.clock, nodeName: name, host, agent, version: options.toVersion, timeoutMs },
              report,
            )
            return result.isChanged ? `${result.from} → ${result.to}` : `has ${result.to} already`
          } finally {
            host.close()
          }
        } catch (err) {
          failed ??= name
          throw err
        }
      },
    }),
  )
  if (names.length === 0) throw new ExitError(0, 'There are no nodes')
  await runJobs(progress, jobs, { parallel: options.parallel, done: 'nodes upgraded' })
}
