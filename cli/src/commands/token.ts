import { createJoinToken, endpointsKind, NAMESPACES, parseDuration, publicKeyHash } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, withExamples } from '../command-line/index.ts'
import { resolveConnection } from '../kubeconfig/index.ts'
import type { Session } from '../session/index.ts'

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
  const server = await serverForNodes(session)
  // By way of a file: what stands in the arguments of a process can be read by every user of the machine.
  cli.print(
    `(umask 077 && echo ${token} > /tmp/davit-join-token) && node-agent --server ${server} --ca-hash ${publicKeyHash(certificateAuthority)} --token-file /tmp/davit-join-token\n`,
  )
}

/** Where nodes reach the API: a kubeconfig on the control plane's own machine names an address that only it can use. */
async function serverForNodes(session: Session): Promise<string> {
  const { hostname } = new URL(session.server)
  if (hostname !== 'localhost' && !hostname.startsWith('127.') && hostname !== '[::1]') return session.server
  const endpoints = await session.client
    .resource(endpointsKind)
    .get({ namespace: NAMESPACES.default, name: 'kubernetes' })
    .catch(() => undefined)
  const [{ addresses = [], ports = [] } = {}] = endpoints?.subsets ?? []
  return addresses[0] && ports[0] ? `https://${addresses[0].ip}:${ports[0].port}` : session.server
}
