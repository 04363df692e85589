import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extractArchive } from '@davit/api/backup'
import { initCluster, machinesOf, readClusterConfig } from '@davit/deploy'
import { Command } from 'commander'
import { backupSecret, type SecretFlags } from '../backup/options.ts'
import { composeHost } from '../backup/recover/compose-host.ts'
import { describeReturn } from '../backup/recover/plan.ts'
import { recover } from '../backup/recover/recover.ts'
import { type Cli, ExitError, UsageError, withExamples } from '../command-line/index.ts'
import { loadKubeconfig, resolveConnection } from '../kubeconfig/index.ts'
import { findProject, openMachine } from '../machines/index.ts'
import { connect, prompterOf, SSH_NOTE, type SshFlags, withSsh } from './node/ssh-flags.ts'

interface Flags extends SecretFlags, SshFlags {
  member?: string
  fromBackup?: string
  yes?: boolean
}

/** `davit recover`. */
export function recoverCommand(cli: Cli): Command {
  const command = new Command('recover')
    .summary('Bring a cluster back that lost most of its etcd members')
    .description(
      'Brings a cluster back whose etcd lost its quorum: one member that is left goes on alone, with its data or with that of a backup. ' +
        `It is refused while the quorum lives, says what may be lost, asks, and keeps a copy of the data. ${SSH_NOTE}`,
    )
    .argument('[dir]', 'Directory that "davit init" made.', './davit')
    .option('--member <name>', 'Control plane whose etcd member goes on, when there are several.')
    .option('--from-backup <archive>', "Take this archive's data instead of the member's own.")
    .option('--passphrase-file <file>', 'File with the passphrase of the archive.')
    .option('--key-file <file>', 'File with the key of the archive.')
    .option('-y, --yes', 'Do not ask.')
    .action((dir: string, flags: Flags) => run(cli, dir, flags))
  return withExamples(
    withSsh(command),
    'davit recover --member=cp-2\ndavit recover ~/davit --member=cp-2 --from-backup=davit-….backup --passphrase-file=passphrase',
  )
}

async function run(cli: Cli, dir: string, flags: Flags): Promise<void> {
  const config = await readClusterConfig(dir)
  if (!config) throw new UsageError(`there is no cluster.yaml in "${dir}": name the directory that "davit init" made`)
  const candidates = machinesOf(config).flatMap(machine => machine.members.map(member => ({ machine, member })))
  const names = candidates.map(({ member }) => member.name).join(', ')
  if (!flags.member && candidates.length > 1) throw new UsageError(`--member is missing: want the one that is left, of ${names}`)
  const chosen = flags.member ? candidates.find(({ member }) => member.name === flags.member) : candidates[0]
  if (!chosen) throw new UsageError(`--member is "${flags.member}": want one of ${names}`)
  const prompter = prompterOf(cli)
  if (!flags.yes && !prompter.isInteractive) throw new UsageError('nobody can be asked whether to go on: give --yes')
  const kubeconfig = await loadKubeconfig(cli.flags.kubeconfig ?? join(dir, 'admin.kubeconfig'), cli.env)
  const credentials = await resolveConnection(kubeconfig, cli.flags)
  await using extracted = flags.fromBackup ? await extractArchive(flags.fromBackup, await backupSecret(cli, flags), tmpdir()) : undefined

  const { machine, member } = chosen
  const report = (line: string) => cli.warn(`${line}\n`)
  const shell = await openMachine(machine, target => connect(cli, target, { ...flags, prompter, note: report }))
  try {
    const project = await findProject(shell, { project: config.name, service: `etcd${member.suffix}` })
    const recovered = await recover(await composeHost({ shell, project, config, machine, member, credentials, clock: cli.clock }), {
      archive: extracted,
      report,
      confirm: async () => flags.yes === true || prompter.confirm('Go on?'),
      clock: cli.clock,
    })
    if (!recovered) throw new ExitError(1, 'Nothing was changed.')
    const lost = config.controlPlanes.map(({ name }) => name).filter(name => name !== member.name)
    await initCluster(dir, { lost }, { clock: cli.clock })
    const { revision, copy } = recovered
    cli.print(`Recovered: etcd member ${member.name} serves alone, at revision ${revision}. Its data as it was is in ${copy}.\n`)
    cli.print(describeReturn(dir, config, lost))
  } finally {
    shell.close()
  }
}
