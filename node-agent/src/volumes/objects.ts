/** The ConfigMaps, Secrets, claims and volumes that this node's pods name. */
import {
  type Client,
  type Clock,
  type ConfigMap,
  configMapKind,
  deadlineSignal,
  isNewer,
  isReason,
  type Kind,
  type KubernetesObject,
  type Logger,
  type PersistentVolume,
  type PersistentVolumeClaim,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  type Secret,
  secretKind,
  startInformer,
} from '@davit/api'

/** Undefined when the object does not exist; rejects when the API cannot be asked and nothing is remembered. */
export interface ObjectSource {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim | undefined>
  persistentVolume(name: string): Promise<PersistentVolume | undefined>
}

export interface ObjectReference {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string
  readonly name: string
}

export interface WatchedObjects extends ObjectSource {
  /** Watches these objects for `owner`, and no others any more; each is watched once, however many name it. */
  hold(owner: string, references: readonly ObjectReference[]): void
  /** Calls `handler` with the owners of an object that was made, changed or deleted. */
  onChange(handler: (owners: readonly string[]) => void): () => void
}

/** So many containers that start together share one answer. */
const FRESH_MS = 1_000
const ENTRIES_MAX = 2_000
/** The API's own bound on what goes on at once over a connection is 1000. */
const WATCHES_MAX = 400

interface Held {
  readonly owners: Set<string>
  readonly stop: AbortController
}

/**
 * Asks the API for each object by name, as the node authorizer allows it. Answers are shared for a second, and the last one stands in
 * while the API is away. Only in memory: no Secret reaches a disk. What is held is watched as well, and a change is remembered at once.
 */
export function createObjectSource(
  client: Client,
  { clock, signal, log = SILENT }: { clock: Clock; signal: AbortSignal; log?: Logger },
): WatchedObjects {
  const remembered = new Map<string, { at: number; object: KubernetesObject | undefined }>()
  const asking = new Map<string, Promise<KubernetesObject | undefined>>()
  const held = new Map<string, Held>()
  const handlers = new Set<(owners: readonly string[]) => void>()

  const ask = async <T extends KubernetesObject>(kind: Kind<T>, namespace: string, name: string): Promise<T | undefined> => {
    const key = `${kind.plural}/${namespace}/${name}`
    const known = remembered.get(key)
    if (known && clock.monotonic() - known.at < FRESH_MS) return known.object as T | undefined
    const running = asking.get(key)
    if (running) return running as Promise<T | undefined>
    const answer = (async () => {
      const target = namespace ? { namespace, name } : { name }
      try {
        const object = await client.resource(kind).get(target, { signal: deadlineSignal(10_000, signal) })
        return settle(key, known, object) as T | undefined
      } catch (err) {
        if (isReason(err, 'NotFound')) return settle(key, known, undefined) as T | undefined
        // Refused is an answer; away is not.
        if (known?.object && !isReason(err, 'Forbidden')) return known.object as T
        throw err
      } finally {
        asking.delete(key)
      }
    })()
    asking.set(key, answer)
    return answer
  }
  /** What an answer means by now: a watch may have told of a later state while it was on its way. */
  const settle = (key: string, known: unknown, answer: KubernetesObject | undefined): KubernetesObject | undefined => {
    const now = remembered.get(key)
    const isLater = answer && now?.object && isNewer(answer.metadata.resourceVersion ?? '', now.object.metadata.resourceVersion ?? '')
    if (now && now !== known && !isLater) return now.object
    remember(key, answer)
    return answer
  }
  const remember = (key: string, object: KubernetesObject | undefined) => {
    remembered.delete(key)
    remembered.set(key, { at: clock.monotonic(), object })
    const oldest = remembered.keys().next()
    if (remembered.size > ENTRIES_MAX && !oldest.done) remembered.delete(oldest.value)
  }

  const watch = <T extends KubernetesObject>(kind: Kind<T>, { namespace, name }: ObjectReference, { owners, stop }: Held) => {
    const informer = startInformer(client, kind, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal: AbortSignal.any([signal, stop.signal]),
      clock,
      log,
    })
    informer.onChange(({ type, object }) => {
      if (object.metadata.name !== name || stop.signal.aborted) return
      const key = `${kind.plural}/${namespace}/${name}`
      const known = remembered.get(key)?.object
      // Somebody may have asked meanwhile, and been told more than this watch has heard.
      const isOld = known && isNewer(known.metadata.resourceVersion ?? '', object.metadata.resourceVersion ?? '')
      if (!isOld) remember(key, type === 'deleted' ? undefined : object)
      for (const handler of handlers) handler([...owners])
    })
  }

  return {
    configMap: (namespace, name) => ask(configMapKind, namespace, name),
    secret: (namespace, name) => ask(secretKind, namespace, name),
    claim: (namespace, name) => ask(persistentVolumeClaimKind, namespace, name),
    persistentVolume: name => ask(persistentVolumeKind, '', name),

    hold(owner, references) {
      const wanted = new Map(references.map(reference => [`${reference.kind}/${reference.namespace}/${reference.name}`, reference]))
      for (const [key, { owners, stop }] of held) {
        if (wanted.has(key) || !owners.delete(owner) || owners.size > 0) continue
        stop.abort(new Error('No pod names it any more'))
        held.delete(key)
      }
      for (const [key, reference] of wanted) {
        const known = held.get(key)
        if (known) known.owners.add(owner)
        else if (held.size < WATCHES_MAX) {
          const fresh: Held = { owners: new Set([owner]), stop: new AbortController() }
          held.set(key, fresh)
          if (reference.kind === 'ConfigMap') watch(configMapKind, reference, fresh)
          else watch(secretKind, reference, fresh)
        }
      }
    },

    onChange(handler) {
      handlers.add(handler)
      return () => handlers.delete(handler)
    },
  }
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }
