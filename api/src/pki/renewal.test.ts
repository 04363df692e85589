import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicKeyHash } from '../public-key-hash.ts'
import { createAuthority, createCertificate } from './certificates.ts'
import { mustJoinAgain } from './renewal.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const DAY_MS = 24 * 60 * 60 * 1000

test('mustJoinAgain() is so when a certificate has ended, and when no CA that is known has the hash', async () => {
  const lifetime = { now: NOW, days: 10 }
  const [own, next] = await Promise.all([createAuthority('own', lifetime), createAuthority('next', lifetime)])
  const { certificate } = await createCertificate(own, { commonName: 'system:node:a', usage: 'client' }, lifetime)
  const hashOf = { own: publicKeyHash(own.certificate), next: publicKeyHash(next.certificate) }
  const asks = (days: number, caHash: string | undefined, certificateAuthority = own.certificate) =>
    mustJoinAgain({ certificate, certificateAuthority }, { now: NOW + days * DAY_MS, caHash })
  assert.equal(asks(9, hashOf.own), false)
  assert.equal(asks(9, undefined), false)
  assert.equal(asks(11, hashOf.own), true)
  assert.equal(asks(11, undefined), true)
  assert.equal(asks(9, hashOf.next), true)
  assert.equal(asks(9, hashOf.next, own.certificate + next.certificate), false)
})
