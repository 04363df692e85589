/** The leader's part: makes the backups that the Secret `kube-system/davit-backup` asks for, and keeps there how that went. */
import {
  type Client,
  type Clock,
  createEventRecorder,
  deadlineSignal,
  type EventRecorder,
  formatTime,
  isReason,
  type Logger,
  type Secret,
  secretKind,
} from '@davit/api'
import {
  archiveName,
  BACKUP_SECRET,
  type BackupSchedule,
  type BackupStatus,
  type BackupStore,
  decodeSchedule,
  decodeStatus,
  encodeStatus,
  openStore,
  planBackup,
  retryDelayMs,
  surplusArchives,
} from '@davit/api/backup'
import type { Backups } from './create-backups.ts'

export interface BackupScheduleOptions {
  /** Writes only while this term lasts. */
  readonly client: Client
  readonly backups: Backups
  /** Who leads; stands in the status while a backup is made. */
  readonly identity: string
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** How soon a change of the schedule is heard of. */
const LOOK_EVERY_MS = 10_000
/** Longest a backup may take. */
const BACKUP_MS_MAX = 6 * 3_600_000
const ARCHIVES_SHOWN_MAX = 200

/** To be run by the leader only. Settles once `signal` has aborted. */
export async function runBackupSchedule(options: BackupScheduleOptions): Promise<void> {
  const { client, clock, log, signal } = options
  const events = createEventRecorder(client, { component: 'davit-backup', clock, log, signal })
  let told: string | undefined
  while (!signal.aborted) {
    let waitMs = LOOK_EVERY_MS
    try {
      waitMs = await step(options, events)
      told = undefined
    } catch (err) {
      const message = messageOf(err)
      if (!signal.aborted && message !== told) log.warn({ err }, 'Cannot look after scheduled backups')
      told = message
    }
    await clock.sleep(waitMs, signal).catch(() => {})
  }
}

/** Does what is due; gives how long nothing is. */
async function step(options: BackupScheduleOptions, events: EventRecorder): Promise<number> {
  const { client, clock, signal } = options
  const secret = await client
    .resource(secretKind)
    .get(BACKUP_SECRET, { signal })
    .catch(error => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
  if (!secret?.data?.schedule) return LOOK_EVERY_MS
  const schedule = decodeSchedule(secret)
  const nowMs = clock.now()
  const next = planBackup({ cron: schedule.cron, sinceMs: schedule.sinceMs, status: decodeStatus(secret), nowMs })
  if (next.kind === 'wait') return Math.min(LOOK_EVERY_MS, next.untilMs - nowMs)
  await run(options, { secret, schedule, scheduledMs: next.scheduledMs, events })
  return 0
}

interface Run {
  readonly secret: Secret
  readonly schedule: BackupSchedule
  readonly scheduledMs: number
  readonly events: EventRecorder
}

async function run(options: BackupScheduleOptions, { secret, schedule, scheduledMs, events }: Run): Promise<void> {
  const { clock, log, signal, identity, backups } = options
  const startMs = clock.now()
  // Whoever does not get this written does not begin: another has, or leads.
  const running = { since: formatTime(startMs), by: identity }
  const claimed = await writeStatus(options, secret, { ...decodeStatus(secret), begun: formatTime(scheduledMs), running })
  const { running: _, retryAt: __, ...before } = decodeStatus(claimed)
  try {
    const store = openStore(schedule.to, schedule.s3)
    const limit = deadlineSignal(BACKUP_MS_MAX, signal)
    const made = await makeArchive(backups, { schedule, store, name: archiveName(backups.cluster.id, scheduledMs), signal: limit })
    const seconds = Math.round((clock.now() - startMs) / 1000)
    const archives = await applyRetention(options, { schedule, store, signal: limit })
    const lastSuccess = { at: formatTime(clock.now()), ...made, seconds }
    await writeStatus(options, claimed, { ...before, failures: 0, lastSuccess, archives })
    events.event(
      secret,
      'Normal',
      'BackupSucceeded',
      `Wrote ${made.name} (${made.bytes} bytes, revision ${made.revision}) to ${store.place}`,
    )
    log.info({ ...lastSuccess, place: store.place }, 'A scheduled backup is done')
  } catch (err) {
    if (signal.aborted) return
    const message = messageOf(err)
    const failures = before.failures + 1
    const retryAt = formatTime(clock.now() + retryDelayMs(failures))
    log.error({ err, retryAt }, 'A scheduled backup failed')
    events.event(secret, 'Warning', 'BackupFailed', `Cannot back up to ${schedule.to}: ${message}; it is tried again at ${retryAt}`)
    await writeStatus(options, claimed, { ...before, failures, retryAt, lastFailure: { at: formatTime(clock.now()), message } })
  }
}

/** One at the same time of the schedule has the same name, so that one made twice is there once. */
async function makeArchive(
  backups: Backups,
  { schedule, store, name, signal }: { schedule: BackupSchedule; store: BackupStore; name: string; signal: AbortSignal },
): Promise<{ name: string; bytes: number; revision: number }> {
  const over = new AbortController()
  try {
    const backup = await backups.begin(schedule.secret, AbortSignal.any([signal, over.signal]))
    return { name, bytes: await store.put(name, backup.content, signal), revision: backup.revision }
  } finally {
    over.abort()
  }
}

/** Deletes what is no longer wanted; gives what is left. What cannot be deleted does not make the backup a failure. */
async function applyRetention(
  { backups, clock, log }: BackupScheduleOptions,
  { schedule, store, signal }: { schedule: BackupSchedule; store: BackupStore; signal: AbortSignal },
): Promise<BackupStatus['archives']> {
  const archives = await store.list(signal)
  const { keep, keepDays } = schedule
  const gone = new Set<string>()
  for (const { name } of surplusArchives(archives, { clusterId: backups.cluster.id, keep, keepDays, nowMs: clock.now() })) {
    try {
      await store.delete(name, signal)
      gone.add(name)
    } catch (err) {
      log.warn({ err, name }, 'Cannot delete an old backup')
    }
  }
  return archives.filter(({ name }) => !gone.has(name)).slice(-ARCHIVES_SHOWN_MAX)
}

/** Keeps what somebody changed of the schedule meanwhile: only the status is written, the version of the rest does not matter then. */
async function writeStatus({ client, signal }: BackupScheduleOptions, read: Secret, status: BackupStatus): Promise<Secret> {
  const secrets = client.resource(secretKind)
  for (let latest = read; ; ) {
    try {
      return await secrets.update({ ...latest, data: { ...latest.data, ...encodeStatus(status) } }, { signal })
    } catch (error) {
      if (!isReason(error, 'Conflict') || status.running) throw error
      latest = await secrets.get(BACKUP_SECRET, { signal })
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
