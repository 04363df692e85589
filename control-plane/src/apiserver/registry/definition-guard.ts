import { apiError, type Kind, notFound } from '@davit/api'
import type { Guard, Storage } from '../../storage/types.ts'
import { keyOf, type Resources } from './resources.ts'

/**
 * The definition of a new object's kind, as a guard of the commit that creates it: it is there, and not being deleted. Otherwise an
 * object could slip in behind the scan that found none left. Nothing for kinds that are always there. `fresh` after a commit failed.
 * Throws NotFound, or MethodNotAllowed.
 */
export async function guardDefinition(
  { storage, resources }: { storage: Storage; resources: Resources },
  kind: Kind,
  { fresh, signal }: { fresh: boolean; signal?: AbortSignal | undefined },
): Promise<Guard[]> {
  if (!kind.custom) return []
  const { name } = kind.custom.definition
  const definitions = resources.kind('apiextensions.k8s.io', 'customresourcedefinitions')
  const key = keyOf(definitions, { name })
  const options = { ...(signal && { signal }), ...(!fresh && { cached: true }) }
  const stored = await storage.get(resources.stored(definitions), key, options)
  if (!stored) throw notFound(kind, '')
  if (stored.object.metadata.deletionTimestamp) {
    throw apiError('MethodNotAllowed', 'create not allowed while custom resource definition is terminating')
  }
  return [{ key, revision: stored.revision }]
}
