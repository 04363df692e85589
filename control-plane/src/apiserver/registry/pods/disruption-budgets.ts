/** Whether a pod may be evicted: what its PodDisruptionBudget says. https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
import {
  type ApiError,
  apiError,
  type Clock,
  forbidden,
  formatTime,
  isPodReady,
  type Kind,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgetKind,
  selectorFromLabelSelector,
  tooManyRequests,
  updateDisruptionAllowed,
} from '@davit/api'
import type { Storage, Stored } from '../../../storage/types.ts'
import { change, type Decision } from '../change.ts'
import type { Resources } from '../resources.ts'
import type { RequestContext } from '../types.ts'
import { cloneJson, storedValue } from '../written.ts'

export interface BudgetDependencies {
  storage: Storage
  resources: Resources
  clock: Clock
}

const KIND = podDisruptionBudgetKind as unknown as Kind
const REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."
/** More evictions that are let through and not carried out mean that nobody counts them any more. */
const DISRUPTED_PODS_MAX = 2000
const PROCESSING_RETRY_SECONDS = 10
/** Evictions of one budget's pods race for its count. */
const TRIES = 20

/**
 * Counts the eviction in the pod's budget, if it has one and it counts. `exact`: the pod may only be deleted as it is here, for were
 * it to become ready, it would have to be counted. Throws TooManyRequests when the budget forbids the eviction.
 */
export async function takeDisruption(dependencies: BudgetDependencies, context: RequestContext, pod: Pod): Promise<{ exact: boolean }> {
  const { phase } = pod.status ?? {}
  const isGoing = phase === 'Succeeded' || phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined
  if (isGoing || phase === 'Pending') return { exact: !isGoing }
  const [found, ...others] = await budgetsOf(dependencies, context, pod)
  if (others.length > 0) {
    throw apiError('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  }
  if (!found) return { exact: false }
  const budget = found.object as PodDisruptionBudget
  if (!isPodReady(pod) && mayGoUnready(budget)) return { exact: true }
  const { storage, resources, clock } = dependencies
  const name = budget.metadata.name ?? ''
  const options = { kind: KIND, resource: resources.stored(KIND), key: found.key, name, context, tries: TRIES }
  await change(storage, options, async current => count(current, pod.metadata.name ?? '', clock.now()))
  return { exact: false }
}

async function budgetsOf({ storage, resources }: BudgetDependencies, { signal }: RequestContext, pod: Pod): Promise<Stored[]> {
  if (!resources.serves(KIND)) return []
  const { namespace = '', labels = {} } = pod.metadata
  const filter = (object: object) => {
    const { selector } = (object as PodDisruptionBudget).spec
    return selector !== undefined && selectorFromLabelSelector(selector).matches(labels)
  }
  return (await storage.list(resources.stored(KIND), { namespace, filter, ...(signal && { signal }) })).items
}

/** Whether a pod that is not ready may go without being counted. */
function mayGoUnready({ spec, status = {} }: PodDisruptionBudget): boolean {
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  const { currentHealthy = 0, desiredHealthy = 0 } = status
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy
}

function count(current: Stored, pod: string, now: number): Decision<undefined> {
  const budget = cloneJson(current.object as PodDisruptionBudget)
  const { metadata, status = {} } = budget
  const refused = refusal(budget)
  if (refused) throw refused
  const disruptionsAllowed = (status.disruptionsAllowed ?? 0) - 1
  const counted = { ...status, disruptionsAllowed, disruptedPods: { ...status.disruptedPods, [pod]: formatTime(now) } }
  budget.status = disruptionsAllowed > 0 ? counted : updateDisruptionAllowed(counted, { generation: metadata.generation, now })
  return {
    operations: [{ type: 'update', key: current.key, value: storedValue(budget), revision: current.revision }],
    result: () => undefined,
  }
}

/** Why the budget allows nothing more; pure. */
export function refusal({ metadata, status = {} }: PodDisruptionBudget): ApiError | undefined {
  const { name = '', generation = 0 } = metadata
  const { observedGeneration = 0, disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0, conditions = [] } = status
  const budgetCause = (message: string) => [{ reason: 'DisruptionBudget', message }]
  if (observedGeneration < generation) {
    const causes = budgetCause(`The disruption budget ${name} is still being processed by the server.`)
    return tooManyRequests(REFUSAL, { causes, retryAfterSeconds: PROCESSING_RETRY_SECONDS })
  }
  if (disruptionsAllowed < 0) return forbidden(KIND, name, 'pdb disruptions allowed is negative')
  if (Object.keys(status.disruptedPods ?? {}).length > DISRUPTED_PODS_MAX) {
    return forbidden(KIND, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller')
  }
  if (disruptionsAllowed > 0) return undefined
  const failure = conditions.find(({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed')
  const why = failure
    ? `does not allow evicting pods currently because it failed sync: ${failure.message}`
    : `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
  return tooManyRequests(REFUSAL, { causes: budgetCause(`The disruption budget ${name} ${why}`) })
}
