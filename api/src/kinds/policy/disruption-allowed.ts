import { formatTime } from '../../clock.ts'
import type { Condition } from '../../meta.ts'
import type { PodDisruptionBudgetStatus } from './pod-disruption-budget.ts'

interface Judgement {
  generation: number | undefined
  /** Milliseconds since the epoch. */
  now: number
  /** Default: what the number of allowed disruptions says. */
  condition?: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>
}

/** The status with its condition DisruptionAllowed; whoever changes the number sets it too. */
export function updateDisruptionAllowed(
  status: PodDisruptionBudgetStatus,
  { generation, now, condition }: Judgement,
): PodDisruptionBudgetStatus {
  const isAllowed = (status.disruptionsAllowed ?? 0) > 0
  const wanted = condition ?? {
    type: 'DisruptionAllowed',
    status: isAllowed ? ('True' as const) : ('False' as const),
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
  }
  const old = status.conditions?.find(({ type }) => type === wanted.type)
  const time = old?.status === wanted.status ? old.lastTransitionTime : undefined
  const made = {
    ...wanted,
    lastTransitionTime: time ?? formatTime(now),
    ...(generation !== undefined && { observedGeneration: generation }),
  }
  const others = status.conditions?.filter(({ type }) => type !== wanted.type) ?? []
  return { ...status, conditions: [...others, made] }
}
