/** The ConfigMaps and Secrets that this node's pods name. */
import {
  type Client,
  type Clock,
  type ConfigMap,
  configMapKind,
  deadlineSignal,
  isReason,
  type Kind,
  type KubernetesObject,
  type Secret,
  secretKind,
} from '@davit/api'

/** Undefined when the object does not exist; rejects when the API cannot be asked and nothing is remembered. */
export interface ObjectSource {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
}

/** So many containers that start together share one answer. */
const FRESH_MS = 1_000
const ENTRIES_MAX = 2_000

/**
 * Asks the API for each object by name, as the node authorizer allows it. Answers are shared for a second, and the last one stands in
 * while the API is away. Only in memory: no Secret reaches a disk.
 */
export function createObjectSource(client: Client, { clock, signal }: { clock: Clock; signal: AbortSignal }): ObjectSource {
  const remembered = new Map<string, { at: number; object: KubernetesObject | undefined }>()
  const asking = new Map<string, Promise<KubernetesObject | undefined>>()

  const ask = async <T extends KubernetesObject>(kind: Kind<T>, namespace: string, name: string): Promise<T | undefined> => {
    const key = `${kind.plural}/${namespace}/${name}`
    const known = remembered.get(key)
    if (known && clock.monotonic() - known.at < FRESH_MS) return known.object as T | undefined
    const running = asking.get(key)
    if (running) return running as Promise<T | undefined>
    const answer = (async () => {
      try {
        const object = await client.resource(kind).get({ namespace, name }, { signal: deadlineSignal(10_000, signal) })
        remember(key, object)
        return object
      } catch (err) {
        if (isReason(err, 'NotFound')) {
          remember(key, undefined)
          return undefined
        }
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
  const remember = (key: string, object: KubernetesObject | undefined) => {
    remembered.delete(key)
    remembered.set(key, { at: clock.monotonic(), object })
    const oldest = remembered.keys().next()
    if (remembered.size > ENTRIES_MAX && !oldest.done) remembered.delete(oldest.value)
  }

  return {
    configMap: (namespace, name) => ask(configMapKind, namespace, name),
    secret: (namespace, name) => ask(secretKind, namespace, name),
  }
}
