/** What several backup verbs take: the secret of an archive, and the way to a store. */
import { type BackupSecret, checkPassphrase, readBackupSecret, type S3Options } from '@davit/api/backup'
import { type Cli, UsageError } from '../command-line/index.ts'
import { createPrompter } from '../ssh/index.ts'

export interface SecretFlags {
  passphraseFile?: string
  keyFile?: string
}

export interface StoreFlags {
  endpoint?: string
  region?: string
  virtualHost?: boolean
}

/** From the flags, the environment, or the person at the terminal; asked for twice when it is to be `isNew`. */
export async function backupSecret(cli: Cli, flags: SecretFlags, { isNew = false } = {}): Promise<BackupSecret> {
  const given = await readBackupSecret(flags)
  if (given) return given
  const fromEnv = cli.env.DAVIT_BACKUP_PASSPHRASE
  if (fromEnv) return { passphrase: checkPassphrase(fromEnv) }
  const prompter = createPrompter({ stdin: cli.stdin, stderr: cli.stderr })
  if (!prompter.isInteractive) throw new UsageError('--passphrase-file or --key-file is required: what the archive is encrypted with')
  const passphrase = checkPassphrase(await prompter.secret('Passphrase of the archive: '))
  if (isNew && (await prompter.secret('Once more: ')) !== passphrase) throw new Error('the two passphrases differ')
  return { passphrase }
}

/** Credentials as every S3 program takes them, from the environment. */
export function s3Options({ env }: Pick<Cli, 'env'>, { endpoint = env.AWS_ENDPOINT_URL, region, virtualHost }: StoreFlags): S3Options {
  const found = {
    accessKeyId: env.AWS_ACCESS_KEY_ID,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    sessionToken: env.AWS_SESSION_TOKEN,
    region: region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION,
    endpoint,
    pathStyle: virtualHost ? false : undefined,
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== ''))
}

/** `12.3 MB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
