import { badRequest, type Target } from '@davit/api'
import type { DeletionRequest } from '../types.ts'

/** The deletion that a policy/v1 Eviction asks for. Throws BadRequest. */
export function readEviction(body: unknown, { name }: Target): DeletionRequest & { dryRun?: boolean } {
  if (typeof body !== 'object' || body === null) throw badRequest('the object provided is unrecognized (must be of type Eviction)')
  const { kind, metadata, deleteOptions } = body as { kind?: unknown; metadata?: { name?: string }; deleteOptions?: unknown }
  if (kind !== undefined && kind !== '' && kind !== 'Eviction')
    throw badRequest('the object provided is unrecognized (must be of type Eviction)')
  if (metadata?.name && metadata.name !== name) {
    throw badRequest(`name in URL does not match name in Eviction object: ${name} != ${metadata.name}`)
  }
  return readDeleteOptions(deleteOptions)
}

/** What DeleteOptions, as parsed from the wire, ask for. Throws BadRequest. */
function readDeleteOptions(body: unknown): DeletionRequest & { dryRun?: boolean } {
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object') throw badRequest('the object provided is unrecognized (must be of type DeleteOptions)')
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = body as Record<string, unknown>
  const policy =
    propagationPolicy ??
    (orphanDependents === undefined || orphanDependents === null ? undefined : orphanDependents ? 'Orphan' : 'Background')
  if (policy !== undefined && policy !== 'Orphan' && policy !== 'Background' && policy !== 'Foreground') {
    throw badRequest(`invalid propagationPolicy ${JSON.stringify(policy)}: must be one of "Background", "Foreground", "Orphan"`)
  }
  if (gracePeriodSeconds !== undefined && gracePeriodSeconds !== null && !Number.isInteger(gracePeriodSeconds)) {
    throw badRequest(`invalid gracePeriodSeconds ${JSON.stringify(gracePeriodSeconds)}: must be a whole number of seconds`)
  }
  const { uid, resourceVersion } = (preconditions ?? {}) as { uid?: unknown; resourceVersion?: unknown }
  const required = { ...(typeof uid === 'string' && { uid }), ...(typeof resourceVersion === 'string' && { resourceVersion }) }
  return {
    ...(typeof gracePeriodSeconds === 'number' && { gracePeriodSeconds }),
    ...(policy && { propagationPolicy: policy }),
    ...(Object.keys(required).length > 0 && { preconditions: required }),
    ...(Array.isArray(dryRun) && dryRun.includes('All') && { dryRun: true }),
  }
}
