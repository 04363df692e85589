/** When a certificate is renewed: always by the same rule, whoever holds it. */
import { X509Certificate } from 'node:crypto'
import { publicKeyHash } from '../public-key-hash.ts'
import { certificatesIn } from './authority.ts'

/** Of a certificate's life; the rest is time for things to go wrong in. */
const RENEW_WHEN_LEFT = 1 / 3
/** So many ask earlier, each by a share of its own: machines made together must not all renew together. */
const SPREAD = 1 / 10
const WARN_WHEN_LEFT = 1 / 10

/** Asked every second of the same few; parsing them was a tenth of what a control plane at rest does. */
const lives = new Map<string, { from: number; to: number }>()
const LIVES_MAX = 100

/** When its life begins and ends, milliseconds since the epoch. */
export function lifeOf(certificate: string): { from: number; to: number } {
  const known = lives.get(certificate)
  if (known) return known
  const { validFrom, validTo } = new X509Certificate(certificate)
  const life = { from: Date.parse(validFrom), to: Date.parse(validTo) }
  if (lives.size >= LIVES_MAX) lives.clear()
  lives.set(certificate, life)
  return life
}

/** Milliseconds since the epoch from which on a certificate is to be renewed. `jitter` in 0…1 is its holder's own. */
export function renewalTime(certificate: string, jitter = 0): number {
  const { from, to } = lifeOf(certificate)
  return to - (to - from) * (RENEW_WHEN_LEFT + SPREAD * jitter)
}

/** Whether to renew now. A clock that was set back makes certificates of the future: those too. */
export function isRenewalDue(certificate: string, { now, jitter = 0 }: { now: number; jitter?: number }): boolean {
  return now < lifeOf(certificate).from || now >= renewalTime(certificate, jitter)
}

/** Milliseconds since the epoch from which on somebody must hear that it was not renewed. */
export function warningTime(certificate: string): number {
  const { from, to } = lifeOf(certificate)
  return to - (to - from) * WARN_WHEN_LEFT
}

/** Whether only a token brings a node back: its certificate has ended, or the cluster's CA, of which this is a hash, is not one it knows. */
export function mustJoinAgain(
  { certificate, certificateAuthority }: { readonly certificate: string; readonly certificateAuthority: string },
  { now, caHash }: { now: number; caHash: string | undefined },
): boolean {
  const isKnown = caHash === undefined || certificatesIn(certificateAuthority).some(known => publicKeyHash(known) === caHash)
  return !isKnown || now >= lifeOf(certificate).to
}
