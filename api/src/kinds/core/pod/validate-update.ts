/** What of a pod may change, in Kubernetes' words. Nearly nothing: a pod is replaced, not edited. */
import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidValue } from '../../../field-errors.ts'
import { formatQuantity, isQuantity } from '../../../quantity.ts'
import type { FieldError } from '../../../status.ts'
import type { Toleration } from './scheduling-types.ts'
import type { Pod, PodSpec } from './types.ts'

const ONLY_THESE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** Rules of an update through the main resource. Binding, status and ephemeralcontainers have their own ways. */
export function validatePodUpdate({ spec }: Pod, { spec: old }: Pod): FieldError[] {
  for (const name of ['containers', 'initContainers'] as const) {
    // Comparing the rest would only repeat this one.
    if ((spec[name] ?? []).length !== (old[name] ?? []).length) {
      return [forbiddenField(`spec.${name}`, 'pod updates may not add or remove containers')]
    }
  }
  const errors = [...validateDeadlineUpdate(spec, old), ...validateTolerationsUpdate(spec, old), ...validateGatesUpdate(spec, old)]
  if (errors.length > 0) return errors
  const changed = changedFields(withChangeable(spec, old), old)
  return changed.length === 0 ? [] : [forbiddenField('spec', `${ONLY_THESE}\nchanged: ${changed.map(name => `spec.${name}`).join(', ')}`)]
}

/** Rules of the subresource ephemeralcontainers: containers may be added, and nothing else may change. */
export function validateEphemeralContainersUpdate({ spec }: Pod, { spec: old }: Pod): FieldError[] {
  const errors: FieldError[] = []
  const added = new Map((spec.ephemeralContainers ?? []).map(container => [container.name, container]))
  for (const container of old.ephemeralContainers ?? []) {
    const now = added.get(container.name)
    const subject = `existing ephemeral containers ${JSON.stringify(container.name)} may not be`
    if (!now) errors.push(forbiddenField('spec.ephemeralContainers', `${subject} removed`))
    else if (!sameValue(now, container)) errors.push(forbiddenField('spec.ephemeralContainers', `${subject} changed`))
  }
  const { ephemeralContainers: _, ...rest } = spec
  const { ephemeralContainers: __, ...oldRest } = old
  return sameValue(rest, oldRest) ? errors : [...errors, forbiddenField('spec', 'only ephemeralContainers may be changed')]
}

/** `spec` with what may change set back to what it was; whatever differs still is not allowed. */
function withChangeable(spec: PodSpec, old: PodSpec): PodSpec {
  const same: PodSpec = { ...spec, containers: withImages(spec.containers, old.containers) }
  if (spec.initContainers && old.initContainers) same.initContainers = withImages(spec.initContainers, old.initContainers)
  for (const name of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates'] as const) copy(same, old, name)
  if (spec.terminationGracePeriodSeconds === 1 && (old.terminationGracePeriodSeconds ?? 0) < 0)
    copy(same, old, 'terminationGracePeriodSeconds')
  // While gates hold the pod back, nodes may be ruled out, never in.
  const narrowed = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => spec.nodeSelector?.[key] === value)
  if (old.schedulingGates?.length && narrowed) copy(same, old, 'nodeSelector')
  return same
}

function copy<K extends keyof PodSpec>(target: PodSpec, source: PodSpec, name: K): void {
  if (source[name] === undefined) delete target[name]
  else target[name] = source[name]
}

function withImages<C extends { image: string }>(containers: readonly C[], old: readonly C[]): C[] {
  return containers.map((container, i) => ({ ...container, image: old[i]?.image ?? container.image }))
}

function changedFields(spec: PodSpec, old: PodSpec): string[] {
  const [now, before] = [spec, old].map(value => (comparable(value) ?? {}) as Record<string, unknown>)
  const names = new Set([...Object.keys(now ?? {}), ...Object.keys(before ?? {})])
  return [...names].filter(name => !isDeepStrictEqual(now?.[name], before?.[name]))
}

function sameValue(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(comparable(a), comparable(b))
}

const AMOUNTS = new Set(['limits', 'requests', 'overhead'])
/** Plain booleans in Kubernetes, where false and unsaid are one. */
const FALSE_IS_UNSAID = new Set(['hostNetwork', 'hostPID', 'hostIPC', 'stdin', 'stdinOnce', 'tty', 'readOnly'])

/** What is empty counts as unsaid, and amounts count by their worth: `0.5` is `500m`. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(comparable)
  if (typeof value !== 'object' || value === null) return value === '' || value === null ? undefined : value
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (inner === false && FALSE_IS_UNSAID.has(key)) return []
    const said = AMOUNTS.has(key) ? comparableAmounts(inner) : comparable(inner)
    return said === undefined ? [] : [[key, said]]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function comparableAmounts(list: unknown): unknown {
  const entries = Object.entries((list ?? {}) as Record<string, unknown>)
  if (entries.length === 0) return undefined
  return Object.fromEntries(entries.map(([name, amount]) => [name, isQuantity(amount) ? formatQuantity(amount, 'DecimalSI') : amount]))
}

function validateDeadlineUpdate({ activeDeadlineSeconds: now }: PodSpec, { activeDeadlineSeconds: before }: PodSpec): FieldError[] {
  const field = 'spec.activeDeadlineSeconds'
  if (before === undefined) return []
  if (now === undefined) return [invalidValue(field, null, 'must not update from a positive integer to nil value')]
  return now > before ? [invalidValue(field, now, 'must be less than or equal to previous value')] : []
}

/** For how long something is tolerated may change; what is tolerated may only grow. */
function validateTolerationsUpdate({ tolerations: now = [] }: PodSpec, { tolerations: before = [] }: PodSpec): FieldError[] {
  const identity = ({ tolerationSeconds: _, ...rest }: Toleration) => comparable(rest)
  const kept = before.every(old => now.some(toleration => isDeepStrictEqual(identity(toleration), identity(old))))
  return kept ? [] : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')]
}

function validateGatesUpdate({ schedulingGates: now = [] }: PodSpec, { schedulingGates: before = [] }: PodSpec): FieldError[] {
  const known = new Set(before.map(({ name }) => name))
  return now
    .filter(({ name }) => !known.has(name))
    .map(({ name }) => forbiddenField('spec.schedulingGates', `only deletion is allowed, but found new scheduling gate '${name}'`))
}
