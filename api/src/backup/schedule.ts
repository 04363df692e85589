/** Backups by the clock: what is asked for and how it goes, both kept in one Secret, and what is to be done next. */
import { Cron } from 'croner'
import { z } from 'zod'
import { formatTime } from '../clock.ts'
import type { Secret } from '../kinds/core/secret.ts'
import { NAMESPACES } from '../well-known.ts'
import { ArchiveError } from './archive-error.ts'
import { type BackupSecret, checkPassphrase, parseKeyFile } from './archive-key.ts'
import { parseArchiveName } from './archive-name.ts'
import type { StoredArchive } from './backup-store.ts'
import type { S3Options } from './s3/s3-store.ts'

/** Where the schedule is kept. */
export const BACKUP_SECRET = { namespace: NAMESPACES.system, name: 'davit-backup' } as const

export interface BackupSchedule {
  /** Five fields of cron, in UTC. */
  readonly cron: string
  /** When it was set, milliseconds since the epoch: times before that are not made up for. */
  readonly sinceMs: number
  /** `s3://bucket/prefix`, or a folder on the machine of each control plane. */
  readonly to: string
  /** How many archives stay; at least 1. */
  readonly keep: number
  /** Older ones go even when they are fewer, but never the newest. */
  readonly keepDays: number | undefined
  readonly secret: BackupSecret
  readonly s3: S3Options
}

const runSchema = z.object({ at: z.string(), name: z.string(), bytes: z.number(), seconds: z.number(), revision: z.number() })
const statusSchema = z.object({
  /** The time of the schedule that was last begun, RFC 3339. */
  begun: z.string().optional(),
  /** Set while a backup is made. */
  running: z.object({ since: z.string(), by: z.string() }).optional(),
  lastSuccess: runSchema.optional(),
  lastFailure: z.object({ at: z.string(), message: z.string() }).optional(),
  /** Failures since the last success, and when it is tried again. */
  failures: z.number().default(0),
  retryAt: z.string().optional(),
  archives: z.array(z.object({ name: z.string(), bytes: z.number() })).default([]),
})

export type BackupStatus = z.infer<typeof statusSchema>

const RETRY_MS = { min: 60_000, max: 1_800_000 }
const DAY_MS = 86_400_000

/** Throws ArchiveError for an expression that cannot be read or never comes. */
export function nextTime(cron: string, afterMs: number): number {
  const next = parseCron(cron).nextRun(new Date(afterMs))
  if (!next) throw new ArchiveError(`the schedule ${JSON.stringify(cron)} never comes`)
  return next.getTime()
}

function parseCron(cron: string): Cron {
  try {
    return new Cron(cron, { timezone: 'UTC', mode: '5-part', paused: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : String(cause)
    throw new ArchiveError(
      `the schedule ${JSON.stringify(cron)} cannot be read: ${why}; wanted five fields such as "0 3 * * *" (each day at 3:00 UTC)`,
    )
  }
}

export type BackupStep = { kind: 'run'; scheduledMs: number } | { kind: 'wait'; untilMs: number }

/** What a leader does now. Times that were missed are made up for by one backup; one that broke off is made again. */
export function planBackup(observed: { cron: string; sinceMs: number; status: BackupStatus; nowMs: number }): BackupStep {
  const { cron, sinceMs, status, nowMs } = observed
  const begunMs = status.begun === undefined ? undefined : Date.parse(status.begun)
  const next = nextTime(cron, Math.max(begunMs ?? 0, sinceMs))
  if (next <= nowMs) return { kind: 'run', scheduledMs: latest(cron, next, nowMs) }
  // Only one leads: whoever ran it has died, since it would have told the end.
  if (begunMs !== undefined && status.running) return { kind: 'run', scheduledMs: begunMs }
  if (begunMs === undefined || status.retryAt === undefined) return { kind: 'wait', untilMs: next }
  const retryMs = Date.parse(status.retryAt)
  return retryMs <= nowMs ? { kind: 'run', scheduledMs: begunMs } : { kind: 'wait', untilMs: Math.min(next, retryMs) }
}

/** The last time of the schedule that is not after `nowMs`. */
function latest(cron: string, firstMs: number, nowMs: number): number {
  const [previous] = parseCron(cron).previousRuns(1, new Date(nowMs + 1000))
  return Math.max(firstMs, Math.min(previous?.getTime() ?? firstMs, nowMs))
}

/** When a failed backup is tried again. */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** (failures - 1))
}

