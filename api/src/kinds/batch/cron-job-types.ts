import type { KubernetesObject, Time } from '../../meta.ts'
import type { ObjectReference } from '../core/object-reference.ts'
import type { JobTemplateSpec } from './job-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/ */
export interface CronJob extends KubernetesObject {
  spec: CronJobSpec
  status?: CronJobStatus
}

export interface CronJobSpec {
  schedule: string
  timeZone?: string
  startingDeadlineSeconds?: number
  concurrencyPolicy?: 'Allow' | 'Forbid' | 'Replace'
  suspend?: boolean
  jobTemplate: JobTemplateSpec
  successfulJobsHistoryLimit?: number
  failedJobsHistoryLimit?: number
}

export interface CronJobStatus {
  active?: ObjectReference[]
  lastScheduleTime?: Time
  lastSuccessfulTime?: Time
}
