import { join } from 'node:path'
import { parseDuration } from '@davit/api'
import { readAuthority } from '@davit/api/pki'
import { adoptAuthorities } from '@davit/deploy'
import { Command } from 'commander'
import {
  type ClusterCertificates,
  certificateRows,
  clusterDirectory,
  describeWayBack,
  laggards,
  lostNodes,
  observeCertificates,
  ownCertificate,
  phaseOf,
  printRows,
  renewKubeconfig,
  rotateAuthority,
  whatBreaks,
} from '../certs/index.ts'
import { type Cli, UsageError, withExamples } from '../command-line/index.ts'
import { toJson, toYaml } from '../printers/index.ts'

/** `davit certs`. */
export function certsCommand(cli: Cli): Command {
  const command = new Command('certs')
    .description('Show when certificates end, and change the CA. All but the kubeconfig in use renew themselves.')
    .option('-o, --output <form>', 'wide, json or yaml.')
    .action(async (options: { output?: string }) => list(cli, options.output))
  for (const make of [status, rotate, sync, renew]) command.addCommand(make(cli))
  return withExamples(command, 'davit certs\ndavit certs -o json\ndavit certs rotate-ca\ndavit certs renew')
}

async function list(cli: Cli, output: string | undefined): Promise<void> {
  if (output !== undefined && !['wide', 'json', 'yaml'].includes(output))
    throw new UsageError(`--output "${output}" is none of wide, json, yaml`)
  const { client } = await cli.session()
  const now = cli.clock.now()
  const observed = await observeCertificates(client, now)
  const rows = certificateRows(observed, await ownCertificate(cli), now)
  if (output === 'json') return cli.print(toJson(rows))
  if (output === 'yaml') return cli.print(toYaml(rows))
  cli.print(printRows(rows, { now, wide: output === 'wide' }))
  tellWaysBack(cli, observed, now)
}

const status = (cli: Cli) =>
  withExamples(
    new Command('status').description('Show whether a change of the CA is under way, and who has not come along.').action(async () => {
      const { client } = await cli.session()
      const now = cli.clock.now()
      const observed = await observeCertificates(client, now)
      const phase = phaseOf(observed)
      const behind = laggards(observed)
      const going = { trust: 'The new CA is trusted; the old one signs.', sign: 'The new CA signs; the old one is still trusted.' }
      cli.print(phase ? `${going[phase]} "davit certs rotate-ca" goes on.\n` : 'No change of the CA is under way.\n')
      for (const { kind, name, isReachable } of behind) {
        cli.print(`${kind} ${name} ${isReachable ? 'has not come along yet' : 'is away and has not come along'}\n`)
      }
      tellWaysBack(cli, observed, now)
      if (behind.length === 0) cli.print(`All ${observed.holders.length} API servers and nodes have come along.\n`)
    }),
    'davit certs status',
  )

function tellWaysBack(cli: Cli, observed: ClusterCertificates, now: number): void {
  for (const node of lostNodes(observed, now)) cli.print(`Node ${node.name} cannot come back by itself: ${describeWayBack(node)}.\n`)
}

const rotate = (cli: Cli) =>
  withExamples(
    new Command('rotate-ca')
      .description('Put a new CA in place of the present one, without downtime. Running it again goes on where it was.')
      .option('--force', 'Go on without nodes that are away: they must join again once they are back.')
      .option('--timeout <duration>', 'How long to wait when nobody comes along.', '5m')
      .option(
        '--dir <dir>',
        'Directory that "davit init" made: its secrets and kubeconfig come along. (./davit, when it is of this cluster)',
      )
      .action(async (options: { force?: boolean; timeout: string; dir?: string }) => {
        const timeoutMs = parseDuration(options.timeout)
        const { client } = await cli.session()
        const report = (line: string) => cli.print(`${line}\n`)
        const force = options.force ?? false
        const observed = await observeCertificates(client, cli.clock.now())
        const dir = await clusterDirectory(options.dir, observed)
        const warning = force ? whatBreaks(observed.holders) : ''
        if (warning) cli.warn(`Warning: ${warning}\n`)
        await rotateAuthority({
          client,
          async follow(authorities) {
            await follow(cli, authorities)
            if (dir !== undefined) await adoptAuthorities(dir, authorities, cli)
          },
          force,
          timeoutMs,
          clock: cli.clock,
          report,
        })
        report(
          dir === undefined
            ? 'Where a directory of "davit init" is kept, bring the new CA into it: davit certs sync --dir DIR'
            : `${dir} holds the new CA. Keep a copy of ${join(dir, 'secrets')} again.`,
        )
        report('Other kubeconfigs of this cluster hold certificates of the old CA and are refused from now on.')
        report('Back up the cluster again ("davit backup create"): earlier backups hold the old CA.')
      }),
    'davit certs rotate-ca --dir=davit\ndavit certs rotate-ca --force',
  )

const sync = (cli: Cli) =>
  withExamples(
    new Command('sync')
      .description('Bring the CAs that the cluster has now into a directory of "davit init": its secrets, and its kubeconfig.')
      .option('--dir <dir>', 'The directory.', './davit')
      .action(async (options: { dir: string }) => {
        const { client } = await cli.session()
        const observed = await observeCertificates(client, cli.clock.now())
        await clusterDirectory(options.dir, observed)
        await adoptAuthorities(options.dir, observed.authorities, cli)
        cli.print(`${options.dir} holds the CAs of the cluster. Keep a copy of ${join(options.dir, 'secrets')}.\n`)
      }),
    'davit certs sync --dir=davit',
  )

const renew = (cli: Cli) =>
  withExamples(
    new Command('renew').description('Give the kubeconfig in use a new certificate for the same user.').action(async () => {
      const { client } = await cli.session()
      const { authorities } = await observeCertificates(client, cli.clock.now())
      const written = await follow(cli, authorities, { always: true })
      cli.print(
        written.length > 0 ? `Renewed the certificate in ${written.join(', ')}\n` : 'The kubeconfig in use has no certificate to renew.\n',
      )
    }),
    'davit certs renew',
  )

/** Brings kubeconfig and open session along with the CAs. */
async function follow(cli: Cli, authorities: string, { always = false } = {}): Promise<readonly string[]> {
  const { written, ...credentials } = await renewKubeconfig(cli, readAuthority(authorities, 'the CAs of the cluster'), { always })
  if (written.length > 0) (await cli.session()).client.renew(credentials)
  return written
}
