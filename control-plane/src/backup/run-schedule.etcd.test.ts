import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Client, type Clock, eventKind, KINDS, NETWORKS, type Secret, secretKind } from '@davit/api'
import { archiveName, BACKUP_SECRET, decodeStatus, encodeSchedule } from '@davit/api/backup'
import { createInProcessClient, createRegistry } from '../apiserver/registry/index.ts'
import { startTestRegistry, type TestRegistry } from '../apiserver/registry/testing/index.ts'
import { KindRegistry } from '../kind-registry.ts'
import { beginTerm } from '../leader/index.ts'
import type { Backups } from './create-backups.ts'
import { runBackupSchedule } from './run-schedule.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const CLUSTER = '0e3f27a1-6c3b-4a4e-8f70-0123456789ab'
const OTHER = 'ffffffff-6c3b-4a4e-8f70-0123456789ab'
const DAY = Date.parse('2026-03-01T00:00:00Z')

/** Time that stands still until it is told otherwise. */
class SteppedClock implements Clock {
  #now: number
  #sleepers = new Set<{ untilMs: number; wake: () => void }>()

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { untilMs: this.#now + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  /** Everybody who sleeps looks again. */
  set(now: number): void {
    this.#now = now
    for (const sleeper of this.#sleepers) {
      if (sleeper.untilMs > now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}

let registry: TestRegistry
let dir: string
let clock: SteppedClock
let stop: AbortController
let begun: string[]
let fail: Error | undefined
beforeEach(async () => {
  registry = await startTestRegistry()
  dir = await mkdtemp(join(tmpdir(), 'davit-schedule-'))
  clock = new SteppedClock(DAY)
  stop = new AbortController()
  begun = []
  fail = undefined
})
afterEach(async () => {
  stop.abort()
  await registry[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

const backupsOf = (who: string): Backups => ({
  cluster: { id: CLUSTER, name: 'davit' },
  begin: async () => {
    begun.push(who)
    if (fail) throw fail
    async function* content() {
      yield Buffer.from('an archive')
    }
    return { startedMs: clock.now(), revision: 7, content: content() }
  },
})

/** As a leader that believes it leads; its writes end when a later term begins. */
async function lead(identity: string): Promise<void> {
  const { signal } = stop
  const fenced = await beginTerm(registry.storage, { name: 'davit-controllers', identity, signal })
  const networks = { podCidr: NETWORKS.pods, serviceCidr: NETWORKS.services, dnsAddress: NETWORKS.dns, nodePorts: NETWORKS.nodePorts }
  const client: Client = createInProcessClient(
    createRegistry({ storage: fenced, kinds: new KindRegistry(KINDS), networks, clock, log }),
    registry.context.user,
  )
  void runBackupSchedule({ client, backups: backupsOf(identity), identity, clock, log, signal })
}

async function schedule(cron: string, { keep = 3, keepDays }: { keep?: number; keepDays?: number } = {}): Promise<void> {
  const stringData = encodeSchedule({
    cron,
    sinceMs: clock.now(),
    to: dir,
    keep,
    keepDays,
    secret: { passphrase: 'correct horse battery' },
    s3: {},
  })
  const object: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { ...BACKUP_SECRET }, stringData }
  await registry.client.resource(secretKind).create(object)
}

const status = async () => decodeStatus(await registry.client.resource(secretKind).get(BACKUP_SECRET))

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; ) {
    if (await holds()) return
    await new Promise(setImmediate)
  }
  throw new Error(`Waited in vain for ${what}`)
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('runBackupSchedule()', () => {
  it('makes a backup when its time comes, and tells how it went', async () => {
    await schedule('0 3 * * *')
    await lead('a')
    clock.set(DAY + 3 * HOUR - 1000)
    await until('nothing', async () => begun.length === 0)
    clock.set(DAY + 3 * HOUR)
    await until('a success', async () => (await status()).lastSuccess !== undefined)
    const { lastSuccess, archives, running } = await status()
    const name = archiveName(CLUSTER, DAY + 3 * HOUR)
    assert.equal(lastSuccess?.name, name)
    assert.equal(lastSuccess?.revision, 7)
    assert.equal(running, undefined)
    assert.deepEqual(archives, [{ name, bytes: 10 }])
    assert.deepEqual(await readdir(dir), [name])
    await until('an Event', async () => {
      const { items } = await registry.client.resource(eventKind).list({ namespace: 'kube-system' })
      return items.some(({ reason, involvedObject }) => reason === 'BackupSucceeded' && involvedObject.name === BACKUP_SECRET.name)
    })
  })

  it('makes up for what was missed by one backup', async () => {
    await schedule('0 * * * *')
    clock.set(DAY + 5 * HOUR + 10 * MINUTE)
    await lead('a')
    await until('a success', async () => (await status()).lastSuccess !== undefined)
    clock.set(DAY + 5 * HOUR + 50 * MINUTE)
    await until('rest', async () => (await status()).running === undefined)
    assert.equal(begun.length, 1)
    assert.deepEqual(await readdir(dir), [archiveName(CLUSTER, DAY + 5 * HOUR)])
  })

  it('keeps so many of its own, and leaves those of other clusters alone', async () => {
    const foreign = [archiveName(OTHER, DAY - 100 * 24 * HOUR), 'notes.txt']
    const old = [1, 2, 3, 4].map(days => archiveName(CLUSTER, DAY - days * 24 * HOUR))
    for (const name of [...foreign, ...old]) await writeFile(join(dir, name), 'x')
    await schedule('0 3 * * *', { keep: 3 })
    await lead('a')
    clock.set(DAY + 3 * HOUR)
    await until('a success', async () => (await status()).lastSuccess !== undefined)
    const kept = [archiveName(CLUSTER, DAY + 3 * HOUR), ...old.slice(0, 2)]
    assert.deepEqual((await readdir(dir)).sort(), [...foreign, ...kept].sort())
  })

  it('tells a failure, tries again later, and then tells the success', async () => {
    await schedule('0 3 * * *')
    await lead('a')
    fail = new Error('the disk is full')
    clock.set(DAY + 3 * HOUR)
    await until('a failure', async () => (await status()).lastFailure !== undefined)
    assert.match((await status()).lastFailure?.message ?? '', /the disk is full/)
    assert.equal((await status()).retryAt, '2026-03-01T03:01:00Z')
    clock.set(DAY + 3 * HOUR + 30_000)
    assert.equal(begun.length, 1)
    fail = undefined
    await until('a success', async () => {
      clock.set(clock.now() + 10_000)
      return (await status()).lastSuccess !== undefined
    })
    assert.equal(begun.length, 2)
    assert.equal((await status()).retryAt, undefined)
  })

  it('is made once when two believe that they lead', async () => {
    await schedule('0 3 * * *')
    await lead('first')
    await lead('second')
    for (let day = 0; day < 5; day++) {
      const time = DAY + day * 24 * HOUR + 3 * HOUR
      clock.set(time)
      await until('a success', async () => {
        // Who looked just before the time came waits for a while before it looks again.
        clock.set(clock.now() + 1000)
        return (await status()).lastSuccess?.name === archiveName(CLUSTER, time)
      })
    }
    assert.deepEqual(
      begun,
      Array.from({ length: 5 }, () => 'second'),
    )
  })

  it('makes again what its predecessor did not end', async () => {
    await schedule('0 3 * * *')
    const secrets = registry.client.resource(secretKind)
    const secret = await secrets.get(BACKUP_SECRET)
    const broken = { begun: '2026-03-01T03:00:00Z', running: { since: '2026-03-01T03:00:01Z', by: 'gone' }, failures: 0, archives: [] }
    await secrets.update({ ...secret, data: { ...secret.data, status: Buffer.from(JSON.stringify(broken)).toString('base64') } })
    clock.set(DAY + 3 * HOUR + 5 * MINUTE)
    await lead('a')
    await until('a success', async () => (await status()).lastSuccess !== undefined)
    assert.deepEqual(await readdir(dir), [archiveName(CLUSTER, DAY + 3 * HOUR)])
  })
})
