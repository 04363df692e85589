import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidIf, invalidValue, nonNegative, requiredValue } from '../../field-errors.ts'
import { isDnsLabel } from '../../names.ts'
import { validateAnnotations } from '../../object-meta.ts'
import { selectorFromLabelSelector } from '../../selectors/labels.ts'
import { validateLabelSelector, validateLabels } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { applyClaimDefaults, validateClaimSpec } from '../core/persistent-volume-claim-rules.ts'
import { applyPodSpecDefaults, type PodTemplateSpec, validatePodTemplate } from '../core/pod.ts'
import { isZeroAmount, validateAtMostAll, validateIntOrPercent } from '../int-or-percent.ts'
import type { RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetStatus } from './stateful-set-types.ts'
import { validateCollisionCount, validateCounts, validateLastingPods, validateSelected } from './templates.ts'

export function applyStatefulSetDefaults(statefulSet: StatefulSet): void {
  // The schema says what is missing.
  statefulSet.spec ??= {} as StatefulSetSpec
  const { spec } = statefulSet
  spec.replicas ??= 1
  spec.podManagementPolicy ||= 'OrderedReady'
  spec.revisionHistoryLimit ??= 10
  spec.updateStrategy ??= {}
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate'
    spec.updateStrategy.rollingUpdate ??= {}
  }
  const { type, rollingUpdate } = spec.updateStrategy
  if (type === 'RollingUpdate' && rollingUpdate) rollingUpdate.partition ??= 0
  spec.persistentVolumeClaimRetentionPolicy ??= {}
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= 'Retain'
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= 'Retain'
  for (const claim of spec.volumeClaimTemplates ?? []) {
    // Always there, so that what clients apply again is no change.
    claim.apiVersion = 'v1'
    claim.kind = 'PersistentVolumeClaim'
    applyClaimDefaults(claim)
  }
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec)
  statefulSet.status ??= {}
  statefulSet.status.replicas ??= 0
}

export function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  return [
    ...validatePolicy(spec),
    ...validateUpdateStrategy(spec),
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.ordinals.start', spec.ordinals?.start),
    ...(spec.serviceName ? invalidIf('spec.serviceName', spec.serviceName, isDnsLabel(spec.serviceName)) : []),
    ...validateSelector(spec),
    ...validatePodTemplate(withClaimVolumes(spec), 'spec.template'),
    ...validateLastingPods(spec.template, 'StatefulSet'),
    ...validateClaimTemplates(spec),
  ]
}

function validatePolicy({ podManagementPolicy: policy }: StatefulSetSpec): FieldError[] {
  if (policy === 'OrderedReady' || policy === 'Parallel') return []
  return [invalidValue('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")]
}

function validateUpdateStrategy({ updateStrategy = {} }: StatefulSetSpec): FieldError[] {
  const { type, rollingUpdate } = updateStrategy
  const path = 'spec.updateStrategy'
  if (type !== 'RollingUpdate' && type !== 'OnDelete') {
    return [invalidValue(path, updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")]
  }
  if (!rollingUpdate) return []
  if (type === 'OnDelete') {
    return [invalidValue(`${path}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")]
  }
  return validateRollingUpdate(rollingUpdate, `${path}.rollingUpdate`)
}

function validateRollingUpdate({ partition, maxUnavailable }: RollingUpdateStatefulSetStrategy, path: string): FieldError[] {
  const errors = nonNegative(`${path}.partition`, partition)
  if (maxUnavailable === undefined) return errors
  const field = `${path}.maxUnavailable`
  return [
    ...errors,
    ...validateIntOrPercent(field, maxUnavailable),
    ...(isZeroAmount(maxUnavailable) ? [invalidValue(field, maxUnavailable, 'cannot be 0')] : []),
    ...validateAtMostAll(field, maxUnavailable),
  ]
}

function validateSelector({ selector, template }: StatefulSetSpec): FieldError[] {
  if (!selector) return [requiredValue('spec.selector'), ...validateSelected(template, selectorFromLabelSelector(selector))]
  const errors = validateLabelSelector(selector, 'spec.selector')
  if (errors.length > 0) return errors
  const compiled = selectorFromLabelSelector(selector)
  if (compiled.empty) errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for statefulset'))
  return [...errors, ...validateSelected(template, compiled)]
}

/** The template as its pods will be: each claim is a volume, in place of one of its name. */
function withClaimVolumes({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec | undefined {
  const names = new Set(volumeClaimTemplates.map(({ metadata }) => metadata?.name))
  if (!template?.spec || names.size === 0) return template
  const own = (template.spec.volumes ?? []).filter(({ name }) => !names.has(name))
  const claimed = [...names].flatMap(name => (name ? [{ name, persistentVolumeClaim: { claimName: name } }] : []))
  return { ...template, spec: { ...template.spec, volumes: [...own, ...claimed] } }
}

function validateClaimTemplates({ volumeClaimTemplates = [] }: StatefulSetSpec): FieldError[] {
  return volumeClaimTemplates.flatMap(({ metadata, spec }, i) => {
    const path = `spec.volumeClaimTemplates[${i}]`
    return [
      ...validateLabels(metadata?.labels, `${path}.metadata.labels`),
      ...validateAnnotations(metadata?.annotations, `${path}.metadata.annotations`),
      ...validateClaimSpec(spec, `${path}.spec`),
    ]
  })
}

const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

/** What its pods are told apart by, and what they keep, stays as it is. */
export function validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): FieldError[] {
  if (isDeepStrictEqual(lasting(spec), lasting(old))) return []
  const why =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
  return [forbiddenField('spec', why)]
}

function lasting(spec: StatefulSetSpec): Partial<StatefulSetSpec> {
  const rest: Partial<StatefulSetSpec> = { ...spec }
  for (const name of CHANGEABLE) delete rest[name]
  return rest
}

const COUNTS = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'observedGeneration',
  'collisionCount',
] as const

export function validateStatefulSetStatus({ status = {} }: StatefulSet, { status: old }: StatefulSet): FieldError[] {
  const errors = validateCounts(status, COUNTS)
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status
  for (const name of [
    'readyReplicas',
    'currentReplicas',
    'updatedReplicas',
    'availableReplicas',
  ] as const satisfies (keyof StatefulSetStatus)[]) {
    const count = status[name] ?? 0
    if (count > replicas) errors.push(invalidValue(`status.${name}`, count, 'cannot be greater than status.replicas'))
  }
  if (availableReplicas > readyReplicas) {
    errors.push(invalidValue('status.availableReplicas', availableReplicas, 'cannot be greater than status.readyReplicas'))
  }
  return [...errors, ...validateCollisionCount(status, old)]
}
