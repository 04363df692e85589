import { invalidValue, nonNegative, requiredValue, tooLong, unsupportedValue } from '../../field-errors.ts'
import type { ObjectMeta } from '../../meta.ts'
import { isDnsLabel, isDomainPrefixedPath } from '../../names.ts'
import { selectorFromLabelSelector } from '../../selectors/labels.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { applyPodSpecDefaults, validatePodTemplate } from '../core/pod.ts'
import { validatePodFailurePolicy, validateSuccessPolicy } from './job-policies.ts'
import type { Job, JobSpec } from './job-types.ts'

/** By this label a Job selects its pods. */
export const JOB_UID_LABEL = 'batch.kubernetes.io/controller-uid'

/** What the labels of a Job's pods must be, with prefix and, for older clients, without. */
export function jobLabels({ uid = '', name = '' }: ObjectMeta): Record<string, string> {
  return { 'controller-uid': uid, 'job-name': name, [JOB_UID_LABEL]: uid, 'batch.kubernetes.io/job-name': name }
}

const INT32_MAX = 2 ** 31 - 1
const PARALLELISM_MAX = 100_000
const FAILED_INDEXES_MAX = 100_000
/** Of Jobs with more completions than this, each index with a limit of its own, less is allowed. */
const COMPLETIONS_MANY = 100_000
const AT_ONCE_MAX_OF_MANY = 10_000
const MANAGED_BY_BYTES_MAX = 63

export function applyJobDefaults(job: Job): void {
  // The schema says what is missing.
  job.spec ??= {} as JobSpec
  const { spec } = job
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : INT32_MAX
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  for (const { onPodConditions = [] } of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of onPodConditions) pattern.status ??= 'True'
  }
  // A Job without labels has those of its pods.
  const labels = spec.template?.metadata?.labels
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels }
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec)
  job.status ??= {}
}

export function validateJob(job: Job): FieldError[] {
  const { metadata, spec } = job
  const errors = [...validateGeneratedSelector(job), ...validateJobSpec(spec, 'spec'), ...validateSelector(spec)]
  if (spec.completionMode === 'Indexed' && spec.completions !== undefined && spec.completions > 0) {
    // Pods of the last index have the longest host name.
    const hostname = `${metadata.name ?? ''}-${spec.completions - 1}`
    if (isDnsLabel(hostname)) {
      errors.push(invalidValue('metadata.name', metadata.name ?? '', `will not able to create pod with invalid DNS label: ${hostname}`))
    }
  }
  return errors
}

/** Pods must be told from those of all other Jobs, also of one of the same name before. */
function validateGeneratedSelector({ metadata, spec }: Job): FieldError[] {
  if (spec.manualSelector || !spec.selector) return []
  const labels = spec.template?.metadata?.labels ?? {}
  const expected = jobLabels(metadata)
  const errors = metadata.uid ? [] : [requiredValue('metadata.uid')]
  for (const [name, value] of Object.entries(expected)) {
    const field = `spec.template.metadata.labels[${name}]`
    if (labels[name] === undefined) errors.push(requiredValue(field, `must be '${value}'`))
    else if (labels[name] !== value) errors.push(invalidValue(field, labels, `must be '${value}'`))
  }
  if (validateLabelSelector(spec.selector, '').length === 0 && !selectorFromLabelSelector(spec.selector).matches(expected)) {
    errors.push(invalidValue('spec.selector', spec.selector, '`selector` not auto-generated'))
  }
  return errors
}

function validateSelector({ selector, template }: JobSpec): FieldError[] {
  if (!selector) return [requiredValue('spec.selector')]
  const errors = validateLabelSelector(selector, 'spec.selector')
  if (errors.length > 0) return errors
  const labels = template?.metadata?.labels
  if (selectorFromLabelSelector(selector).matches(labels)) return []
  return [invalidValue('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`')]
}

const NUMBERS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const

