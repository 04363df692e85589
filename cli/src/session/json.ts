import type { KubernetesObject } from '@davit/api'

export type JsonObject = Record<string, unknown>

/** An object of any kind; the server has checked the shape of what comes from it. */
export interface AnyObject extends KubernetesObject {
  [field: string]: unknown
}

export interface AnyList {
  apiVersion?: string
  kind?: string
  metadata?: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
  items: AnyObject[]
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a path of member names, or undefined where it breaks off. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value
  for (const name of path) {
    if (!isJsonObject(at) || !Object.hasOwn(at, name)) return undefined
    at = at[name]
  }
  return at
}
