/** Small makers for storage tests. */
import { randomUUID } from 'node:crypto'
import { type KubernetesObject, type Logger, systemClock } from '@davit/api'
import { createStorage, type EtcdStorage, type StorageOptions } from '../create-storage.ts'
import type { StorageEvent, Stored, StoredResource } from '../types.ts'

export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export const pods: StoredResource = {
  name: 'pods',
  prefix: '/registry/pods/',
  namespaced: true,
  encrypted: false,
  indexByNode: object => (object as KubernetesObject & { spec?: { nodeName?: string } }).spec?.nodeName,
}
export const services: StoredResource = { name: 'services', prefix: '/registry/services/specs/', namespaced: true, encrypted: false }
export const nodes: StoredResource = { name: 'nodes', prefix: '/registry/minions/', namespaced: false, encrypted: false }
export const secrets: StoredResource = { name: 'secrets', prefix: '/registry/secrets/', namespaced: true, encrypted: true }

export function podKey(name: string, namespace = 'default'): string {
  return `/registry/pods/${namespace}/${name}`
}

export function pod(
  name: string,
  options: { namespace?: string; nodeName?: string; labels?: Record<string, string> } = {},
): KubernetesObject {
  const { namespace = 'default', nodeName, labels } = options
  const metadata = { name, namespace, uid: randomUUID(), ...(labels && { labels }) }
  const spec = nodeName === undefined ? {} : { nodeName }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec } as KubernetesObject
}

/** Started on `url` with the resources above; closes when disposed of. */
export async function startStorage(url: string | string[], options: Partial<StorageOptions> = {}): Promise<EtcdStorage & AsyncDisposable> {
  const storage = createStorage({ etcd: { urls: [url].flat() }, log: silentLog, clock: systemClock, ...options })
  for (const resource of [pods, services, nodes, secrets]) storage.register(resource)
  await storage.start(AbortSignal.timeout(20_000))
  return Object.assign(storage, { [Symbol.asyncDispose]: () => storage.close() })
}

/** Commits that must succeed; gives the revision. */
export async function mustCommit(storage: EtcdStorage, ...args: Parameters<EtcdStorage['commit']>): Promise<number> {
  const result = await storage.commit(...args)
  if (!result.committed) throw new Error(`Not committed: ${JSON.stringify([...result.revisions])}`)
  return result.revision
}

export function createPod(storage: EtcdStorage, object: KubernetesObject): Promise<number> {
  const { name, namespace } = object.metadata
  return mustCommit(storage, [{ type: 'create', key: podKey(name as string, namespace), value: object }])
}

export function names(items: readonly Stored[]): string[] {
  return items.map(({ object }) => object.metadata.name ?? '')
}

/** `added a@5`, `bookmark@7`: events as text. */
export function describeEvent(event: StorageEvent): string {
  if (event.type === 'bookmark') return `bookmark@${event.revision}${event.initialEventsEnd ? ' end' : ''}`
  return `${event.type} ${event.stored.object.metadata.name}@${event.stored.object.metadata.resourceVersion}`
}

/** Takes events until `count` have come. */
export async function take(events: AsyncIterable<StorageEvent[]>, count: number): Promise<StorageEvent[]> {
  const taken: StorageEvent[] = []
  for await (const batch of events) {
    taken.push(...batch)
    if (taken.length >= count) return taken
  }
  return taken
}
