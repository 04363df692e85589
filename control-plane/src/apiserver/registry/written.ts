/** Objects as a write leaves them: what storage hands out, made without reading back. */
import type { KubernetesObject } from '@davit/api'
import type { Stored } from '../../storage/types.ts'

/** What `key` holds after a commit at `revision`; `dryRun` answers have the revision of what they started from, or none. */
export function writtenAs(key: string, value: KubernetesObject, revision: number): Stored {
  return new Written(key, value, revision)
}

class Written implements Stored {
  readonly key: string
  readonly revision: number
  readonly object: KubernetesObject
  #bytes: Buffer | undefined

  constructor(key: string, value: KubernetesObject, revision: number) {
    this.key = key
    this.revision = revision
    const metadata = revision > 0 ? { ...value.metadata, resourceVersion: String(revision) } : value.metadata
    this.object = deepFreeze({ ...value, metadata })
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(JSON.stringify(this.object))
    return this.#bytes
  }
}

/** The value to store: names first, no resourceVersion. */
export function storedValue(object: KubernetesObject): KubernetesObject {
  const { apiVersion, kind, metadata, ...rest } = object
  const { resourceVersion: _, ...stored } = metadata
  return { apiVersion, kind, metadata: stored, ...rest }
}

/** True when both are the same JSON apart from the order of keys; an absent field and `undefined` are the same. */
export function isSameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((element, index) => isSameJson(element, right[index]))
  }
  const leftFields = left as Record<string, unknown>
  const rightFields = right as Record<string, unknown>
  // Only what is their own: a label may be called "constructor".
  for (const name of Object.keys(leftFields)) if (!isSameJson(leftFields[name], ownField(rightFields, name))) return false
  for (const name of Object.keys(rightFields)) if (rightFields[name] !== undefined && ownField(leftFields, name) === undefined) return false
  return true
}

function ownField(fields: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const nested of Object.values(value)) deepFreeze(nested)
  return Object.freeze(value)
}

/** A copy that may be changed, of what JSON can say. Many times quicker than `structuredClone`, and most writes need one. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(cloneJson) as T
  const copy: Record<string, unknown> = {}
  for (const name in value) {
    // Assigned, it would set the copy's prototype.
    if (name === '__proto__')
      Object.defineProperty(copy, name, { value: cloneJson(value[name]), enumerable: true, configurable: true, writable: true })
    else copy[name] = cloneJson(value[name])
  }
  return copy as T
}
