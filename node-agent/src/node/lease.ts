import {
  type Client,
  type Clock,
  deadlineSignal,
  formatMicroTime,
  isReason,
  type Logger,
  leaseKind,
  NAMESPACES,
  type Node,
} from '@davit/api'

const RENEW_MS = 10_000
const RETRY_MS = 1_000
const CALL_MS_MAX = 5_000
const LEASE_SECONDS = 40

export interface LeaseOptions {
  client: Client
  nodeName: string
  /** Owner of the Lease, once it is known: there is none before. */
  node: () => Node | undefined
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface NodeLease {
  /** Renews at once, as when a tunnel was lost and the control plane begins to doubt. */
  renewNow(): void
  readonly stopped: Promise<void>
}

/** Says every 10 s that this node lives. */
export function keepLease({ client, nodeName, node, clock, log, signal }: LeaseOptions): NodeLease {
  let wake = new AbortController()
  const leases = client.resource(leaseKind)
  const target = { name: nodeName, namespace: NAMESPACES.nodeLease }

  const renew = async () => {
    const deadline = deadlineSignal(CALL_MS_MAX, signal)
    const owner = node()
    const owners = owner && { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: owner.metadata.uid ?? '' }] }
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime: formatMicroTime(clock.now()) }
    try {
      await leases.patch(target, { type: 'merge', body: { ...(owners && { metadata: owners }), spec } }, { signal: deadline })
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err
      // Without its Node as owner it would be left behind when that is deleted.
      if (!owners) return
      await leases.create(
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...target, ...owners }, spec },
        { signal: deadline },
      )
    }
  }

  const run = async () => {
    let failed = false
    while (!signal.aborted) {
      wake = new AbortController()
      let delayMs = RENEW_MS
      try {
        await renew()
        if (failed) log.info({}, 'The lease is renewed again')
        failed = false
      } catch (err) {
        if (signal.aborted) return
        if (!failed) log.warn({ err }, 'Cannot renew the lease')
        failed = true
        delayMs = RETRY_MS
      }
      await clock.sleep(delayMs, AbortSignal.any([signal, wake.signal])).catch(() => {})
    }
  }
  return { renewNow: () => wake.abort(), stopped: run() }
}
