import { parseDuration } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, UsageError, withExamples } from '../../command-line/index.ts'
import { findNode, isTarget, machineOf, Progress, readCluster, removeNode } from '../../nodes/index.ts'
import { connect, type Job, prompterOf, runJobs, SSH_NOTE, type SshFlags, withSsh } from './ssh-flags.ts'

interface Options extends SshFlags {
  force?: boolean
  drainTimeout: string
  parallel: number
}

/** `davit node remove`. */
export function removeCommand(cli: Cli): Command {
  const command = new Command('remove')
    .description(
      `Take nodes out of the cluster: moves their pods elsewhere, takes the agent and all it made off the machine, and deletes the Node. Docker and the images in it stay. ${SSH_NOTE}`,
    )
    .usage('NODE | user@HOST ... [flags]')
    .argument('[nodes...]', 'Names of nodes, or their machines.')
    .option('--force', 'Also when the machine cannot be reached any more, and pods that nothing starts elsewhere.')
    .option('--drain-timeout <duration>', 'How long its pods may take to move.', '5m')
    .option('--parallel <count>', 'How many nodes at a time.', integerOption('--parallel'), 1)
    .action(async (names: string[], options: Options) => run(cli, names, options))
  return withExamples(
    withSsh(command),
    'davit node remove web-1\ndavit node remove admin@10.0.0.22\ndavit node remove web-3 --force          Its machine is gone for good',
  )
}

async function run(cli: Cli, names: string[], options: Options): Promise<void> {
  if (names.length === 0) throw new UsageError('name at least one node')
  const drainMs = parseDuration(options.drainTimeout)
  const session = await cli.session()
  const { clusterId } = await readCluster(session.client, { server: session.server, clock: cli.clock })
  const progress = new Progress(cli.stdout, names)
  const prompter = prompterOf(cli, progress)
  const jobs = names.map(
    (name): Job => ({
      name,
      async run(report) {
        const nodeName = isTarget(name) ? undefined : name
        const node = nodeName === undefined ? undefined : await findNode(session.client, nodeName)
        if (nodeName !== undefined && !node)
          throw new Error(`There is no node "${name}"; name its machine as user@host if the agent is still on it`)
        const connectTo = async () => {
          const { target, jump } = node ? machineOf(node) : { target: name, jump: undefined }
          return connect(cli, target, { ...(jump && { jump }), ...options, prompter, note: line => progress.note(line) })
        }
        const removed = await removeNode(
          { session, connect: connectTo, nodeName, clusterId, force: options.force === true, drainMs },
          report,
        )
        return removed === name ? 'removed' : `removed, was node "${removed}"`
      },
    }),
  )
  await runJobs(progress, jobs, { parallel: options.parallel, done: 'nodes removed' })
}
