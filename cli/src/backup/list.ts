import { formatAge } from '@davit/api'
import {
  type BackupStatus,
  decodeSchedule,
  decodeStatus,
  nextTime,
  openStore,
  parseArchiveName,
  type StoredArchive,
} from '@davit/api/backup'
import type { Cli } from '../command-line/index.ts'
import { formatBytes, type StoreFlags, s3Options } from './options.ts'
import { readScheduleSecret } from './schedule.ts'

/** `davit backup list`. */
export async function listBackups(cli: Cli, flags: StoreFlags & { from?: string }): Promise<void> {
  if (flags.from) {
    const store = openStore(flags.from, s3Options(cli, flags))
    return printArchives(cli, await store.list(new AbortController().signal))
  }
  const secret = await readScheduleSecret(cli)
  if (!secret) return cli.print('No backups are scheduled. Schedule them with "davit backup schedule", or look into a place with --from.\n')
  const { cron, to, keep, keepDays, sinceMs } = decodeSchedule(secret)
  const status = decodeStatus(secret)
  const now = cli.clock.now()
  const next = Math.max(now, nextTime(cron, Math.max(sinceMs, status.begun ? Date.parse(status.begun) : 0)))
  const rows = [
    ['Schedule', `${cron} (UTC)`],
    ['To', to],
    ['Kept', `${keep}${keepDays === undefined ? '' : `, ${keepDays} days`}`],
    ['Next', status.running ? `being made since ${status.running.since}` : time(next)],
    ['Last success', lastSuccess(status, now)],
    ['Last failure', status.lastFailure ? `${status.lastFailure.at}: ${status.lastFailure.message}` : 'none'],
    ...(status.retryAt ? [['Tried again', status.retryAt]] : []),
  ]
  cli.print(`${rows.map(([name = '', value]) => `${`${name}:`.padEnd(15)}${value}`).join('\n')}\n\n`)
  printArchives(cli, status.archives)
}

function lastSuccess({ lastSuccess }: BackupStatus, now: number): string {
  if (!lastSuccess) return 'none yet'
  const { at, bytes, seconds, revision } = lastSuccess
  return `${at} (${formatAge(now - Date.parse(at))} ago), ${formatBytes(bytes)} in ${seconds} s, revision ${revision}`
}

function printArchives(cli: Cli, archives: readonly StoredArchive[]): void {
  if (archives.length === 0) {
    cli.print('No archives.\n')
    return
  }
  cli.print(`${'NAME'.padEnd(70)}${'CREATED'.padEnd(22)}SIZE\n`)
  for (const { name, bytes } of archives)
    cli.print(`${name.padEnd(70)}${time(parseArchiveName(name)?.ms ?? 0).padEnd(22)}${formatBytes(bytes)}\n`)
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
