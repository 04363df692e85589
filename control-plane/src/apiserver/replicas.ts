/**
 * Keeps Service `default/kubernetes` pointing at the API servers that live: each holds a Lease that names its address, and each
 * publishes the addresses of all whose Lease is not run out. What somebody deletes comes back.
 */
import { type Client, type Clock, formatMicroTime, formatTime, isReason, type Lease, type Logger, leaseKind, NAMESPACES } from '@davit/api'

const RENEW_MS = 10_000
const LEASE_SECONDS = 30
const LABEL = 'davit.dev/apiserver'
const ADDRESS = 'davit.dev/apiserver-address'

export interface ReplicaOptions {
  readonly client: Client
  /** Different from all other replicas'. */
  readonly name: string
  readonly address: string
  /** What else its Lease is to say. */
  readonly annotations?: () => Readonly<Record<string, string>>
  /** Calls `listener` when `annotations` gives others than before; the Lease says so at once. */
  readonly onAnnotationsChange?: (listener: () => void) => void
  /** Makes what every cluster has, and publishes addresses; called every 10 s. */
  readonly publish: (addresses: readonly string[], signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Settles once `signal` aborted and this replica's Lease is gone. */
export async function keepReplicaPublished(options: ReplicaOptions): Promise<void> {
  const { clock, log, signal, publish, name } = options
  let wake = new AbortController()
  options.onAnnotationsChange?.(() => wake.abort())
  while (!signal.aborted) {
    wake = new AbortController()
    try {
      await renew(options)
      await publish(await liveAddresses(options), signal)
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'Cannot publish the address of this API server')
    }
    await clock.sleep(RENEW_MS * (0.9 + 0.2 * Math.random()), AbortSignal.any([signal, wake.signal])).catch(() => {})
  }
  const target = { name: leaseName(name), namespace: NAMESPACES.system }
  await options.client
    .resource(leaseKind)
    .delete(target)
    .catch(() => {})
}

async function renew({ client, name, address, annotations, clock, signal }: ReplicaOptions): Promise<void> {
  const leases = client.resource(leaseKind)
  const target = { name: leaseName(name), namespace: NAMESPACES.system }
  const now = clock.now()
  const renewed = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: formatMicroTime(now) }
  const metadata = { annotations: { ...annotations?.(), [ADDRESS]: address }, labels: { [LABEL]: 'true' } }
  try {
    await leases.patch(target, { type: 'merge', body: { metadata, spec: renewed } }, { signal })
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err
    const spec = { ...renewed, acquireTime: formatMicroTime(now) }
    await leases.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...target, ...metadata }, spec } as Lease, {
      signal,
    })
  }
}

/** Addresses of all replicas whose Lease holds, each once; a Lease long run out is removed. */
async function liveAddresses({ client, clock, address, signal }: ReplicaOptions): Promise<string[]> {
  const leases = client.resource(leaseKind)
  const { items } = await leases.list({ namespace: NAMESPACES.system, labelSelector: LABEL, signal })
  const now = clock.now()
  const addresses = new Set([address])
  for (const { metadata, spec } of items) {
    const silentMs = now - Date.parse(spec?.renewTime ?? formatTime(now))
    const found = metadata.annotations?.[ADDRESS]
    if (found && silentMs < LEASE_SECONDS * 1000) addresses.add(found)
    else if (silentMs > 10 * LEASE_SECONDS * 1000) {
      await leases.delete({ name: metadata.name ?? '', namespace: NAMESPACES.system }, { signal }).catch(() => {})
    }
  }
  return [...addresses].sort()
}

/** The Lease of a replica, for Events about it. */
export function replicaLease(name: string): Lease {
  const metadata = { name: leaseName(name), namespace: NAMESPACES.system }
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata } as Lease
}

function leaseName(name: string): string {
  const fit = name.toLowerCase().replace(/[^a-z0-9.-]/g, '-')
  return `apiserver-${fit.slice(0, 200)}`
}
