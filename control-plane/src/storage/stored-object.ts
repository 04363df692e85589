/**
 * An object as the cache keeps it: bytes, with `metadata.resourceVersion` spliced in where `metadata` begins, so that a
 * new revision costs one copy and no serialization. Values always begin `{"apiVersion":…,"kind":…,"metadata":{`, which
 * is what makes that place easy to find.
 */
import { type ApiError, apiError, type KubernetesObject } from '@davit/api'
import type { Stored } from './types.ts'

const METADATA = Buffer.from('"metadata":{')
const HEAD = /^\{"apiVersion":"[^"\\]*","kind":"[^"\\]*",$/
const CLOSING_BRACE = 0x7d
/** apiVersion and kind are short; beyond this a value is not in our form. */
const HEAD_BYTES_MAX = 1024

/** What etcd stores: apiVersion, kind and metadata first, and no resourceVersion. */
export function serializeObject(object: KubernetesObject): Buffer {
  const { apiVersion, kind, metadata, ...rest } = object
  const { resourceVersion: _, ...kept } = metadata
  return Buffer.from(JSON.stringify({ apiVersion, kind, metadata: kept, ...rest }))
}

/** `Stored`, parsed on first use. `bytes` and `object` throw an ApiError naming the key when the value cannot be read. */
export class StoredObject implements Stored {
  readonly key: string
  readonly revision: number
  readonly #content: { bytes: Buffer; metadataAt: number } | { failure: ApiError }
  #object: KubernetesObject | undefined

  private constructor(key: string, revision: number, content: { bytes: Buffer; metadataAt: number } | { failure: ApiError }) {
    this.key = key
    this.revision = revision
    this.#content = content
  }

  /** From a decrypted etcd value. A value that is no object becomes an unreadable entry rather than an exception. */
  static fromValue(key: string, revision: number, value: Buffer): StoredObject {
    try {
      const canonical = metadataOffset(value) === undefined ? serializeObject(parseForeign(value)) : value
      const at = metadataOffset(canonical)
      if (at === undefined) throw new Error('apiVersion, kind or metadata is missing')
      return new StoredObject(key, revision, { bytes: splice(canonical, at, at, revision), metadataAt: at })
    } catch (cause) {
      return StoredObject.unreadable(key, revision, cause)
    }
  }

  /** Stands for a value that cannot be decrypted or parsed. */
  static unreadable(key: string, revision: number, cause: unknown): StoredObject {
    const why = cause instanceof Error ? cause.message : String(cause)
    const failure = apiError('InternalError', `Cannot read stored object "${key}": ${why}`, undefined, { cause })
    return new StoredObject(key, revision, { failure })
  }

  /** Why the value cannot be read; undefined when it can. */
  get failure(): ApiError | undefined {
    return 'failure' in this.#content ? this.#content.failure : undefined
  }

  get bytes(): Buffer {
    return this.#readable().bytes
  }

  get object(): KubernetesObject {
    this.#object ??= deepFreeze(JSON.parse(this.#readable().bytes.toString()) as KubernetesObject)
    return this.#object
  }

  /** The same object under another resourceVersion, as a deletion shows it. */
  at(revision: number): StoredObject {
    if ('failure' in this.#content) return new StoredObject(this.key, revision, this.#content)
    const { bytes, metadataAt } = this.#content
    const end = metadataAt + spliced(this.revision).length
    return new StoredObject(this.key, revision, { bytes: splice(bytes, metadataAt, end, revision), metadataAt })
  }

  #readable(): { bytes: Buffer; metadataAt: number } {
    if ('failure' in this.#content) throw this.#content.failure
    return this.#content
  }
}

/** Just behind `"metadata":{`; undefined when the value is not in our form. */
function metadataOffset(value: Buffer): number | undefined {
  const at = value.subarray(0, HEAD_BYTES_MAX).indexOf(METADATA)
  if (at < 0 || !HEAD.test(value.toString('latin1', 0, at))) return undefined
  return at + METADATA.length
}

function parseForeign(value: Buffer): KubernetesObject {
  const parsed: unknown = JSON.parse(value.toString())
  if (typeof parsed !== 'object' || parsed === null || !('metadata' in parsed)) throw new Error('The value is not an object with metadata')
  return parsed as KubernetesObject
}

function spliced(revision: number): string {
  return `"resourceVersion":"${revision}"`
}

/** Replaces what lies between `start` and `end` by the revision; right behind `start` the rest of metadata follows, or its end. */
function splice(value: Buffer, start: number, end: number, revision: number): Buffer {
  const alone = value[end] === CLOSING_BRACE
  const replaces = end > start
  const text = spliced(revision) + (replaces || alone ? '' : ',')
  return Buffer.concat([value.subarray(0, start), Buffer.from(text), value.subarray(end)])
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
