import { formatAge } from '../../duration.ts'
import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { templateColumns } from '../apps/templates.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { applyJobDefaults, validateJob } from './job-rules.ts'
import { jobSpecSchema, jobStatusSchema } from './job-schema.ts'
import { validateJobStatus } from './job-status-rules.ts'
import type { Job } from './job-types.ts'
import { validateJobUpdate } from './job-update-rules.ts'

export const jobKind = defineKind<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  subresources: ['status'],
  description: 'Runs pods until a number of them have succeeded.',
  schema: () =>
    object('Job', 'Runs pods until a number of them have succeeded.', {
      spec: field(jobSpecSchema(), 'What the Job is to be.'),
      status: field(jobStatusSchema(), 'How the Job is.'),
    }),
  applyDefaults: applyJobDefaults,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatus: validateJobStatus,
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  columns: [
    nameColumn,
    { name: 'Status', type: 'string', description: 'How the Job is, in one word.', value: formatStatus },
    { name: 'Completions', type: 'string', description: 'How many pods have succeeded, of how many.', value: formatCompletions },
    { name: 'Duration', type: 'string', description: 'How long it took, or has taken so far.', value: formatDuration },
    ageColumn,
    ...templateColumns(),
  ],
})

const SHOWN_BEFORE_DELETION = ['Complete', 'Failed'] as const
const SHOWN_AFTER_DELETION = ['Suspended', 'FailureTarget'] as const

function formatStatus({ metadata, status }: Job): string {
  const isTrue = (type: string) => status?.conditions?.find(condition => condition.type === type)?.status === 'True'
  const ended = SHOWN_BEFORE_DELETION.find(isTrue)
  if (ended) return ended
  return metadata.deletionTimestamp ? 'Terminating' : (SHOWN_AFTER_DELETION.find(isTrue) ?? 'Running')
}

function formatCompletions({ spec: { completions, parallelism = 0 }, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (completions !== undefined) return `${succeeded}/${completions}`
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function formatDuration({ status }: Job, now: number): string {
  const { startTime, completionTime } = status ?? {}
  if (!startTime) return ''
  return formatAge((completionTime ? Date.parse(completionTime) : now) - Date.parse(startTime))
}
