import { parseDuration } from '@davit/api'
import { readAuthority } from '@davit/api/pki'
import { Command } from 'commander'
import {
  certificateRows,
  laggards,
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
  for (const make of [status, rotate, renew]) command.addCommand(make(cli))
  return withExamples(command, 'davit certs\ndavit certs -o json\ndavit certs rotate-ca\ndavit certs renew')
}

async function list(cli: Cli, output: string | undefined): Promise<void> {
  if (output !== undefined && !['wide', 'json', 'yaml'].includes(output))
    throw new UsageError(`--output "${output}" is none of wide, json, yaml`)
  const { client } = await cli.session()
  const now = cli.clock.now()
  const rows = certificateRows(await observeCertificates(client, now), await ownCertificate(cli), now)
  if (output === 'json') return cli.print(toJson(rows))
  if (output === 'yaml') return cli.print(toYaml(rows))
  cli.print(printRows(rows, { now, wide: output === 'wide' }))
}

const status = (cli: Cli) =>
  withExamples(
    new Command('status').description('Show whether a change of the CA is under way, and who has not come along.').action(async () => {
      const { client } = await cli.session()
      const observed = await observeCertificates(client, cli.clock.now())
      const phase = phaseOf(observed)
      const behind = laggards(observed)
      const going = { trust: 'The new CA is trusted; the old one signs.', sign: 'The new CA signs; the old one is still trusted.' }
      cli.print(phase ? `${going[phase]} "davit certs rotate-ca" goes on.\n` : 'No change of the CA is under way.\n')
      for (const { kind, name, isReachable } of behind) {
        cli.print(`${kind} ${name} ${isReachable ? 'has not come along yet' : 'is away and has not come along'}\n`)
      }
      if (behind.length === 0) cli.print(`All ${observed.holders.length} API servers and nodes have come along.\n`)
    }),
    'davit certs status',
  )

const rotate = (cli: Cli) =>
  withExamples(
    new Command('rotate-ca')
      .description('Put a new CA in place of the present one, without downtime. Running it again goes on where it was.')
      .option('--force', 'Go on without nodes that are away: they must join again once they are back.')
      .option('--timeout <duration>', 'How long to wait when nobody comes along.', '5m')
      .action(async (options: { force?: boolean; timeout: string }) => {
        const timeoutMs = parseDuration(options.timeout)
        const { client } = await cli.session()
        const report = (line: string) => cli.print(`${line}\n`)
        const force = options.force ?? false
        if (force) {
          const warning = whatBreaks((await observeCertificates(client, cli.clock.now())).holders)
          if (warning) cli.warn(`Warning: ${warning}\n`)
        }
        await rotateAuthority({ client, follow: async text => void (await follow(cli, text)), force, timeoutMs, clock: cli.clock, report })
        report('Other kubeconfigs of this cluster hold certificates of the old CA and are refused from now on.')
        report('Back up the cluster again ("davit backup create"): earlier backups hold the old CA.')
      }),
    'davit certs rotate-ca\ndavit certs rotate-ca --force',
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