/** Rules of a Job's spec, and of what CronJobs make Jobs from, but for its selector. */
export function validateJobSpec(spec: JobSpec, path: string): FieldError[] {
  return [
    ...NUMBERS.flatMap(name => nonNegative(`${path}.${name}`, spec[name])),
    ...validateManagedBy(spec.managedBy, `${path}.managedBy`),
    ...validateCompletionMode(spec, path),
    ...validatePodFailurePolicy(spec, `${path}.podFailurePolicy`),
    ...validateSuccessPolicy(spec, `${path}.successPolicy`),
    ...validateReplacement(spec, `${path}.podReplacementPolicy`),
    ...validatePodTemplate(spec.template, `${path}.template`),
    ...validateRestartPolicy(spec, `${path}.template.spec.restartPolicy`),
  ]
}

function validateManagedBy(manager: string | undefined, field: string): FieldError[] {
  if (manager === undefined) return []
  if (manager === '') return [requiredValue(field)]
  const wrong = isDomainPrefixedPath(manager)
  const errors = wrong ? [invalidValue(field, wrong.part, wrong.why)] : []
  if (Buffer.byteLength(manager) > MANAGED_BY_BYTES_MAX) errors.push(tooLong(field, MANAGED_BY_BYTES_MAX))
  return errors
}

function validateCompletionMode(spec: JobSpec, path: string): FieldError[] {
  const { completionMode = 'NonIndexed', backoffLimitPerIndex, maxFailedIndexes } = spec
  const errors: FieldError[] = []
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.push(requiredValue(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  }
  if (completionMode === 'Indexed') return [...errors, ...validateIndexed(spec, path)]
  if (completionMode !== 'NonIndexed') {
    return [...errors, unsupportedValue(`${path}.completionMode`, completionMode, ['NonIndexed', 'Indexed'])]
  }
  for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    if (spec[name] !== undefined) errors.push(invalidValue(`${path}.${name}`, spec[name], 'requires indexed completion mode'))
  }
  return errors
}

function validateIndexed({ completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes }: JobSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  const failed = maxFailedIndexes ?? 0
  if (completions === undefined) errors.push(requiredValue(`${path}.completions`, 'when completion mode is Indexed'))
  const atMost = (name: 'parallelism' | 'maxFailedIndexes', value: number, max: number, more = '') => {
    if (value > max) errors.push(invalidValue(`${path}.${name}`, value, `must be less than or equal to ${max}${more}`))
  }
  atMost('parallelism', parallelism, PARALLELISM_MAX, ' when completion mode is Indexed')
  if (completions !== undefined && failed > completions) {
    errors.push(invalidValue(`${path}.maxFailedIndexes`, failed, 'must be less than or equal to completions'))
  }
  atMost('maxFailedIndexes', failed, FAILED_INDEXES_MAX)
  if ((completions ?? 0) <= COMPLETIONS_MANY || backoffLimitPerIndex === undefined) return errors
  if (maxFailedIndexes === undefined) {
    errors.push(requiredValue(`${path}.maxFailedIndexes`, `must be specified when completions is above ${COMPLETIONS_MANY}`))
  }
  const when = ` when completions are above ${COMPLETIONS_MANY} and used with backoff limit per index`
  atMost('parallelism', parallelism, AT_ONCE_MAX_OF_MANY, when)
  atMost('maxFailedIndexes', failed, AT_ONCE_MAX_OF_MANY, when)
  return errors
}

function validateReplacement({ podFailurePolicy, podReplacementPolicy }: JobSpec, field: string): FieldError[] {
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  if (podReplacementPolicy === undefined || supported.includes(podReplacementPolicy)) return []
  return [unsupportedValue(field, podReplacementPolicy, supported)]
}

function validateRestartPolicy({ template, podFailurePolicy }: JobSpec, field: string): FieldError[] {
  const policy = template?.spec?.restartPolicy
  // Always is also what a template gets that says nothing.
  if (!policy || policy === 'Always') return [requiredValue(field, 'valid values: "OnFailure", "Never"')]
  if (policy !== 'OnFailure' && policy !== 'Never') return [unsupportedValue(field, policy, ['OnFailure', 'Never'])]
  if (!podFailurePolicy || policy === 'Never') return []
  return [invalidValue(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
}
