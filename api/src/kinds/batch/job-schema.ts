import { once } from '../../once.ts'
import { CONDITION_STATUSES, conditionListSchema } from '../../schema/conditions.ts'
import { boolean, field, int32, int32s, int64, list, object, oneOf, required, string, strings, time } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { objectMetaSchema } from '../../schema/object-meta.ts'
import { podTemplateSchema } from '../core/pod.ts'

const podFailurePolicySchema = once(() =>
  object('PodFailurePolicy', 'What failed pods mean for the Job.', {
    rules: list(
      object('PodFailurePolicyRule', 'What pods that failed in one way mean: either onExitCodes or onPodConditions says in which.', {
        action: required(
          oneOf(
            ['Count', 'FailIndex', 'FailJob', 'Ignore'],
            'Count: as without a policy. FailIndex: the index is not tried again. FailJob: the Job fails. Ignore: it does not count, and another pod is made.',
          ),
        ),
        onExitCodes: field(
          object('PodFailurePolicyOnExitCodesRequirement', 'How containers ended.', {
            containerName: string('Only this container; all, if absent.'),
            operator: required(oneOf(['In', 'NotIn'], 'Whether one exit code must be among the values, or none.')),
            values: int32s('Exit codes in rising order, at most 255; In takes no 0.', { listType: 'set' }),
          }),
          'How containers ended.',
        ),
        onPodConditions: list(
          object('PodFailurePolicyOnPodConditionsPattern', 'A condition of the pod.', {
            type: required(string('Type of the condition.')),
            status: oneOf(CONDITION_STATUSES, 'Its status. Default True.'),
          }),
          'Conditions of which the pod must have one; at most 20.',
        ),
      }),
      'Rules, of which the first that fits counts; at most 20.',
    ),
  }),
)

const successPolicySchema = once(() =>
  object('SuccessPolicy', 'When an Indexed Job has succeeded before all its indexes have.', {
    rules: list(
      object('SuccessPolicyRule', 'What must have succeeded; with both fields, so many of these indexes.', {
        succeededIndexes: string('Indexes, such as `0,2-4`.'),
        succeededCount: int32('How many indexes.'),
      }),
      'Rules, of which one must hold; at most 20.',
    ),
  }),
)

/** The component `JobSpec`, of a Job and of what CronJobs make Jobs from. */
export const jobSpecSchema = once(() =>
  object('JobSpec', 'What a Job is to be.', {
    parallelism: int32('How many pods may run at a time. Default 1.'),
    completions: int32('How many pods must succeed; if only parallelism is given, one success ends the Job.'),
    activeDeadlineSeconds: int64('Seconds after its start at which the Job is made to fail.'),
    podFailurePolicy: field(podFailurePolicySchema(), 'What failed pods mean; without it each counts towards backoffLimit.'),
    successPolicy: field(successPolicySchema(), 'When the Job has succeeded before all indexes have; only with completionMode Indexed.'),
    backoffLimit: int32('How many failures the Job stands. Default 6, or no limit with backoffLimitPerIndex.'),
    backoffLimitPerIndex: int32('How many failures an index stands; only with completionMode Indexed and restart policy Never.'),
    maxFailedIndexes: int32('How many indexes may fail before the Job does; only with backoffLimitPerIndex.'),
    selector: field(labelSelectorSchema(), 'Which pods belong to it; made by the server. It cannot be changed.'),
    manualSelector: boolean('Whether selector and labels of the pods are as given, and not made by the server.'),
    template: field(podTemplateSchema(), "From which pods are made. The restart policy is 'Never' or 'OnFailure'."),
    ttlSecondsAfterFinished: int32('Seconds after its end at which the Job is deleted; never, if absent.'),
    completionMode: oneOf(
      ['Indexed', 'NonIndexed'],
      'NonIndexed: pods are alike. Indexed: each has a number from 0 to completions - 1. Default NonIndexed.',
    ),
    suspend: boolean('Whether the Job rests: it has no pods. Default false.'),
    podReplacementPolicy: oneOf(
      ['Failed', 'TerminatingOrFailed'],
      'When another pod is made: once one has failed, or as soon as it is about to end. Default TerminatingOrFailed; with podFailurePolicy only Failed.',
    ),
    managedBy: string('Who looks after the Job, such as `acme.io/foo`, if not its own controller, `kubernetes.io/job-controller`.'),
  }),
)

export const jobStatusSchema = once(() =>
  object('JobStatus', 'How a Job is.', {
    conditions: conditionListSchema('JobCondition', 'Aspects of the Job: SuccessCriteriaMet, Complete, FailureTarget, Failed, Suspended.', {
      lastProbeTime: time('When the condition was last looked at.'),
    }),
    startTime: time('When the Job was started, or last resumed.'),
    completionTime: time('When the Job was complete.'),
    active: int32('How many pods are running or waiting.'),
    succeeded: int32('How many pods have succeeded.'),
    failed: int32('How many pods have failed.'),
    terminating: int32('How many pods are about to end.'),
    completedIndexes: string('Indexes that have succeeded, such as `1,3-5`.'),
    failedIndexes: string('Indexes that have failed, such as `1,3-5`; only with backoffLimitPerIndex.'),
    uncountedTerminatedPods: field(
      object('UncountedTerminatedPods', 'Pods that have ended and are not in the numbers yet.', {
        succeeded: strings('Uids of those that succeeded.', { listType: 'set' }),
        failed: strings('Uids of those that failed.', { listType: 'set' }),
      }),
      'Pods that have ended and are not in the numbers yet.',
    ),
    ready: int32('How many of the active pods are ready.'),
  }),
)

/** The component `JobTemplateSpec`. */
export const jobTemplateSchema = once(() =>
  object('JobTemplateSpec', 'What Jobs are made from.', {
    metadata: field(objectMetaSchema(), 'Labels and annotations of the Jobs.'),
    spec: field(jobSpecSchema(), 'Spec of the Jobs.'),
  }),
)
