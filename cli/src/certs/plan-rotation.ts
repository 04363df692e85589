/**
 * How one CA takes another's place while everything runs. What has been reached is read from the cluster itself, so whoever asks again
 * goes on where it stands: the Secret's CAs say which phase it is (the new one second: it is only trusted; first: it signs), and what
 * API servers and nodes say of themselves whether all have come along.
 */
import { lifeOf, publicKeyHash } from '@davit/api'
import type { ClusterCertificates, Holder } from './observe.ts'

export type Phase = 'trust' | 'sign' | 'remove'

export type Step =
  /** A new CA is to be made and trusted. */
  | { do: 'add' }
  | { do: 'wait'; phase: Phase; blocking: readonly Holder[] }
  /** The new CA is to sign. */
  | { do: 'switch' }
  /** The old CA is to go. */
  | { do: 'remove' }
  | { do: 'nothing' }

/** The phase that was entered last; undefined when no change is under way. */
export function phaseOf({ certificates }: Pick<ClusterCertificates, 'certificates'>): 'trust' | 'sign' | undefined {
  const [first, ...others] = certificates
  if (!first || others.length === 0) return undefined
  const isNewest = others.every(other => lifeOf(other).from <= lifeOf(first).from)
  return isNewest ? 'sign' : 'trust'
}

/** Who has not come along with the CAs as they are now. Those that are away count too: they could not come back later. */
export function laggards({ certificates, holders }: Pick<ClusterCertificates, 'certificates' | 'holders'>): Holder[] {
  const hashes = certificates.map(certificate => publicKeyHash(certificate))
  const hasCome = ({ trusted, issuer }: Holder) =>
    trusted.length === hashes.length && hashes.every(hash => trusted.includes(hash)) && issuer === hashes[0]
  // An API server that is away takes the CAs from etcd before it serves again.
  return holders.filter(holder => !hasCome(holder) && (holder.isReachable || holder.kind === 'node'))
}

/** Nodes that nobody lets in any more, and that let in nobody: their certificate has ended, or they know no CA that there is. */
export function lostNodes({ certificates, holders }: Pick<ClusterCertificates, 'certificates' | 'holders'>, now: number): Holder[] {
  const hashes = certificates.map(certificate => publicKeyHash(certificate))
  return holders.filter(({ kind, trusted, certificates: [own] }) => {
    if (kind !== 'node' || own === undefined) return false
    return Date.parse(own.expires) <= now || !trusted.some(hash => hashes.includes(hash))
  })
}

/** What is next. `isBegun`: this change was begun before, so that one CA alone is its end. `force`: wait for nobody who is away. */
export function planRotation(observed: ClusterCertificates, { isBegun, force }: { isBegun: boolean; force: boolean }): Step {
  const phase = phaseOf(observed)
  if (!phase && !isBegun) return { do: 'add' }
  const blocking = laggards(observed).filter(({ isReachable }) => isReachable || !force)
  if (blocking.length > 0) return { do: 'wait', phase: phase ?? 'remove', blocking }
  if (!phase) return { do: 'nothing' }
  return phase === 'trust' ? { do: 'switch' } : { do: 'remove' }
}
