import { createJoinToken, parseDuration, publicKeyHash } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, withExamples } from '../command-line/index.ts'
import { resolveConnection } from '../kubeconfig/index.ts'
import { serversForNodes } from '../nodes/index.ts'

interface Options {
  ttl: string
  uses: number
  nodeName?: string
  printJoinCommand?: boolean
}

/** `davit token`. */
export function tokenCommand(cli: Cli): Command {
  const create = new Command('create')
    .description('Make a token with which a node can join. Whoever has it can make a machine part of the cluster.')
    .option('--ttl <duration>', 'How long it is good.', '1h')
    .option('--uses <count>', 'How many nodes may join with it.', integerOption('--uses'), 1)
    .option('--node-name <name>', 'Only a node of this name.')
    .option('--print-join-command', 'Print the command to run on the new node.')
    .action(async (options: Options) => createToken(cli, options))
  withExamples(create, 'davit token create\ndavit token create --uses=3 --ttl=24h --print-join-command')
  return new Command('token').description('Make tokens with which nodes join.').addCommand(create)
}

async function createToken(cli: Cli, { ttl, uses, nodeName, printJoinCommand }: Options): Promise<void> {
  const ttlMs = parseDuration(ttl)
  if (ttlMs <= 0 || uses < 1) throw new Error('--ttl and --uses must be more than 0')
  const session = await cli.session()
  const token = await createJoinToken(session.client, { clock: cli.clock, ttlMs, uses, ...(nodeName && { nodeName }) })
  if (!printJoinCommand) return cli.print(`${token}\n`)
  const { certificateAuthority } = await resolveConnection(await cli.kubeconfig(), cli.flags)
  const servers = await serversForNodes(session.client, session.server)
  const name = nodeName ? ` --node-name ${nodeName}` : ''
  // By way of standard input: what stands in the arguments of a process can be read by every user of the machine. And by its path:
  // sudo does not look into /usr/local everywhere.
  cli.print(
    `echo ${token} | sudo /usr/local/bin/davit-node-agent install --server ${servers.join(',')} --ca-hash ${publicKeyHash(certificateAuthority)}${name} --token-file -\n`,
  )
}
