/** A registry without rules, in memory, for tests of what HTTP does: it stores what it is given. */

import { EventEmitter, on } from 'node:events'
import { alreadyExists, type Kind, type KubernetesObject, notFound, type Target } from '@davit/api'
import { KindRegistry } from '../../../kind-registry.ts'
import type { StorageEvent, Stored } from '../../../storage/index.ts'
import type { Registry, RequestContext } from '../../registry/index.ts'

export interface MemoryRegistry extends Registry {
  /** What every call was made with, newest last. */
  readonly contexts: RequestContext[]
  put(kind: Kind, object: object): Stored
  /** Makes the next call fail. */
  failNext(err: unknown): void
}

export function createMemoryRegistry(kinds: readonly Kind[]): MemoryRegistry {
  const objects = new Map<string, Stored>()
  const changes = new EventEmitter()
  changes.setMaxListeners(0)
  const contexts: RequestContext[] = []
  let revision = 100
  let failure: unknown
  const keyOf = (kind: Kind, { namespace, name }: Target) => `/${kind.plural}/${namespace ?? ''}/${name}`
  const see = (context: RequestContext) => {
    contexts.push(context)
    const err = failure
    failure = undefined
    if (err) throw err
  }
  const write = (kind: Kind, type: 'added' | 'modified' | 'deleted', raw: object): Stored => {
    revision++
    const { metadata = {}, ...rest } = raw as Partial<KubernetesObject>
    const object = { ...rest, metadata: { uid: 'u', ...metadata, resourceVersion: String(revision) } } as KubernetesObject
    const key = keyOf(kind, object.metadata as Target)
    const stored: Stored = { key, revision, object, bytes: Buffer.from(JSON.stringify(object)) }
    if (type === 'deleted') objects.delete(key)
    else objects.set(key, stored)
    changes.emit('change', kind, { type, stored } satisfies StorageEvent)
    return stored
  }
  const find = (kind: Kind, target: Target): Stored => {
    const stored = objects.get(keyOf(kind, target))
    if (!stored) throw notFound(kind, target.name)
    return stored
  }
  const all = (kind: Kind, namespace: string | undefined) =>
    [...objects.values()].filter(({ key }) => key.startsWith(`/${kind.plural}/${namespace === undefined ? '' : `${namespace}/`}`))

  return {
    kinds: new KindRegistry(kinds),
    contexts,
    put: (kind, object) => write(kind, 'added', object),
    failNext: err => {
      failure = err
    },
    get: async (context, kind, target) => {
      see(context)
      return find(kind, target)
    },
    list: async (context, kind, { namespace, limit }) => {
      see(context)
      const items = all(kind, namespace)
      return { items: items.slice(0, limit ?? items.length), revision }
    },
    watch: (context, kind, { namespace, sendInitialEvents }) => watch(context, kind, { namespace, sendInitialEvents }),
    create: async (context, kind, namespace, body) => {
      see(context)
      const object = body as KubernetesObject
      const metadata = { ...object.metadata, ...(namespace !== undefined && { namespace }) }
      if (objects.has(keyOf(kind, metadata as Target))) throw alreadyExists(kind, metadata.name ?? '')
      context.warnings?.push(`stored "${metadata.name}"`)
      return write(kind, 'added', { ...object, metadata })
    },
    update: async (context, kind, _target, body) => {
      see(context)
      return write(kind, 'modified', body as object)
    },
    patch: async (context, kind, target, patch) => {
      see(context)
      return write(kind, 'modified', { ...find(kind, target).object, patched: patch })
    },
    getScale: async (context, kind, target) => {
      see(context)
      return { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: find(kind, target).object.metadata }
    },
    delete: async (context, kind, target, request) => {
      see(context)
      const stored = find(kind, target)
      if (request.gracePeriodSeconds !== 0) return { object: stored, gone: false }
      return { object: write(kind, 'deleted', stored.object), gone: true }
    },
    deleteCollection: async (context, kind, { namespace }) => {
      see(context)
      return all(kind, namespace).map(({ object }) => write(kind, 'deleted', object))
    },
    connect: async context => see(context),
    post: async (context, _kind, target, subresource, body) => {
      see(context)
      return { kind: 'Status', apiVersion: 'v1', status: 'Success', target, subresource, body }
    },
  }

  async function* watch(
    context: RequestContext,
    kind: Kind,
    { namespace, sendInitialEvents }: { namespace: string | undefined; sendInitialEvents: boolean | undefined },
  ): AsyncGenerator<StorageEvent[], void, void> {
    see(context)
    const events = on(changes, 'change', context.signal ? { signal: context.signal } : {})
    yield all(kind, namespace).map(stored => ({ type: 'added' as const, stored }))
    if (sendInitialEvents) yield [{ type: 'bookmark', revision, initialEventsEnd: true }]
    try {
      for await (const [changed, event] of events) if (changed === kind) yield [event as StorageEvent]
    } catch (err) {
      if (!context.signal?.aborted) throw err
    }
  }
}