/** Archives of this cluster that retention no longer wants, never one of another's. */
export function surplusArchives(
  archives: readonly StoredArchive[],
  { clusterId, keep, keepDays, nowMs }: { clusterId: string; keep: number; keepDays: number | undefined; nowMs: number },
): StoredArchive[] {
  const own = archives
    .flatMap(archive => {
      const parsed = parseArchiveName(archive.name)
      return parsed?.clusterId === clusterId ? [{ archive, ms: parsed.ms }] : []
    })
    .sort((a, b) => b.ms - a.ms)
  const oldestMs = keepDays === undefined ? Number.NEGATIVE_INFINITY : nowMs - keepDays * DAY_MS
  return own.filter(({ ms }, rank) => rank > 0 && (rank >= keep || ms < oldestMs)).map(({ archive }) => archive)
}

const FIELDS = ['schedule', 'to', 'keep', 'keep-days', 'passphrase', 'key'] as const
const S3_FIELDS = {
  'access-key-id': 'accessKeyId',
  'secret-access-key': 'secretAccessKey',
  'session-token': 'sessionToken',
  region: 'region',
  endpoint: 'endpoint',
} as const

/** The schedule as the Secret's `stringData`. */
export function encodeSchedule({ cron, sinceMs, to, keep, keepDays, secret, s3 }: BackupSchedule): Record<string, string> {
  const s3Data = Object.entries(S3_FIELDS).flatMap(([field, name]) => (s3[name] ? [[field, s3[name]]] : []))
  return {
    schedule: cron,
    since: formatTime(sinceMs),
    to,
    keep: String(keep),
    ...(keepDays !== undefined && { 'keep-days': String(keepDays) }),
    ...('passphrase' in secret ? { passphrase: secret.passphrase } : { key: secret.key.toString('base64') }),
    ...Object.fromEntries(s3Data),
    ...(s3.pathStyle !== undefined && { 'path-style': String(s3.pathStyle) }),
  }
}

/** Throws ArchiveError naming the field. */
export function decodeSchedule(object: Secret): BackupSchedule {
  const text = (field: string) => {
    const data = object.data?.[field]
    return data === undefined ? undefined : Buffer.from(data, 'base64').toString()
  }
  const [cron, to, keep = '7', keepDays, passphrase, key] = FIELDS.map(text)
  const missing = (field: string) =>
    new ArchiveError(`Secret ${BACKUP_SECRET.namespace}/${BACKUP_SECRET.name} has no "${field}": set it with davit backup schedule`)
  if (!cron) throw missing('schedule')
  if (!to) throw missing('to')
  if (!passphrase && !key) throw missing('passphrase')
  const s3 = Object.fromEntries(Object.entries(S3_FIELDS).flatMap(([field, name]) => (text(field) ? [[name, text(field)]] : [])))
  const pathStyle = text('path-style')
  return {
    cron,
    sinceMs: Date.parse(text('since') ?? object.metadata.creationTimestamp ?? '') || 0,
    to,
    keep: count('keep', keep),
    keepDays: keepDays === undefined ? undefined : count('keep-days', keepDays),
    secret: passphrase ? { passphrase: checkPassphrase(passphrase) } : { key: parseKeyFile(Buffer.from(key ?? '')) },
    s3: { ...s3, ...(pathStyle !== undefined && { pathStyle: pathStyle === 'true' }) },
  }
}

function count(field: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new ArchiveError(`"${field}" is ${JSON.stringify(text)}, wanted a number from 1`)
}

/** Nothing yet when there is none, or none that makes sense. */
export function decodeStatus(object: Secret): BackupStatus {
  try {
    return statusSchema.parse(JSON.parse(Buffer.from(object.data?.status ?? '', 'base64').toString()))
  } catch {
    return statusSchema.parse({})
  }
}

/** As the Secret's `data`. */
export function encodeStatus(status: BackupStatus): { status: string } {
  return { status: Buffer.from(JSON.stringify(status)).toString('base64') }
}
