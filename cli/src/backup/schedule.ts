/** `davit backup schedule`: the Secret from which the control plane's leader works. */
import { isReason, type Secret, secretKind } from '@davit/api'
import { BACKUP_SECRET, decodeSchedule, encodeSchedule, nextTime, openStore } from '@davit/api/backup'
import { type Cli, UsageError } from '../command-line/index.ts'
import { backupSecret, type SecretFlags, type StoreFlags, s3Options } from './options.ts'

export interface ScheduleFlags extends SecretFlags, StoreFlags {
  to?: string
  keep: number
  keepDays?: number
  off?: boolean
}

export async function scheduleBackups(cli: Cli, cron: string | undefined, flags: ScheduleFlags): Promise<void> {
  const { client } = await cli.session()
  const secrets = client.resource(secretKind)
  const present = await readScheduleSecret(cli)
  if (flags.off) {
    if (!present) throw new Error('no backups are scheduled')
    await secrets.delete(BACKUP_SECRET)
    return cli.print('No more backups are made. The archives stay where they are.\n')
  }
  if (!cron) throw new UsageError('a schedule is required, such as "0 3 * * *" for each day at 3:00 UTC, or --off')
  if (!flags.to) throw new UsageError('--to is required: s3://bucket/prefix, or a folder on the machine of each control plane')
  if (flags.keep < 1) throw new UsageError('--keep must be at least 1')
  const now = cli.clock.now()
  const next = nextTime(cron, now)
  const s3 = flags.to.startsWith('s3://') ? s3Options(cli, flags) : {}
  // Wrong credentials are told now, not at three in the night. A folder is the control plane's and cannot be looked at from here.
  if (flags.to.startsWith('s3://')) await openStore(flags.to, s3).list(AbortSignal.timeout(30_000))
  else if (!flags.to.startsWith('/'))
    throw new UsageError(`--to "${flags.to}" must be absolute: it is a folder on the control plane's machine`)
  const schedule = {
    cron,
    sinceMs: now,
    to: flags.to,
    keep: flags.keep,
    keepDays: flags.keepDays,
    secret: await backupSecret(cli, flags, { isNew: true }),
    s3,
  }
  const data = Object.fromEntries(
    Object.entries(encodeSchedule(schedule)).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  )
  const status = present?.data?.status
  const object: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...(present?.metadata ?? BACKUP_SECRET) },
    type: 'Opaque',
    data: { ...data, ...(status && { status }) },
  }
  await (present ? secrets.update(object) : secrets.create(object))
  cli.print(`Backups are made to ${flags.to} by ${JSON.stringify(cron)}; the next at ${new Date(next).toISOString().slice(0, 16)}Z. ${flags.keep} are kept.
Keep what opens them apart from this cluster: without it they are worth nothing. See "davit backup list".\n`)
}

/** The Secret with the schedule; undefined when there is none. */
export async function readScheduleSecret(cli: Cli): Promise<Secret | undefined> {
  const { client } = await cli.session()
  return client
    .resource(secretKind)
    .get(BACKUP_SECRET)
    .catch(error => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
}

/** The schedule; throws when there is none. */
export async function readSchedule(cli: Cli) {
  const secret = await readScheduleSecret(cli)
  if (!secret) throw new Error('no backups are scheduled: name the place with --from')
  return decodeSchedule(secret)
}
