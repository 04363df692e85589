/**
 * Who serves the API: each replica holds a Lease that names its address, port and version, and takes away the Leases of those that renew
 * theirs no more. So the Leases there are name the replicas that live, and each replica keeps Service `default/kubernetes` pointing at
 * them. What somebody deletes comes back.
 */
import {
  type Client,
  type Clock,
  DAVIT_VERSION,
  deadlineSignal,
  formatMicroTime,
  isReason,
  type Lease,
  type ListOptions,
  type Logger,
  leaseKind,
  NAMESPACES,
} from '@davit/api'

const RENEW_MS = 4000
/** A Lease that stayed as it was in so many looks of ours, each after a renewal of our own, is a dead replica's. */
const UNCHANGED_MAX = 3
const LEASE_SECONDS = 15
const LEAVE_MS_MAX = 3000
const LABEL = 'davit.dev/apiserver'
const ADDRESS = 'davit.dev/apiserver-address'
const PORT = 'davit.dev/apiserver-port'
const VERSION = 'davit.dev/apiserver-version'

/** Where an API server is reached. */
export interface Replica {
  readonly name: string
  readonly address: string
  readonly port: number
}

export interface ReplicaOptions extends Replica {
  readonly client: Client
  /** What else its Lease is to say. */
  readonly annotations?: () => Readonly<Record<string, string>>
  /** Calls `listener` when `annotations` gives others than before; the Lease says so at once. */
  readonly onAnnotationsChange?: (listener: () => void) => void
  /** Makes what every cluster has, and publishes these; called every few seconds, and without this replica when it stops. */
  readonly publish: (replicas: readonly Replica[], signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Settles once `signal` aborted and this replica's Lease is gone. */
export async function keepReplicaPublished(options: ReplicaOptions): Promise<void> {
  const { clock, log, signal, publish, name } = options
  const watch = new LeaseWatch()
  let wake = new AbortController()
  options.onAnnotationsChange?.(() => wake.abort())
  while (!signal.aborted) {
    wake = new AbortController()
    try {
      await renew(options)
      await publish(await liveReplicas(options, watch), signal)
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'Cannot publish the address of this API server')
    }
    await clock.sleep(RENEW_MS * (0.9 + 0.2 * Math.random()), AbortSignal.any([signal, wake.signal])).catch(() => {})
  }
  await leave(options).catch(err => log.warn({ err, name }, 'Cannot take back the address of this API server; its peers will'))
}

async function leave({ client, name, publish }: ReplicaOptions): Promise<void> {
  const signal = deadlineSignal(LEAVE_MS_MAX)
  await client.resource(leaseKind).delete({ name: leaseName(name), namespace: NAMESPACES.system }, { signal })
  await publish((await leasesOf(client, { signal })).flatMap(replicaOf), signal)
}

async function renew({ client, name, address, port, annotations, clock, signal }: ReplicaOptions): Promise<void> {
  const leases = client.resource(leaseKind)
  const target = { name: leaseName(name), namespace: NAMESPACES.system }
  const now = clock.now()
  const renewed = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: formatMicroTime(now) }
  const own = { [ADDRESS]: address, [PORT]: String(port), [VERSION]: DAVIT_VERSION }
  const metadata = { annotations: { ...annotations?.(), ...own }, labels: { [LABEL]: 'true' } }
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

/** All replicas that live; the Leases of others are removed. */
async function liveReplicas({ client, name, log, signal }: ReplicaOptions, watch: LeaseWatch): Promise<Replica[]> {
  const leases = await leasesOf(client, { signal })
  const dead = watch.look(leases)
  await Promise.all(
    dead.map(async ({ metadata }) => {
      const { name: lease = '', resourceVersion = '' } = metadata
      log.warn({ lease, by: name }, 'An API server renews its Lease no more; taking it out')
      // One that wakes and renews at this moment stays.
      const target = { name: lease, namespace: NAMESPACES.system }
      const options = { preconditions: { resourceVersion }, signal }
      await client
        .resource(leaseKind)
        .delete(target, options)
        .catch(() => {})
    }),
  )
  return leases.filter(lease => !dead.includes(lease)).flatMap(replicaOf)
}

/** Which Leases are renewed no more. Clocks of other machines say nothing, nor does time in which we could not renew ours. */
class LeaseWatch {
  #seen = new Map<string, { version: string; looks: number }>()

  /** To be called after each renewal of our own; gives the Leases of the dead. */
  look(leases: readonly Lease[]): Lease[] {
    const before = this.#seen
    this.#seen = new Map()
    return leases.filter(({ metadata: { name = '', resourceVersion: version = '' } }) => {
      const last = before.get(name)
      const looks = last?.version === version ? last.looks + 1 : 0
      this.#seen.set(name, { version, looks })
      return looks >= UNCHANGED_MAX
    })
  }
}

/** The other replicas as the cache has them, whether etcd answers or not. */
export async function peersOf(client: Client, name: string): Promise<Replica[]> {
  const replicas = (await leasesOf(client, { resourceVersion: '0' })).flatMap(replicaOf)
  return replicas.filter(replica => replica.name !== name)
}

async function leasesOf(client: Client, options: Pick<ListOptions, 'resourceVersion' | 'signal'>): Promise<Lease[]> {
  const { items } = await client.resource(leaseKind).list({ namespace: NAMESPACES.system, labelSelector: LABEL, ...options })
  return items
}

/** Nothing for a Lease that does not say where its holder is. */
function replicaOf({ metadata, spec }: Lease): Replica[] {
  const address = metadata.annotations?.[ADDRESS]
  const port = Number(metadata.annotations?.[PORT])
  return address && port > 0 ? [{ name: spec?.holderIdentity ?? '', address, port }] : []
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
