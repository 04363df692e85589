import { readFile } from 'node:fs/promises'
import { isLabelOfNodes, parseDuration, parseTaint, publicKeyHash } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, listOption, repeatOption, UsageError, withExamples } from '../../command-line/index.ts'
import { resolveConnection } from '../../kubeconfig/index.ts'
import { addHost, agentFiles, type HostSpec, Progress, parseInventory, RULES, readCluster } from '../../nodes/index.ts'
import { parseTarget } from '../../ssh/index.ts'
import { connect, type Job, prompterOf, runJobs, SSH_NOTE, type SshFlags, withSsh } from './ssh-flags.ts'

interface Options extends SshFlags {
  filename?: string
  name?: string
  label?: string[]
  taint?: string[]
  address?: string
  apiServer?: string[]
  agent?: string
  installDocker?: boolean
  skipPreflight?: string[]
  dryRun?: boolean
  parallel: number
  timeout: string
}

/** `davit node add`. */
export function addCommand(cli: Cli): Command {
  const command = new Command('add')
    .description(
      `Make machines nodes of the cluster, over SSH: looks whether they can be, installs Docker if it is missing and that is wanted, puts the agent there, and waits until each is Ready. A node whose certificate has ended joins again, and its pods run on. What is done already stays: it can be run again after a failure, and changes what is different. ${SSH_NOTE}`,
    )
    .usage('[user@]HOST[:PORT] ... [flags]')
    .argument('[hosts...]', 'Machines, or names of the SSH configuration.')
    .option('-f, --filename <file>', 'YAML file with hosts, each with its own user, port, name, labels, taints and so on; - is stdin.')
    .option('--name <name>', 'Name of the node, for one host. (its hostname)')
    .option('--label <name=value>', 'A label of the nodes. May be repeated.', repeatOption)
    .option('--taint <key=value:effect>', 'A taint of the nodes. May be repeated.', repeatOption)
    .option('--address <ip>', 'Address at which other nodes reach the machine, for one host. (the one it reaches the API from)')
    .option('--api-server <url>', 'Where nodes reach the API, parted by commas. (what the cluster says)', listOption)
    .option('--agent <file>', "The agent's executable. (the one for the machine's processor that comes with davit)")
    .option(
      '--install-docker',
      'Install Docker, and programs the agent needs, from the packages of the distribution where they are missing, without asking.',
    )
    .option('--skip-preflight <checks>', `Only warn of these: ${Object.keys(RULES).join(', ')}.`, listOption)
    .option('--dry-run', 'Look at the machines and print what would be done.')
    .option('--parallel <count>', 'How many machines at a time.', integerOption('--parallel'), 10)
    .option('--timeout <duration>', 'How long a node may take to be Ready once its agent runs.', '2m')
    .action(async (hosts: string[], options: Options) => run(cli, hosts, options))
  return withExamples(
    withSsh(command),
    `
davit node add root@10.0.0.21 admin@10.0.0.22 --install-docker
davit node add admin@10.0.0.23 -J jump.example.org --name db-1 --label disk=ssd --taint db=yes:NoSchedule
davit node add -f hosts.yaml --dry-run`,
  )
}

async function run(cli: Cli, hosts: string[], options: Options): Promise<void> {
  const specs = await specsOf(cli, hosts, options)
  const unknown = options.skipPreflight?.find(check => !(check in RULES))
  if (unknown) throw new UsageError(`--skip-preflight "${unknown}" is no check: want some of ${Object.keys(RULES).join(', ')}`)
  const timeoutMs = parseDuration(options.timeout)
  const session = await cli.session()
  const { certificateAuthority } = await resolveConnection(await cli.kubeconfig(), cli.flags)
  const cluster = await readCluster(session.client, { server: session.server, given: options.apiServer, clock: cli.clock })
  const progress = new Progress(
    cli.stdout,
    specs.map(({ text }) => text),
  )
  const prompter = prompterOf(cli, progress)
  const common = {
    client: session.client,
    clock: cli.clock,
    cluster,
    caHash: publicKeyHash(certificateAuthority),
    agents: agentFiles({ file: options.agent, env: cli.env }),
    prompter,
    installDocker: options.installDocker === true,
    skipPreflight: options.skipPreflight ?? [],
    dryRun: options.dryRun === true,
    timeoutMs,
    taken: new Map<string, string>(),
    connect: ({ target, identityFile, jump }: HostSpec) =>
      connect(cli, target, {
        ...options,
        ...(identityFile && { identityFile }),
        ...(jump && { jump }),
        prompter,
        note: line => progress.note(line),
      }),
  }
  const jobs = specs.map(
    (spec): Job => ({
      name: spec.text,
      async run(report) {
        const { plan, summary } = await addHost(spec, common, report)
        if (common.dryRun) for (const line of plan) report.note(`${spec.text}: would ${line}`)
        return summary
      },
    }),
  )
  await runJobs(progress, jobs, { parallel: options.parallel, done: common.dryRun ? 'machines can be nodes' : 'machines are nodes' })
}

async function specsOf(cli: Cli, hosts: readonly string[], options: Options): Promise<HostSpec[]> {
  const { filename, name, label = [], taint = [], address, jump } = options
  for (const text of label) if (text.indexOf('=') < 1) throw new UsageError(`--label "${text}" must be NAME=VALUE`)
  const own = hosts.map(
    (text): HostSpec => ({ text, target: parseTarget(text), name, address, jump, labels: label, taints: taint, flags: {} }),
  )
  const listed = filename ? parseInventory(await readInventory(cli, filename), filename) : []
  const specs = [
    ...own,
    ...listed.map(spec => ({ ...spec, jump: spec.jump ?? jump, labels: [...label, ...spec.labels], taints: [...taint, ...spec.taints] })),
  ]
  if (specs.length === 0) throw new UsageError('name at least one host, or a file with hosts by -f')
  if (specs.length > 1 && (name || address))
    throw new UsageError('--name and --address are for one host; several have theirs in a file, see -f')
  for (const { taints, labels } of specs) {
    for (const text of taints) parseTaint(text)
    const kept = labels.map(text => text.slice(0, text.indexOf('='))).find(label => !isLabelOfNodes(label))
    if (kept !== undefined) throw new UsageError(`label "${kept}" is not for nodes to give themselves: set it by "davit label node" later`)
  }
  const twice = specs.find(({ text }, index) => specs.findIndex(other => other.text === text) !== index)
  if (twice) throw new UsageError(`"${twice.text}" is named twice`)
  return specs
}

async function readInventory(cli: Cli, filename: string): Promise<string> {
  if (filename !== '-') return readFile(filename, 'utf8')
  const { text } = await import('node:stream/consumers')
  return text(cli.stdin)
}
