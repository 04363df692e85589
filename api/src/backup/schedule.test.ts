import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ArchiveError } from './archive-error.ts'
import { archiveName, parseArchiveName } from './archive-name.ts'
import { type BackupStatus, decodeSchedule, encodeSchedule, nextTime, planBackup, surplusArchives } from './schedule.ts'

const ID = '0e3f27a1-6c3b-4a4e-8f70-0123456789ab'
const OTHER = 'ffffffff-6c3b-4a4e-8f70-0123456789ab'
const NONE: BackupStatus = { failures: 0, archives: [] }
const at = (text: string) => Date.parse(`2026-03-${text}Z`)
const plan = (now: string, status: Partial<BackupStatus> = {}, cron = '0 3 * * *') =>
  planBackup({ cron, sinceMs: at('01T00:00:00'), status: { ...NONE, ...status }, nowMs: at(now) })

describe('planBackup()', () => {
  it('waits for the next time, which is in UTC', () => {
    assert.deepEqual(plan('01T01:00:00'), { kind: 'wait', untilMs: at('01T03:00:00') })
    assert.deepEqual(plan('01T04:00:00', { begun: '2026-03-01T03:00:00Z' }), { kind: 'wait', untilMs: at('02T03:00:00') })
  })

  it('runs once for all times that were missed, and names it after the last', () => {
    assert.deepEqual(plan('05T04:00:00', { begun: '2026-03-01T03:00:00Z' }), { kind: 'run', scheduledMs: at('05T03:00:00') })
    assert.deepEqual(plan('01T03:00:00'), { kind: 'run', scheduledMs: at('01T03:00:00') })
  })

  it('does not make up for times before the schedule was set', () => {
    const step = planBackup({
      cron: '0 3 * * *',
      sinceMs: at('07T12:00:00'),
      status: { ...NONE, begun: '2026-03-01T03:00:00Z' },
      nowMs: at('07T12:00:01'),
    })
    assert.deepEqual(step, { kind: 'wait', untilMs: at('08T03:00:00') })
  })

  it('tries again what failed, when its time has come', () => {
    const failed = { begun: '2026-03-01T03:00:00Z', failures: 1, retryAt: '2026-03-01T03:05:00Z' }
    assert.deepEqual(plan('01T03:04:00', failed), { kind: 'wait', untilMs: at('01T03:05:00') })
    assert.deepEqual(plan('01T03:05:00', failed), { kind: 'run', scheduledMs: at('01T03:00:00') })
  })
})

describe('nextTime()', () => {
  it('says what is wrong with a schedule', () => {
    for (const cron of ['', 'hello', '* * * *', '61 * * * *', '0 0 3 * * *']) assert.throws(() => nextTime(cron, 0), ArchiveError, cron)
    assert.throws(() => nextTime('0 0 30 2 *', 0), /never comes/)
  })
})

describe('surplusArchives()', () => {
  const day = (days: number, id = ID) => ({ name: archiveName(id, at('31T03:00:00') - days * 86_400_000), bytes: 1 })
  const rules = { clusterId: ID, keep: 3, keepDays: undefined, nowMs: at('31T04:00:00') }

  it('keeps the newest', () => {
    const archives = [4, 0, 2, 1, 3].map(days => day(days))
    assert.deepEqual(surplusArchives(archives, rules), [day(3), day(4)])
  })

  it('removes what is too old, but never the newest', () => {
    assert.deepEqual(surplusArchives([day(0), day(1), day(2)], { ...rules, keepDays: 1 }), [day(1), day(2)])
    assert.deepEqual(surplusArchives([day(90), day(91)], { ...rules, keepDays: 1 }), [day(91)])
  })

  it('never touches what is another cluster’s or none of ours, and always leaves one', () => {
    const archive = fc.oneof(
      fc.tuple(fc.nat(400), fc.constantFrom(ID, OTHER)).map(([days, id]) => day(days, id)),
      fc.string().map(name => ({ name, bytes: 1 })),
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(archive, { selector: ({ name }) => name }),
        fc.integer({ min: 1, max: 5 }),
        fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
        (archives, keep, keepDays) => {
          const gone = surplusArchives(archives, { ...rules, keep, keepDays })
          const own = archives.filter(({ name }) => parseArchiveName(name)?.clusterId === ID)
          assert.ok(gone.every(one => own.includes(one)))
          assert.ok(own.length === 0 || gone.length < own.length)
          assert.ok(own.length - gone.length <= keep)
        },
      ),
    )
  })
})

describe('the Secret', () => {
  it('gives back the schedule', () => {
    const schedule = {
      cron: '0 3 * * *',
      sinceMs: at('01T00:00:00'),
      to: 's3://bucket/prefix',
      keep: 5,
      keepDays: 30,
      secret: { passphrase: 'correct horse battery' },
      s3: { accessKeyId: 'id', secretAccessKey: 'secret', endpoint: 'https://minio:9000', pathStyle: true },
    }
    const data = Object.fromEntries(
      Object.entries(encodeSchedule(schedule)).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
    )
    assert.deepEqual(decodeSchedule({ apiVersion: 'v1', kind: 'Secret', metadata: {}, data }), schedule)
    assert.throws(
      () => decodeSchedule({ apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { ...data, keep: 'MA==' } }),
      /"keep" is "0"/,
    )
  })
})
