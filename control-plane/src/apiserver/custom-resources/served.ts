/** Which definitions' resources this replica serves. */
import { type CustomResourceDefinition, customKindsOf, isEstablished, type Kind } from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { Storage, StoredResource } from '../../storage/types.ts'
import { storedResourceOf } from '../registry/index.ts'

interface Entry {
  readonly resource: StoredResource
  /** What the kinds were made of. */
  readonly made: string
}

export class Served {
  readonly #kinds: KindRegistry
  readonly #storage: Pick<Storage, 'add' | 'remove'>
  readonly #entries = new Map<string, Entry>()

  constructor(kinds: KindRegistry, storage: Pick<Storage, 'add' | 'remove'>) {
    this.#kinds = kinds
    this.#storage = storage
  }

  /** Serves what the definition says, once its objects can be read; nothing as long as it is not established. */
  async serve(definition: CustomResourceDefinition, signal: AbortSignal): Promise<void> {
    const { name = '', uid, deletionTimestamp } = definition.metadata
    const { spec, status } = definition
    if (!isEstablished(definition)) return
    const made = JSON.stringify([uid, deletionTimestamp !== undefined, spec, status?.acceptedNames])
    const known = this.#entries.get(name)
    if (known?.made === made) return
    const kind = storageKindOf(definition)
    if (!kind) return
    const resource = known?.resource.namespaced === kind.namespaced ? known.resource : storedResourceOf(kind)
    if (known && known.resource !== resource) this.#storage.remove(known.resource)
    await this.#storage.add(resource, signal)
    this.#entries.set(name, { resource, made })
    this.#kinds.define(name, customKindsOf(definition))
  }

  /** Serves the definition's resources no more. */
  forget(name: string): void {
    this.#kinds.undefine(name)
    const entry = this.#entries.get(name)
    if (entry) this.#storage.remove(entry.resource)
    this.#entries.delete(name)
  }
}

/** The kind in which a definition's objects are stored, whether that version is served or not. */
export function storageKindOf(definition: CustomResourceDefinition): Kind | undefined {
  const versions = definition.spec.versions.filter(({ storage }) => storage).map(version => ({ ...version, served: true }))
  return customKindsOf({ ...definition, spec: { ...definition.spec, versions } })[0]
}
