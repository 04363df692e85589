import { ageSince } from '../../duration.ts'
import { invalidIf, invalidValue, nonNegative, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { boolean, field, int32, int64, list, object, oneOf, required, string, time } from '../../schema/fields.ts'
import { formatLabelSelector } from '../../selectors/labels.ts'
import type { FieldError } from '../../status.ts'
import { containerColumns, selectorColumn } from '../apps/templates.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { objectReferenceSchema } from '../core/object-reference.ts'
import { applyPodSpecDefaults } from '../core/pod.ts'
import type { CronJob, CronJobSpec } from './cron-job-types.ts'
import { scheduleError, timeZoneError } from './cron-schedule.ts'
import { validateJobSpec } from './job-rules.ts'
import { jobTemplateSchema } from './job-schema.ts'
import type { JobSpec } from './job-types.ts'

/** Its Jobs are called after it, with eleven characters more. */
const NAME_LENGTH_MAX = 52

const specSchema = once(() =>
  object('CronJobSpec', 'What a CronJob is to be.', {
    schedule: required(string('When, as cron has it: `0 3 * * *`, or `@hourly`.')),
    timeZone: string("Time zone of the schedule, such as `Europe/Berlin`; that of the cluster's control plane, if absent."),
    startingDeadlineSeconds: int64('Seconds by which a Job may be late; later it is left out.'),
    concurrencyPolicy: oneOf(
      ['Allow', 'Forbid', 'Replace'],
      'When the Job before has not ended: Allow both, Forbid the new one, or Replace the old one. Default Allow.',
    ),
    suspend: boolean('Whether no Jobs are started. Default false.'),
    jobTemplate: field(jobTemplateSchema(), 'From which Jobs are made.'),
    successfulJobsHistoryLimit: int32('How many Jobs that succeeded are kept. Default 3.'),
    failedJobsHistoryLimit: int32('How many Jobs that failed are kept. Default 1.'),
  }),
)

const statusSchema = once(() =>
  object('CronJobStatus', 'How a CronJob is.', {
    active: list(objectReferenceSchema(), 'Jobs that are running.'),
    lastScheduleTime: time('When a Job was last started.'),
    lastSuccessfulTime: time('When a Job last succeeded.'),
  }),
)

export const cronJobKind = defineKind<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status'],
  description: 'Starts Jobs by the clock.',
  schema: () =>
    object('CronJob', 'Starts Jobs by the clock.', {
      spec: field(specSchema(), 'What the CronJob is to be.'),
      status: field(statusSchema(), 'How the CronJob is.'),
    }),
  applyDefaults(cronJob) {
    // The schema says what is missing.
    cronJob.spec ??= {} as CronJobSpec
    const { spec } = cronJob
    spec.concurrencyPolicy ??= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
    const podSpec = spec.jobTemplate?.spec?.template?.spec
    if (podSpec) applyPodSpecDefaults(podSpec)
    cronJob.status ??= {}
  },
  validate: ({ metadata, spec }) => {
    const { name = '' } = metadata
    return [
      ...validateSchedule(spec),
      ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
      ...(spec.timeZone === undefined ? [] : invalidIf('spec.timeZone', spec.timeZone, timeZoneError(spec.timeZone))),
      ...validateJobTemplate(spec.jobTemplate?.spec ?? ({} as JobSpec)),
      ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
      ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
      ...(name.length > NAME_LENGTH_MAX ? [invalidValue('metadata.name', name, `must be no more than ${NAME_LENGTH_MAX} bytes`)] : []),
    ]
  },
  validateStatus: () => [],
  columns: [
    nameColumn,
    { name: 'Schedule', type: 'string', description: 'When Jobs are started.', value: ({ spec }) => spec.schedule },
    { name: 'Timezone', type: 'string', description: 'Time zone of the schedule.', value: ({ spec }) => spec.timeZone ?? '<none>' },
    {
      name: 'Suspend',
      type: 'boolean',
      description: 'Whether no Jobs are started.',
      value: ({ spec: { suspend } }) => (suspend === undefined ? '<unset>' : suspend ? 'True' : 'False'),
    },
    { name: 'Active', type: 'integer', description: 'How many Jobs are running.', value: ({ status }) => status?.active?.length ?? 0 },
    {
      name: 'Last Schedule',
      type: 'string',
      description: 'How long ago a Job was last started.',
      value: ({ status }, now) => (status?.lastScheduleTime ? ageSince(status.lastScheduleTime, now) : '<none>'),
    },
    ageColumn,
    ...containerColumns<CronJob>(({ spec }) => spec.jobTemplate?.spec?.template),
    selectorColumn<CronJob>(({ spec }) => formatLabelSelector(spec.jobTemplate?.spec?.selector)),
  ],
})

function validateSchedule({ schedule }: CronJobSpec): FieldError[] {
  const field = 'spec.schedule'
  if (!schedule) return [requiredValue(field)]
  const errors = invalidIf(field, schedule, scheduleError(schedule))
  if (schedule.includes('TZ')) {
    errors.push(invalidValue(field, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'))
  }
  return errors
}

/** Each Job gets a selector of its own. */
function validateJobTemplate(spec: JobSpec): FieldError[] {
  const path = 'spec.jobTemplate.spec'
  const errors = validateJobSpec(spec, path)
  if (spec.selector) errors.push(invalidValue(`${path}.selector`, spec.selector, '`selector` will be auto-generated'))
  if (spec.manualSelector) errors.push(unsupportedValue(`${path}.manualSelector`, spec.manualSelector, ['nil', 'false']))
  return errors
}
