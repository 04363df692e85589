import {
  badRequest,
  type Eviction,
  evictionKind,
  type FieldError,
  formatTime,
  invalid,
  isReason,
  type Kind,
  type KubernetesObject,
  notFound,
  type Pod,
  type PodCondition,
  type Target,
} from '@davit/api'
import type { Stored } from '../../../storage/types.ts'
import { type DeleteDependencies, deleteObject } from '../delete.ts'
import { keyOf } from '../resources.ts'
import { decodeSpoken } from '../spoken-kinds.ts'
import type { DeletionRequest, RequestContext } from '../types.ts'
import { takeDisruption } from './disruption-budgets.ts'

/** A pod that starts changes often. */
const TRIES = 20
const POLICIES = ['Foreground', 'Background', 'Orphan'] as const

/** The deletion that a policy/v1 Eviction asks for. Throws BadRequest or Invalid. */
function readEviction(body: unknown, { name }: Target, context: RequestContext): DeletionRequest & { dryRun?: boolean } {
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

/** Deletes a pod as long as its PodDisruptionBudget allows it, marked with why it went. */
export async function evict(
  dependencies: DeleteDependencies,
  context: RequestContext,
  kind: Kind,
  { target, body }: { target: Target; body: unknown },
): Promise<void> {
  const { dryRun, ...request } = readEviction(body, target, context)
  const asked = dryRun ? { ...context, dryRun } : context
  for (let tries = 1; ; tries++) {
    const { exact, stored } = await permit(dependencies, asked, kind, target)
    const isBound = exact && request.preconditions?.resourceVersion === undefined
    const preconditions = { ...request.preconditions, ...(isBound && { resourceVersion: String(stored.revision) }) }
    try {
      const deletion = { target, request: { ...request, preconditions }, mark: markEvicted, isJudged: true }
      await deleteObject(dependencies, asked, kind, deletion)
      return
    } catch (error) {
      // It has changed since it was judged, so it is judged again.
      if (!isBound || !isReason(error, 'Conflict') || tries === TRIES) throw error
    }
  }
}

async function permit(
  dependencies: DeleteDependencies,
  context: RequestContext,
  kind: Kind,
  target: Target,
): Promise<{ exact: boolean; stored: Stored }> {
  const { storage, resources } = dependencies
  const stored = await storage.get(resources.stored(kind), keyOf(kind, target), context.signal && { signal: context.signal })
  if (!stored) throw notFound(kind, target.name)
  return { stored, ...(await takeDisruption(dependencies, context, stored.object as Pod)) }
}

function markEvicted(object: KubernetesObject, now: number): void {
  const pod = object as Pod
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: formatTime(now),
  }
  const others = pod.status?.conditions?.filter(({ type }) => type !== condition.type) ?? []
  pod.status = { ...pod.status, conditions: [...others, condition] }
}
