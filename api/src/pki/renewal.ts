/** When a certificate is renewed: always by the same rule, whoever holds it. */
import { X509Certificate } from 'node:crypto'
import { publicKeyHash } from '../public-key-hash.ts'
import { certificatesIn } from './authority.ts'
import { remembered } from './remembered.ts'

/** Of a certificate's life; the rest is time for things to go wrong in. */
const RENEW_WHEN_LEFT = 1 / 3
/** So many ask earlier, each by a share of its own: machines made together must not all renew together. */
const SPREAD = 1 / 10
const WARN_WHEN_LEFT = 1 / 10

/** When its life begins and ends, milliseconds since the epoch. */
export const lifeOf = remembered((certificate: string): { from: number; to: number } => {
  const { validFrom, validTo } = new X509Certificate(certificate)
  return { from: Date.parse(validFrom), to: Date.parse(validTo) }
})

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
