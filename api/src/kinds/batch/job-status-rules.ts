/** What a Job's status may say: whoever looks after the Job, its end is said once and stays. */
import { duplicateValue, invalidTogether, invalidValue, nonNegative, requiredValue } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'
import { commonIndex } from './job-indexes.ts'
import { indexesError } from './job-policies.ts'
import type { Job, JobStatus } from './job-types.ts'

const COUNTS = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const
const LASTING = ['Failed', 'Complete', 'FailureTarget', 'SuccessCriteriaMet'] as const

export function validateJobStatus(job: Job, old: Job): FieldError[] {
  const { status = {} } = job
  return [
    ...COUNTS.flatMap(name => nonNegative(`status.${name}`, status[name])),
    ...validateUncounted(status),
    ...validateConditions(job),
    ...validateTimes(job),
    ...validateFinished(job),
    ...validateIndexes(job),
    ...(status.ready !== undefined && status.ready > (status.active ?? 0)
      ? [invalidValue('status.ready', status.ready, 'cannot set more ready pods than active')]
      : []),
    ...validateTransition(job, old),
  ]
}

/** Whether the condition of that type is True. */
function is({ status }: Job, type: string): boolean {
  return status?.conditions?.some(condition => condition.type === type && condition.status === 'True') ?? false
}

function isFinished(job: Job): boolean {
  return is(job, 'Complete') || is(job, 'Failed')
}

function validateUncounted({ uncountedTerminatedPods = {} }: JobStatus): FieldError[] {
  const seen = new Set<string>()
  return (['succeeded', 'failed'] as const).flatMap(name =>
    (uncountedTerminatedPods[name] ?? []).flatMap((uid, i) => {
      const field = `status.uncountedTerminatedPods.${name}[${i}]`
      if (uid === '') return [invalidValue(field, uid, 'must not be empty')]
      if (seen.has(uid)) return [duplicateValue(field, uid)]
      seen.add(uid)
      return []
    }),
  )
}

function validateConditions(job: Job): FieldError[] {
  const [isComplete, isFailed] = [is(job, 'Complete'), is(job, 'Failed')]
  const [willFail, hasSucceeded] = [is(job, 'FailureTarget'), is(job, 'SuccessCriteriaMet')]
  const wrong: [boolean, string][] = [
    [isComplete && isFailed, 'cannot set Complete=True and Failed=true conditions'],
    [isComplete && willFail, 'cannot set Complete=True and FailureTarget=true conditions'],
    [isFailed && !willFail, 'cannot set Failed=True condition without the FailureTarget=true condition'],
    [isComplete && !hasSucceeded, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'],
    [hasSucceeded && isFailed, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'],
    [hasSucceeded && willFail, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'],
  ]
  return wrong.flatMap(([isWrong, why]) => (isWrong ? [invalidTogether('status.conditions', why)] : []))
}

function validateTimes(job: Job): FieldError[] {
  const { startTime, completionTime } = job.status ?? {}
  const field = 'status.completionTime'
  const isComplete = is(job, 'Complete')
  if (!completionTime) return isComplete ? [requiredValue(field, 'completionTime is required for Complete jobs')] : []
  const errors: FieldError[] = []
  if (!isComplete) {
    errors.push(invalidValue(field, completionTime, 'cannot set completionTime when there is no Complete=True condition'))
  }
  if (startTime && Date.parse(completionTime) < Date.parse(startTime)) {
    errors.push(invalidValue(field, completionTime, 'must be equal to or after `startTime`'))
  }
  return errors
}

function validateFinished(job: Job): FieldError[] {
  if (!isFinished(job)) return []
  const { spec, status = {} } = job
  const { active = 0, terminating = 0, startTime, uncountedTerminatedPods: uncounted = {} } = status
  const errors: FieldError[] = []
  if (active > 0) errors.push(invalidValue('status.active', active, 'active>0 is invalid for finished job'))
  // One that had nothing to do need never start.
  const neverHadTo = spec.suspend === true && spec.completions === 0
  if (!startTime && !neverHadTo) errors.push(requiredValue('status.startTime', 'startTime is required for finished job'))
  if (uncounted.succeeded?.length || uncounted.failed?.length) {
    errors.push(invalidValue('status.uncountedTerminatedPods', uncounted, 'must be empty for finished job'))
  }
  if (terminating > 0) errors.push(invalidValue('status.terminating', terminating, 'terminating>0 is invalid for finished job'))
  return errors
}

function validateIndexes({ spec, status = {} }: Job): FieldError[] {
  const { completions, completionMode, backoffLimitPerIndex } = spec
  const { completedIndexes = '', failedIndexes } = status
  const errors: FieldError[] = []
  const wrong = completions === undefined ? undefined : indexesError(completedIndexes, completions)
  if (wrong) errors.push(invalidValue('status.completedIndexes', completedIndexes, `error parsing completedIndexes: ${wrong}`))
  if (completedIndexes && completionMode !== 'Indexed') {
    const why = 'cannot set non-empty completedIndexes when non-indexed completion mode'
    errors.push(invalidValue('status.completedIndexes', completedIndexes, why))
  }
  if (failedIndexes === undefined) return errors
  const field = 'status.failedIndexes'
  if (backoffLimitPerIndex === undefined) {
    errors.push(invalidValue(field, failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'))
  }
  if (completions === undefined) return errors
  const unreadable = indexesError(failedIndexes, completions)
  if (unreadable) errors.push(invalidValue(field, failedIndexes, `error parsing failedIndexes: ${unreadable}`))
  const common = commonIndex(completedIndexes, failedIndexes, completions)
  if (common !== undefined) {
    errors.push(invalidValue(field, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${common}`))
  }
  return errors
}

function validateTransition(job: Job, old: Job): FieldError[] {
  const { spec, status = {} } = job
  const { status: before = {} } = old
  const errors = LASTING.filter(type => is(old, type) && !is(job, type)).map(type => {
    const what = type === 'SuccessCriteriaMet' ? 'the' : 'the terminal'
    return invalidTogether('status.conditions', `cannot disable ${what} ${type}=True condition`)
  })
  // With other indexes there are others that count.
  const mayCountAnew = spec.completionMode === 'Indexed' && spec.completions !== old.spec.completions
  for (const name of ['failed', 'succeeded'] as const) {
    const count = status[name] ?? 0
    if (count >= (before[name] ?? 0) || (name === 'succeeded' && mayCountAnew)) continue
    errors.push(invalidValue(`status.${name}`, count, `cannot decrease the ${name} counter`))
  }
  if (status.completionTime && before.completionTime && status.completionTime !== before.completionTime) {
    errors.push(invalidValue('status.completionTime', status.completionTime, 'field is immutable'))
  }
  if (before.startTime && before.startTime !== status.startTime && !spec.suspend) {
    errors.push(requiredValue('status.startTime', 'startTime cannot be removed for unsuspended job'))
  }
  if (is(old, 'Complete') && !is(old, 'SuccessCriteriaMet') && is(job, 'SuccessCriteriaMet')) {
    const why = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'
    errors.push(invalidTogether('status.conditions', why))
  }
  return errors
}
