import type { Condition, KubernetesObject, LabelSelector, ObjectMeta, Time } from '../../meta.ts'
import type { PodTemplateSpec } from '../core/pod.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/ */
export interface Job extends KubernetesObject {
  spec: JobSpec
  status?: JobStatus
}

export interface JobSpec {
  parallelism?: number
  completions?: number
  activeDeadlineSeconds?: number
  podFailurePolicy?: PodFailurePolicy
  successPolicy?: SuccessPolicy
  backoffLimit?: number
  backoffLimitPerIndex?: number
  maxFailedIndexes?: number
  selector?: LabelSelector
  manualSelector?: boolean
  template: PodTemplateSpec
  ttlSecondsAfterFinished?: number
  completionMode?: 'NonIndexed' | 'Indexed'
  suspend?: boolean
  podReplacementPolicy?: 'TerminatingOrFailed' | 'Failed'
  managedBy?: string
}

export interface PodFailurePolicy {
  rules?: PodFailurePolicyRule[]
}

export interface PodFailurePolicyRule {
  action: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count'
  onExitCodes?: PodFailurePolicyOnExitCodesRequirement
  onPodConditions?: PodFailurePolicyOnPodConditionsPattern[]
}

export interface PodFailurePolicyOnExitCodesRequirement {
  containerName?: string
  operator: 'In' | 'NotIn'
  values?: number[]
}

export interface PodFailurePolicyOnPodConditionsPattern {
  type: string
  status?: 'True' | 'False' | 'Unknown'
}

export interface SuccessPolicy {
  rules?: SuccessPolicyRule[]
}

export interface SuccessPolicyRule {
  succeededIndexes?: string
  succeededCount?: number
}

/** What a CronJob makes Jobs from. */
export interface JobTemplateSpec {
  metadata?: ObjectMeta
  spec: JobSpec
}

export interface JobStatus {
  conditions?: JobCondition[]
  startTime?: Time
  completionTime?: Time
  active?: number
  succeeded?: number
  failed?: number
  terminating?: number
  completedIndexes?: string
  failedIndexes?: string
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] }
  ready?: number
}

export interface JobCondition extends Condition {
  lastProbeTime?: Time
}
