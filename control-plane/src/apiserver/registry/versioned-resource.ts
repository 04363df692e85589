/** How stored objects of a user's kind look to one of its versions. */
import { apiVersionOf, type CustomPart, type Kind, type KubernetesObject } from '@davit/api'
import type { Stored, StoredResource } from '../../storage/types.ts'
import { deepFreeze, isSameJson } from './written.ts'

/** Asks a definition's webhook: the objects in the same order, each in `apiVersion`. Throws InternalError in Kubernetes' words. */
export type ConvertByWebhook = (
  custom: CustomPart,
  objects: readonly KubernetesObject[],
  apiVersion: string,
  signal?: AbortSignal,
) => Promise<KubernetesObject[]>

/** Objects that a webhook is asked for at once: its answer has a bound in bytes. */
const ASKED_MAX = 50
/** Objects that are converted between two turns of the event loop. */
const YIELD_EVERY = 100

export class VersionedResource implements StoredResource {
  readonly name: string
  readonly prefix: string
  readonly namespaced: boolean
  readonly encrypted: boolean
  readonly kind: Kind
  readonly custom: CustomPart
  readonly #convert: ConvertByWebhook
  /** Each object is converted once for as long as it is kept. */
  readonly #seen = new WeakMap<KubernetesObject, KubernetesObject>()
  readonly #bytes = new WeakMap<KubernetesObject, Buffer>()

  /** `kind` is a user's. */
  constructor(resource: StoredResource, kind: Kind, convert: ConvertByWebhook) {
    if (!kind.custom) throw new Error(`${kind.kind} is no kind of users`)
    this.name = resource.name
    this.prefix = resource.prefix
    this.namespaced = resource.namespaced
    this.encrypted = resource.encrypted
    this.kind = kind
    this.custom = kind.custom
    this.#convert = convert
  }

  /** Undefined for what a webhook must be asked about first. */
  find(stored: KubernetesObject): KubernetesObject | undefined {
    const known = this.#seen.get(stored)
    if (known || this.#needsWebhook(stored)) return known
    return this.#keep(stored, stored)
  }

  /** So that every one of them is found at once. */
  async prepare(stored: readonly Pick<Stored, 'object'>[], signal?: AbortSignal): Promise<void> {
    let made = 0
    const asked: KubernetesObject[] = []
    for (const { object } of stored) {
      if (this.#seen.has(object)) continue
      if (this.#needsWebhook(object)) asked.push(object)
      else {
        this.#keep(object, object)
        // Others wait for the loop.
        if (++made % YIELD_EVERY === 0) await new Promise(setImmediate)
      }
    }
    for (let at = 0; at < asked.length; at += ASKED_MAX) await this.#ask(asked.slice(at, at + ASKED_MAX), signal)
  }

  async #ask(asked: readonly KubernetesObject[], signal: AbortSignal | undefined): Promise<void> {
    const converted = await this.#convert(this.custom, asked, apiVersionOf(this.kind), signal)
    for (const [i, object] of asked.entries()) this.#keep(object, converted[i] as KubernetesObject)
  }

  bytesOf(seen: KubernetesObject): Buffer {
    let bytes = this.#bytes.get(seen)
    if (!bytes) {
      bytes = Buffer.from(JSON.stringify(seen))
      this.#bytes.set(seen, bytes)
    }
    return bytes
  }

  #needsWebhook({ apiVersion }: KubernetesObject): boolean {
    return this.custom.webhook !== undefined && apiVersion !== apiVersionOf(this.kind)
  }

  #keep(stored: KubernetesObject, converted: KubernetesObject): KubernetesObject {
    const made = this.custom.fromStored(converted)
    // Nearly always nothing is to be done, and then there is nothing to keep.
    const seen = isSameJson(made, stored) ? stored : deepFreeze(made)
    this.#seen.set(stored, seen)
    return seen
  }
}

/** A stored object that is prepared, as the resource's version sees it. */
export class Seen implements Stored {
  readonly key: string
  readonly revision: number
  readonly #stored: Stored
  readonly #resource: VersionedResource

  constructor(stored: Stored, resource: VersionedResource) {
    this.key = stored.key
    this.revision = stored.revision
    this.#stored = stored
    this.#resource = resource
  }

  get object(): KubernetesObject {
    const seen = this.#resource.find(this.#stored.object)
    if (!seen) throw new Error(`Cannot show "${this.key}": nobody converted it`)
    return seen
  }

  get isStale(): boolean {
    return this.#stored.object.apiVersion !== this.#resource.custom.storedVersion
  }

  get bytes(): Buffer {
    const seen = this.object
    return seen === this.#stored.object ? this.#stored.bytes : this.#resource.bytesOf(seen)
  }
}
