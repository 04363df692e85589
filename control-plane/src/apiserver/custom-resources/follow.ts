/**
 * Keeps the kinds that this replica serves what the cluster's definitions say, accepts their names and empties those that are
 * deleted. Every replica does all of it, as in Kubernetes: whoever writes first has written for all.
 */
import {
  CLEANUP_FINALIZER,
  type Client,
  type Clock,
  type CustomResourceDefinition,
  customResourceDefinitionKind,
  deadlineSignal,
  formatTime,
  type Informer,
  isEstablished,
  isReason,
  type Kind,
  type Logger,
  runController,
  startInformer,
  WorkQueue,
} from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { Storage } from '../../storage/types.ts'
import { planStatus, withCondition } from './plan-status.ts'
import { Served, storageKindOf } from './served.ts'

export interface FollowOptions {
  readonly client: Client
  readonly kinds: KindRegistry
  readonly storage: Pick<Storage, 'add' | 'remove'>
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface FollowedDefinitions {
  /** Resolves once everything that was established at the start is served. */
  readonly synced: Promise<void>
  /** Resolves once this replica serves the resource, if it is established anywhere; at the latest after 3 s. */
  awaitKind(group: string, plural: string): Promise<void>
  /** Settles once the signal has aborted. */
  readonly stopped: Promise<void>
}

const WAIT_MS_MAX = 3000
/** While objects of a deleted definition are left, how soon to look again, milliseconds. */
const AGAIN_MS = 300
const WORKERS = 4

/** Goes on until `signal` aborts. */
export function followDefinitions(options: FollowOptions): FollowedDefinitions {
  const { client, kinds, storage, clock, log, signal } = options
  const informer = startInformer<CustomResourceDefinition>(client, customResourceDefinitionKind, { clock, log, signal })
  const queue = new WorkQueue({ clock })
  const parts: Parts = { ...options, informer, served: new Served(kinds, storage) }
  informer.onChange(({ type, key, object }) => {
    queue.add(key)
    // Names that were given up may be what another waits for.
    for (const other of informer.cache.list()) {
      const isWaiting = other.spec.group === object.spec.group && !hasItsNames(other)
      if (other.metadata.name !== key && (type === 'deleted' || isWaiting)) queue.add(other.metadata.name ?? '')
    }
  })
  const serveAll = async () => {
    await informer.synced
    for (const definition of [...informer.cache.list()]) {
      // One that cannot be served now is tried again; it holds nobody up.
      await parts.served.serve(definition, signal).catch((err: unknown) => {
        if (!signal.aborted) log.warn({ key: definition.metadata.name, err }, 'Cannot serve a definition yet')
      })
    }
  }
  const synced = serveAll()
  const stopped = synced.then(
    () => runController(queue, name => reconcile(name, parts), { log, signal, workers: WORKERS }),
    () => {},
  )
  return {
    synced,
    stopped: stopped.catch(() => {}),
    awaitKind: (group, plural) => awaitKind(parts, group, plural),
  }
}

interface Parts extends FollowOptions {
  readonly informer: Informer<CustomResourceDefinition>
  readonly served: Served
}

async function reconcile(name: string, parts: Parts) {
  const { informer, served, kinds, client, clock, signal } = parts
  const definition = informer.cache.get(name)
  if (!definition) {
    served.forget(name)
    return
  }
  const now = formatTime(clock.now())
  const status = planStatus({ definition, all: informer.cache.list(), builtIn: kinds.builtIn, now })
  // Served before it is said to be: whoever reads that here finds it.
  await served.serve({ ...definition, status }, signal)
  if (status !== definition.status && !definition.metadata.deletionTimestamp) {
    const written = await update({ ...definition, status }, client, signal)
    const ends = deadlineSignal(WAIT_MS_MAX, signal)
    if (written) await informer.reached(written.metadata.resourceVersion ?? '', ends).catch(() => {})
  }
  if (definition.metadata.deletionTimestamp && definition.metadata.finalizers?.includes(CLEANUP_FINALIZER))
    return cleanUp(definition, parts)
}

/** Deletes the definition's objects, and lets it go once a fresh read finds none. */
async function cleanUp(definition: CustomResourceDefinition, { client, clock, signal }: Parts) {
  const kind = isEstablished(definition) ? storageKindOf(definition) : undefined
  if (kind && (await objectsLeft(kind, client, signal)) > 0) return { againAfterMs: AGAIN_MS }
  const condition = { type: 'Terminating', status: 'False' as const, reason: 'InstanceDeletionCompleted', message: 'removed all instances' }
  const conditions = withCondition(definition.status?.conditions ?? [], condition, formatTime(clock.now()))
  const written = await update({ ...definition, status: { ...definition.status, conditions } }, client, signal)
  if (!written) return
  const { name = '', uid = '', resourceVersion = '', finalizers = [] } = written.metadata
  const body = { metadata: { uid, resourceVersion, finalizers: finalizers.filter(finalizer => finalizer !== CLEANUP_FINALIZER) } }
  await client.resource(customResourceDefinitionKind).patch({ name }, { type: 'merge', body }, { signal })
}

async function objectsLeft(kind: Kind, client: Client, signal: AbortSignal): Promise<number> {
  const resource = client.resource(kind)
  const { items } = await resource.list({ signal })
  if (items.length === 0) return 0
  await resource.deleteCollection({ signal }, { propagationPolicy: 'Background', signal })
  return (await resource.list({ signal })).items.length
}

/** Undefined when it is gone, which is as good. */
async function update(definition: CustomResourceDefinition, client: Client, signal: AbortSignal) {
  try {
    return await client.resource(customResourceDefinitionKind).update(definition, { subresource: 'status', signal })
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    return undefined
  }
}

function hasItsNames({ status }: CustomResourceDefinition): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'NamesAccepted' && status === 'True') ?? false
}

async function awaitKind({ client, kinds, signal }: Parts, group: string, plural: string): Promise<void> {
  // Groups of users are domains; for others nothing is asked.
  if (!group.includes('.') || kinds.builtIn.some(kind => kind.group === group)) return
  const name = `${plural}.${group}`
  if (kinds.hasDefinition(name)) return
  const ends = deadlineSignal(WAIT_MS_MAX, signal)
  try {
    const definition = await client.resource(customResourceDefinitionKind).get({ name }, { signal: ends })
    if (!isEstablished(definition) || definition.metadata.deletionTimestamp) return
    await defined(kinds, name, ends)
  } catch (error) {
    if (!isReason(error, 'NotFound') && !ends.aborted) throw error
  }
}

function defined(kinds: KindRegistry, name: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const check = () => {
      if (!kinds.hasDefinition(name) && !signal.aborted) return
      stop()
      signal.removeEventListener('abort', check)
      resolve()
    }
    const stop = kinds.onChange(check)
    signal.addEventListener('abort', check, { once: true })
    check()
  })
}
