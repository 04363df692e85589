import { isDeepStrictEqual } from 'node:util'
import { immutable, invalidValue } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'
import type { PodTemplateSpec } from '../core/pod.ts'
import type { Job, JobSpec } from './job-types.ts'

const FIXED = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const

/** A Job that has begun goes on as it was; what pods it makes may change only while it has never started. */
export function validateJobUpdate({ spec }: Job, old: Job): FieldError[] {
  const isFresh = old.spec.suspend === true && old.status?.startTime === undefined
  const template = isFresh ? withSchedulingOf(old.spec.template, spec.template) : old.spec.template
  return [
    ...validateCompletions(spec, old.spec),
    ...immutable('spec.selector', spec.selector, old.spec.selector),
    ...immutable('spec.template', spec.template, template),
    ...FIXED.flatMap(name => immutable(`spec.${name}`, spec[name], old.spec[name])),
  ]
}

/** An Indexed Job may get more or fewer indexes, as long as all may run at once. */
function validateCompletions({ completionMode, completions, parallelism }: JobSpec, old: JobSpec): FieldError[] {
  const field = 'spec.completions'
  if (completionMode !== 'Indexed') return immutable(field, completions, old.completions)
  if (completions === old.completions || completions === undefined || completions === parallelism) return []
  return [invalidValue(field, completions, 'can only be modified in tandem with spec.parallelism')]
}

/** `template` with the labels and annotations of `wanted`, and with where its pods may run. */
function withSchedulingOf(template: PodTemplateSpec | undefined, wanted: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  if (!template?.spec || !wanted?.spec) return template
  const { nodeSelector, tolerations, schedulingGates } = wanted.spec
  const { labels, annotations } = wanted.metadata ?? {}
  const same: PodTemplateSpec = {
    ...template,
    metadata: defined({ ...template.metadata, labels, annotations }),
    spec: defined({ ...template.spec, nodeSelector, tolerations, schedulingGates, affinity: affinityOf(template, wanted) }),
  }
  // An absent `metadata` is the same as one without content.
  if (!wanted.metadata && isDeepStrictEqual(same.metadata, {})) delete same.metadata
  return same
}

/** The affinity with the nodes of `wanted`: which pods are its neighbours stays. */
function affinityOf({ spec }: PodTemplateSpec, { spec: wanted }: PodTemplateSpec): PodTemplateSpec['spec']['affinity'] {
  const { nodeAffinity: _, ...neighbours } = spec.affinity ?? {}
  if (!wanted.affinity) return Object.keys(neighbours).length === 0 ? undefined : neighbours
  return defined({ ...neighbours, nodeAffinity: wanted.affinity.nodeAffinity })
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without what is undefined: an absent field is compared as none. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
