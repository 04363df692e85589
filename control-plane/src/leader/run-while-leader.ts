import { type Client, type Clock, deadlineSignal, formatMicroTime, isReason, type Lease, type Logger, leaseKind } from '@davit/api'

export interface LeaderOptions {
  client: Client
  /** Name of the Lease in kube-system. */
  name: string
  /** The replica's name, `_`, and what is unlike for each start: tells this process from every other that may lead. */
  identity: string
  /**
   * This process alone has the etcd in which the Lease is. What its name holds is its dead predecessor's, which need not be waited for;
   * and nobody leads better while it is down, so that the Lease need be renewed so seldom that a cluster at rest is at rest.
   */
  isAlone?: boolean
  clock: Clock
  log: Logger
  signal: AbortSignal
}

const LEASE_MS = 3_200
const RENEW_MS = 1_000
/** Of who is alone. */
const LONG_LEASE_MS = 30_000
const LONG_RENEW_MS = 10_000
/** After a renewal that failed: etcd may have another leader by then. */
const RETRY_MS = 250
/** How often a candidate looks. With the Lease's duration this is how long nobody leads after a leader died. */
const LOOK_MS = 400
/** Leadership ends by our own clock so long before the Lease does, so that two never lead at once. */
const MARGIN_MS = 500
const NAMESPACE = 'kube-system'

/**
 * Runs `run` whenever this process holds the Lease, with a signal that aborts when leadership ends; waits for `run` to settle
 * before it stands for leader again. Settles when `signal` aborts, having released the Lease.
 */
export async function runWhileLeader(options: LeaderOptions, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { clock, log, signal, name } = options
  const candidate = new Candidate(options)
  while (!signal.aborted) {
    const until = await candidate.tryHold().catch(err => {
      if (!signal.aborted) log.warn({ lease: name, err }, 'Cannot stand for leader')
      return undefined
    })
    if (until !== undefined) await lead(candidate, until, options, run)
    await clock.sleep(LOOK_MS * (0.8 + 0.4 * Math.random()), signal).catch(() => {})
  }
}

/** One term: from winning the Lease to losing or releasing it. */
async function lead(candidate: Candidate, firstUntil: number, options: LeaderOptions, run: (signal: AbortSignal) => Promise<void>) {
  const { clock, log, signal, name, identity, isAlone } = options
  const renewMs = isAlone ? LONG_RENEW_MS : RENEW_MS
  log.info({ lease: name, identity }, 'Leading')
  const term = new AbortController()
  const termSignal = AbortSignal.any([signal, term.signal])
  const work = run(termSignal)
    .catch(err => {
      if (!termSignal.aborted) log.error({ lease: name, err }, 'Work of the leader failed')
    })
    .finally(() => term.abort())
  let until = firstUntil
  for (let waitMs = renewMs; !termSignal.aborted; ) {
    await clock.sleep(waitMs, termSignal).catch(() => {})
    if (termSignal.aborted) break
    // A renewal that hangs must not outlast the term.
    const left = until - clock.monotonic()
    const renewed =
      left > 0 ? await candidate.tryHold(deadlineSignal(Math.ceil(left), termSignal)).catch(() => 'failed' as const) : 'failed'
    if (renewed !== 'failed') until = renewed ?? 0
    waitMs = renewed === 'failed' ? RETRY_MS : renewMs
    if (clock.monotonic() >= until) {
      log.warn({ lease: name, identity }, 'Lost the leadership: the Lease was not renewed in time')
      term.abort()
    }
  }
  await work
  if (clock.monotonic() < until)
    await candidate.release().catch(err => log.warn({ lease: name, err }, 'Cannot release the Lease; others take over when it runs out'))
}

/** What one process knows of the Lease and does to it. */
class Candidate {
  readonly #options: LeaderOptions
  /** The Lease as last seen to change, and when that was by our own clock: other machines' clocks are not compared with ours. */
  #seen: { version: string; at: number } | undefined

  constructor(options: LeaderOptions) {
    this.#options = options
  }

  /** Takes or renews the Lease; gives the monotonic time until which we lead, or undefined when another holds it. */
  async tryHold(signal: AbortSignal = this.#options.signal): Promise<number | undefined> {
    const { client, name, clock } = this.#options
    const leases = client.resource(leaseKind)
    const began = clock.monotonic()
    const found = await leases.get({ name, namespace: NAMESPACE }, { signal }).catch(error => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
    if (found && !this.#mayTake(found)) return undefined
    const spec = this.#specAfter(found)
    try {
      if (found) await leases.update({ ...found, spec }, { signal })
      else
        await leases.create(
          { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: NAMESPACE }, spec },
          { signal },
        )
    } catch (error) {
      if (isReason(error, 'Conflict') || isReason(error, 'AlreadyExists')) return undefined
      throw error
    }
    return began + this.#leaseMs - MARGIN_MS
  }

  get #leaseMs(): number {
    return this.#options.isAlone ? LONG_LEASE_MS : LEASE_MS
  }

  #mayTake(lease: Lease): boolean {
    const { identity, clock, isAlone } = this.#options
    const holder = lease.spec?.holderIdentity
    if (!holder || holder === identity || (isAlone && nameOf(holder) === nameOf(identity))) return true
    const version = lease.metadata.resourceVersion ?? ''
    if (this.#seen?.version !== version) this.#seen = { version, at: clock.monotonic() }
    const isLong = lease.spec?.leaseDurationSeconds === LONG_LEASE_MS / 1000
    return clock.monotonic() - this.#seen.at > (isLong ? LONG_LEASE_MS : LEASE_MS)
  }

  #specAfter(found: Lease | undefined): NonNullable<Lease['spec']> {
    const { identity, clock } = this.#options
    const now = formatMicroTime(clock.now())
    const isOurs = found?.spec?.holderIdentity === identity
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
      acquireTime: (isOurs && found?.spec?.acquireTime) || now,
      renewTime: now,
      leaseTransitions: (found?.spec?.leaseTransitions ?? 0) + (found && !isOurs ? 1 : 0),
    }
  }

  /** Gives the Lease up at once, so that the next leader need not wait for it to run out. */
  async release(): Promise<void> {
    const { client, name, identity } = this.#options
    const leases = client.resource(leaseKind)
    const signal = AbortSignal.timeout(2_000)
    const found = await leases.get({ name, namespace: NAMESPACE }, { signal })
    if (found.spec?.holderIdentity !== identity) return
    await leases.update({ ...found, spec: { ...found.spec, holderIdentity: '' } }, { signal })
  }
}

/** The replica's name in an identity. */
function nameOf(identity: string): string {
  return identity.slice(0, identity.lastIndexOf('_'))
}
