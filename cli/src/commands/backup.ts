import { Command } from 'commander'
import { createBackup } from '../backup/create.ts'
import { deleteBackups } from '../backup/delete.ts'
import { listBackups } from '../backup/list.ts'
import { restoreBackup } from '../backup/restore.ts'
import { scheduleBackups } from '../backup/schedule.ts'
import { type Cli, integerOption, withExamples } from '../command-line/index.ts'

/** `davit backup`. */
export function backupCommand(cli: Cli): Command {
  const command = new Command('backup').description('Keep the whole cluster, objects and keys, in encrypted archives.')
  for (const make of [create, list, restore, schedule, remove]) command.addCommand(make(cli))
  return command
}

function create(cli: Cli): Command {
  const command = new Command('create')
    .description('Write an archive of the whole cluster: what etcd holds, the CAs and all keys. It is encrypted and checked.')
    .option('--to <place>', 'A file, a folder, or s3://bucket/prefix.', '.')
    .action(options => createBackup(cli, options))
  return withExamples(
    withStore(withSecret(command)),
    'davit backup create --to=/mnt/backups --passphrase-file=passphrase\nAWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… davit backup create --to=s3://backups/blue --endpoint=https://minio:9000',
  )
}

function list(cli: Cli): Command {
  const command = new Command('list')
    .description('Show the schedule, how its last backups went and the archives there are; with --from those of a place.')
    .option('--from <place>', 'A folder, or s3://bucket/prefix.')
    .action(options => listBackups(cli, options))
  return withExamples(withStore(command), 'davit backup list\ndavit backup list --from=/mnt/backups')
}

function restore(cli: Cli): Command {
  const command = new Command('restore')
    .description('Check an archive and unpack it: pki/ (the keys), etcd/snapshot.db and manifest.json.')
    .argument('<archive>', 'A file, or s3://bucket/prefix/name.')
    .requiredOption('--into <folder>', 'Made; must not be there, or be empty.')
    .action((archive: string, options) => restoreBackup(cli, archive, options))
  return withExamples(withStore(withSecret(command)), 'davit backup restore davit-….backup --into=restored --passphrase-file=passphrase')
}

function schedule(cli: Cli): Command {
  const command = new Command('schedule')
    .description('Have the control plane make backups by the clock, or change or end (--off) that.')
    .argument('[cron]', 'Five fields, in UTC: minute, hour, day of the month, month, day of the week.')
    .option('--to <place>', 's3://bucket/prefix, or a folder on the machine of each control plane.')
    .option('--keep <count>', 'How many archives stay.', integerOption('--keep'), 7)
    .option('--keep-days <days>', 'Remove archives older than this; the newest always stays.', integerOption('--keep-days'))
    .option('--off', 'Make no more backups; the archives stay.')
    .action((cron: string | undefined, options) => scheduleBackups(cli, cron, options))
  return withExamples(
    withStore(withSecret(command)),
    'davit backup schedule "0 3 * * *" --to=s3://backups/blue --keep=7 --passphrase-file=passphrase\ndavit backup schedule --off',
  )
}

function remove(cli: Cli): Command {
  const command = new Command('delete')
    .description('Delete archives.')
    .argument('<name...>', 'As davit backup list shows them.')
    .option('--from <place>', "A folder, or s3://bucket/prefix. The schedule's when left out.")
    .action((names: string[], options) => deleteBackups(cli, names, options))
  return withExamples(withStore(command), 'davit backup delete davit-….backup --from=/mnt/backups')
}

function withSecret(command: Command): Command {
  return command
    .option(
      '--passphrase-file <file>',
      'File with the passphrase. Asked for when neither this nor --key-file is given; $DAVIT_BACKUP_PASSPHRASE.',
    )
    .option('--key-file <file>', 'File with a key of 32 bytes, raw or in hex or base64.')
}

function withStore(command: Command): Command {
  return command
    .option('--endpoint <url>', 'Of an S3-compatible store; $AWS_ENDPOINT_URL. AWS when left out.')
    .option('--region <name>', 'Of the bucket; $AWS_REGION.')
    .option('--virtual-host', 'The bucket is part of the host name, also with --endpoint.')
}
