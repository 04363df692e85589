import { ApiError, forbidden, type Kind, type KubernetesObject, notFound } from '@davit/api'
import type { Guard, Storage, Stored } from '../../storage/types.ts'
import { keyOf, type Resources } from './resources.ts'

/**
 * The namespace a new object goes into, as a guard of the commit that creates it: it exists, and is not being emptied. Without
 * the guard an object could slip in behind the scan that found the namespace empty.
 */
export class NamespaceGuard {
  readonly #storage: Storage
  readonly #resources: Resources

  constructor(storage: Storage, resources: Resources) {
    this.#storage = storage
    this.#resources = resources
  }

  /** `fresh` after a commit failed: the cache may be behind. Throws NotFound, or Forbidden with cause NamespaceTerminating. */
  async check(
    kind: Kind,
    object: KubernetesObject,
    { fresh, signal }: { fresh: boolean; signal?: AbortSignal | undefined },
  ): Promise<Guard> {
    const name = object.metadata.namespace ?? ''
    const namespaces = this.#resources.kind('', 'namespaces')
    const key = keyOf(namespaces, { name })
    const resource = this.#resources.stored(namespaces)
    const options = signal ? { signal } : {}
    let stored: Stored | undefined
    if (!fresh) stored = await this.#storage.get(resource, key, { ...options, cached: true })
    if (!stored || stored.object.metadata.deletionTimestamp) stored = await this.#storage.get(resource, key, options)
    if (!stored) throw notFound(namespaces, name)
    if (stored.object.metadata.deletionTimestamp) throw terminating(kind, object.metadata.name ?? '', name)
    return { key, revision: stored.revision }
  }
}

function terminating(kind: Kind, name: string, namespace: string): ApiError {
  const { status } = forbidden(kind, name, `unable to create new content in namespace ${namespace} because it is being terminated`)
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }
  return new ApiError({ ...status, details: { ...status.details, causes: [cause] } })
}
