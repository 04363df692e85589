import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthority, createCertificate } from '@davit/api/pki'
import { planIdentity } from './keep-identity.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000
const lifetime = { now: NOW, days: 90 }

test('planIdentity() renews when a third of the life is left, for a clock set back, and when another CA signs', async () => {
  const [old, next] = await Promise.all([createAuthority('old', lifetime), createAuthority('next', lifetime)])
  const { certificate } = await createCertificate(old, { commonName: 'system:node:a', usage: 'client' }, lifetime)
  const plan = (days: number, certificateAuthority = old.certificate) =>
    planIdentity({ now: NOW + days * DAY_MS, certificate, certificateAuthority, jitter: 0 })
  assert.equal(plan(0), 'nothing')
  assert.equal(plan(59), 'nothing')
  assert.equal(plan(61), 'renew')
  assert.equal(plan(-1), 'renew')
  assert.equal(plan(90), 'rejoin')
  // While both are trusted the first signs.
  assert.equal(plan(1, old.certificate + next.certificate), 'nothing')
  assert.equal(plan(1, next.certificate + old.certificate), 'renew')
})
