import { namespaceKind } from '@davit/api'
import type { ClusterLookups, Reviewed } from '../webhooks/index.ts'

/** The variable `namespaceObject` of policies; undefined for what is in no namespace. */
export async function namespaceOf(lookups: ClusterLookups, { namespaced, namespace, context }: Reviewed) {
  if (!namespaced || namespace === undefined) return undefined
  return lookups.find(namespaceKind, { name: namespace }, context.signal)
}
