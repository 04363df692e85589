/** An API server in memory for this room's tests: enough of get, list, watch, patch and delete for pods and what they name. */
import {
  alreadyExists,
  type Client,
  conflict,
  type DeleteOptions,
  type Kind,
  type KubernetesObject,
  type ListOptions,
  notFound,
  type ResourceClient,
  type WatchEvent,
  type WatchOptions,
} from '@davit/api'

type Stored = KubernetesObject & { status?: Record<string, unknown> }

export class TestApi implements Client {
  readonly #objects = new Map<string, Stored>()
  readonly #watchers = new Set<(plural: string, event: WatchEvent<Stored>) => void>()
  #revision = 1
  /** While set every call fails with it. */
  away: Error | undefined
  /** What a POST to a subresource gets for an answer. */
  answerPost: (target: { name: string; namespace?: string }, subresource: string, sent: object) => unknown = () => ({})
  /** Status writes seen, newest last. */
  readonly statusWrites: Stored[] = []

  resource<T extends KubernetesObject>(kind: Kind<T>): ResourceClient<T> {
    const key = ({ namespace = '', name }: { namespace?: string; name: string }) => `${kind.plural}/${namespace}/${name}`
    const here = () => {
      if (this.away) throw this.away
    }
    const find = (target: { namespace?: string; name: string }) => {
      here()
      const found = this.#objects.get(key(target))
      if (!found) throw notFound(kind, target.name)
      return found
    }
    const client: ResourceClient<Stored> = {
      get: async target => find(target),
      list: async (_options?: ListOptions) => {
        here()
        const items = [...this.#objects].filter(([at]) => at.startsWith(`${kind.plural}/`)).map(([, object]) => object)
        return { apiVersion: 'v1', kind: `${kind.kind}List`, metadata: { resourceVersion: String(this.#revision) }, items }
      },
      watch: options => this.#watch(kind.plural, options),
      create: async object => {
        here()
        const { name = '', namespace } = object.metadata
        const at = key({ name, ...(namespace && { namespace }) })
        if (this.#objects.has(at)) throw alreadyExists(kind, name)
        const metadata = { uid: crypto.randomUUID(), creationTimestamp: new Date().toISOString(), ...object.metadata }
        return this.#put(kind.plural, at, { ...object, metadata }, 'ADDED')
      },
      update: async object => {
        const { name = '', namespace } = object.metadata
        const target = { name, ...(namespace && { namespace }) }
        return this.#put(kind.plural, key(target), { ...find(target), ...object }, 'MODIFIED')
      },
      patch: async (target, patch, options) => {
        const found = structuredClone(find(target))
        const body = 'body' in patch ? (patch.body as Partial<Stored>) : {}
        if (body.metadata?.uid && body.metadata.uid !== found.metadata.uid) throw conflict(kind, target.name)
        if (options?.subresource === 'status') found.status = mergedStatus(found.status ?? {}, body.status ?? {})
        else Object.assign(found, { ...body, metadata: { ...found.metadata, ...body.metadata } })
        const stored = this.#put(kind.plural, key(target), found, 'MODIFIED')
        if (options?.subresource === 'status') this.statusWrites.push(stored)
        return stored
      },
      delete: async (target, options = {}) => this.#delete(kind.plural, key(target), find(target), options),
      deleteCollection: async () => {},
      post: async (target, subresource, sent) => {
        here()
        return this.answerPost(target, subresource, sent)
      },
    }
    return client as unknown as ResourceClient<T>
  }

  #put(plural: string, at: string, object: Stored, type: 'ADDED' | 'MODIFIED'): Stored {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } }
    this.#objects.set(at, stored)
    this.#tell(plural, { type, object: stored })
    return stored
  }

  /** Pods with a grace are marked first, as the API does. */
  #delete(plural: string, at: string, found: Stored, { gracePeriodSeconds, preconditions }: DeleteOptions): void {
    if (preconditions?.uid && preconditions.uid !== found.metadata.uid) throw conflict({ group: '', plural }, found.metadata.name ?? '')
    const grace =
      gracePeriodSeconds ?? (found as { spec?: { terminationGracePeriodSeconds?: number } }).spec?.terminationGracePeriodSeconds ?? 30
    if (plural === 'pods' && grace > 0) {
      const deletionTimestamp = found.metadata.deletionTimestamp ?? new Date(Date.now() + grace * 1000).toISOString()
      this.#put(plural, at, { ...found, metadata: { ...found.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace } }, 'MODIFIED')
      return
    }
    this.#objects.delete(at)
    this.#tell(plural, {
      type: 'DELETED',
      object: { ...found, metadata: { ...found.metadata, resourceVersion: String(++this.#revision) } },
    })
  }

  #tell(plural: string, event: WatchEvent<Stored>): void {
    for (const watcher of this.#watchers) watcher(plural, event)
  }

  async *#watch(plural: string, { signal }: WatchOptions = {}): AsyncGenerator<WatchEvent<Stored>> {
    if (this.away) throw this.away
    const pending: WatchEvent<Stored>[] = []
    let arrived = () => {}
    const watcher = (of: string, event: WatchEvent<Stored>) => {
      if (of !== plural) return
      pending.push(event)
      arrived()
    }
    this.#watchers.add(watcher)
    const stop = () => arrived()
    signal?.addEventListener('abort', stop)
    try {
      while (!signal?.aborted) {
        const event = pending.shift()
        if (event) yield event
        else await new Promise<void>(resolve => (arrived = resolve))
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      this.#watchers.delete(watcher)
    }
  }
}

function mergedStatus(status: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...status, ...patch }
  const conditions = new Map(((status.conditions ?? []) as { type: string }[]).map(condition => [condition.type, condition]))
  for (const condition of (patch.conditions ?? []) as { type: string; $patch?: string }[]) {
    if (condition.$patch === 'delete') conditions.delete(condition.type)
    else conditions.set(condition.type, { ...conditions.get(condition.type), ...condition })
  }
  merged.conditions = [...conditions.values()].map(withoutNulls)
  for (const name of ['podIPs', 'hostIPs']) {
    const list = merged[name]
    if (Array.isArray(list)) merged[name] = list.filter(entry => !('$patch' in entry))
  }
  return withoutNulls(merged)
}

function withoutNulls<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null)) as T
}
