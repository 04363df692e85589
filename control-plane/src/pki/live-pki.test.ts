import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@davit/api'
import { authoritiesIn, createAuthority, isSignedBy, lifeOf } from '@davit/api/pki'
import { type LivePki, openPki } from './live-pki.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const START = Date.parse('2026-01-01T00:00:00Z')

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-live-pki-'))
})
after(() => rm(dir, { recursive: true }))

/** A process of 90-day certificates in a time that the test sets; `until` waits for what the process does by itself. */
async function start(name: string) {
  let now = START
  const clock: Clock = { now: () => now, monotonic: () => now - START, sleep: () => setImmediate() }
  const errors: string[] = []
  const log = { debug() {}, info() {}, warn() {}, error: (_: object, message: string) => void errors.push(message) }
  const pki = await openPki({ dir: join(dir, name), serverNames: [], lifetimeMs: 90 * DAY_MS, clock, log })
  const stop = new AbortController()
  const running = pki.run(stop.signal)
  return {
    pki,
    errors,
    set: (days: number) => {
      now = START + days * DAY_MS
    },
    until: async (holds: (pki: LivePki) => boolean) => {
      while (!holds(pki)) await setImmediate()
    },
    stop: () => {
      stop.abort()
      return running
    },
  }
}

const endOf = ({ server }: LivePki) => (lifeOf(server.certificate).to - START) / DAY_MS

test('LivePki renews in time, after a sleep past the end, and for a clock that was set back', async () => {
  const { pki, set, until, stop } = await start('in-time')
  let changes = 0
  pki.onChange(() => changes++)
  set(50)
  await setImmediate()
  assert.equal(endOf(pki), 90)
  set(61)
  await until(live => endOf(live) === 151)
  assert.equal(lifeOf(pki.admin.certificate).to, lifeOf(pki.controllers.certificate).to)
  set(400)
  await until(live => endOf(live) === 490)
  set(10)
  await until(live => endOf(live) === 100)
  assert.equal(changes, 3)
  await stop()
})

test('LivePki keeps what it has when it cannot renew, says so, warns at a tenth, and goes on by itself', async () => {
  const { pki, errors, set, until, stop } = await start('broken')
  const warnings: string[] = []
  pki.onWarning = message => void warnings.push(message)
  const path = join(pki.dir, 'ca.pem')
  const authority = await readFile(path, 'utf8')
  await writeFile(path, 'nonsense')
  set(61)
  await until(() => errors.length > 0)
  assert.equal(endOf(pki), 90)
  assert.deepEqual(warnings, [])
  set(82)
  await until(() => warnings.length === 3)
  assert.match(warnings.join(), /Certificate server ends at 2026-04-01T00:00:00Z/)
  await writeFile(path, authority)
  set(83)
  await until(live => endOf(live) === 173)
  assert.equal(warnings.length, 3)
  await stop()
})

test('LivePki takes over a bundle: the first CA signs, all are trusted', async () => {
  const { pki, stop } = await start('bundle')
  const path = join(pki.dir, 'ca.pem')
  const next = await createAuthority('next', { now: START, days: 1000 })
  const text = next.certificate + next.key + (await readFile(path, 'utf8'))
  await writeFile(path, text)
  await pki.refresh()
  assert.equal(pki.ca.certificate, next.certificate)
  assert.equal(
    pki.ca.bundle,
    authoritiesIn(text)
      .map(({ certificate }) => certificate)
      .join(''),
  )
  for (const { certificate } of [pki.server, pki.admin, pki.controllers]) assert.ok(await isSignedBy(certificate, next))
  const names = pki.held().map(({ name }) => name)
  assert.deepEqual(names, ['ca', 'ca', 'server', 'admin', 'controllers'])
  await stop()
})
