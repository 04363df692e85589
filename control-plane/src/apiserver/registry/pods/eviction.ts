import { badRequest, type Eviction, evictionKind, type FieldError, invalid, type Target } from '@davit/api'
import { decodeSpoken } from '../spoken-kinds.ts'
import type { DeletionRequest, RequestContext } from '../types.ts'

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const

/** The deletion that a policy/v1 Eviction asks for. Throws BadRequest or Invalid. */
export function readEviction(body: unknown, { name }: Target, context: RequestContext): DeletionRequest & { dryRun?: boolean } {
  const { metadata, deleteOptions } = decodeSpoken(evictionKind, body, context)
  if (metadata.name && metadata.name !== name) {
    throw badRequest(`name in URL does not match name in Eviction object: ${name} != ${metadata.name}`)
  }
  return deletionOf(deleteOptions ?? {})
}

function deletionOf(options: NonNullable<Eviction['deleteOptions']>): DeletionRequest & { dryRun?: boolean } {
  const { gracePeriodSeconds, orphanDependents, preconditions = {}, dryRun = [] } = options
  const asked = options.propagationPolicy || (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : 'Background')
  const policy = POLICIES.find(known => known === asked)
  const errors: FieldError[] = []
  if (asked !== undefined && !policy) {
    errors.push({ type: 'NotSupported', field: 'propagationPolicy', value: asked, supported: [...POLICIES, 'nil'] })
  }
  for (const value of dryRun) if (value !== 'All') errors.push({ type: 'NotSupported', field: 'dryRun', value, supported: ['All'] })
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  const { uid, resourceVersion } = preconditions
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(policy && { propagationPolicy: policy }),
    ...((uid || resourceVersion) && { preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) } }),
    ...(dryRun.length > 0 && { dryRun: true }),
  }
}
