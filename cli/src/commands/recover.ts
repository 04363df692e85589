import { tmpdir } from 'node:os'
import { extractArchive } from '@davit/api/backup'
import { Command } from 'commander'
import { backupSecret, type SecretFlags } from '../backup/options.ts'
import { composeHost } from '../backup/recover/compose-host.ts'
import { openComposeProject } from '../backup/recover/compose-project.ts'
import { recover } from '../backup/recover/recover.ts'
import { type Cli, ExitError, UsageError, withExamples } from '../command-line/index.ts'
import { createPrompter } from '../ssh/index.ts'

interface Flags extends SecretFlags {
  member?: string
  fromBackup?: string
  yes?: boolean
}

/** `davit recover`. */
export function recoverCommand(cli: Cli): Command {
  const command = new Command('recover')
    .summary('Bring a cluster back that lost most of its etcd members')
    .description(
      'Brings a cluster back whose etcd lost its quorum. Run it on the machine of a member that is left, in the folder with its compose.yaml: ' +
        'that member goes on alone, with its data or with that of a backup. It is refused while the quorum lives, says what may be lost, asks, ' +
        'and keeps a copy of the data.',
    )
    .argument('[dir]', 'The folder with the compose.yaml of this machine.', '.')
    .option('--member <name>', 'Which member, when several run on this machine.')
    .option('--from-backup <archive>', "Take this archive's data instead of the member's own.")
    .option('--passphrase-file <file>', 'File with the passphrase of the archive.')
    .option('--key-file <file>', 'File with the key of the archive.')
    .option('-y, --yes', 'Do not ask.')
    .action((dir: string, flags: Flags) => run(cli, dir, flags))
  return withExamples(command, 'davit recover\ndavit recover ~/davit/cp-2 --from-backup=davit-….backup --passphrase-file=passphrase')
}

async function run(cli: Cli, dir: string, flags: Flags): Promise<void> {
  const project = await openComposeProject(dir)
  const member = flags.member ? project.members.find(({ name }) => name === flags.member) : project.members[0]
  const names = project.members.map(({ name }) => name).join(', ')
  if (!member) throw new UsageError(`--member "${flags.member}" is not on this machine, which has ${names}`)
  if (!flags.member && project.members.length > 1) throw new UsageError(`this machine has the members ${names}: choose one with --member`)
  const prompter = createPrompter({ stdin: cli.stdin, stderr: cli.stderr })
  if (!flags.yes && !prompter.isInteractive) throw new UsageError('nobody can be asked whether to go on: give --yes')
  await using extracted = flags.fromBackup ? await extractArchive(flags.fromBackup, await backupSecret(cli, flags), tmpdir()) : undefined
  const recovered = await recover(composeHost(project, member, cli.clock), {
    archive: extracted,
    report: line => cli.warn(`${line}\n`),
    confirm: async () => flags.yes === true || prompter.confirm('Go on?'),
    clock: cli.clock,
  })
  if (!recovered) throw new ExitError(1, 'Nothing was changed.')
  const others = member.initialCluster.map(text => text.split('=')[0]).filter(name => name !== member.name)
  cli.print(
    `Recovered: etcd member ${member.name} serves alone, at revision ${recovered.revision}. Its data as it was is in ${recovered.copy}.\n`,
  )
  if (others.length > 0)
    cli.print(
      `Until others join it, the loss of this machine is the loss of the cluster. In the cluster's directory:\n${others
        .map(name => `  davit init --replace ${name}      then, on its machine: docker compose down --volumes && docker compose up -d\n`)
        .join('')}`,
    )
}
