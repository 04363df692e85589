import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, immutable, invalidIf, invalidValue, requiredValue } from '../../field-errors.ts'
import { isDnsSubdomain } from '../../names.ts'
import { compareQuantities, isQuantity } from '../../quantity.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import type { PersistentVolumeClaim } from './persistent-volume-types.ts'
import type { PersistentVolumeClaimSpec } from './pod/volume-types.ts'
import { validateAccessModes, validateClassName, validatePositiveAmount } from './volume-rules.ts'

export function applyClaimDefaults(claim: PersistentVolumeClaim): void {
  // The schema says what is missing.
  claim.spec ??= {}
  const { spec } = claim
  spec.volumeMode ??= 'Filesystem'
  // Both names of one thing, as upstream keeps them: a reference within the namespace shows under both.
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource }
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) spec.dataSource = { ...spec.dataSourceRef }
  claim.status ??= {}
  claim.status.phase ??= 'Pending'
}

export function validateClaim({ spec }: PersistentVolumeClaim): FieldError[] {
  return validateClaimSpec(spec, 'spec')
}

/** Of a claim, and of the template of a pod's own claim. */
export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: string): FieldError[] {
  const { storage } = spec.resources?.requests ?? {}
  const errors = [
    ...validateAccessModes(`${path}.accessModes`, spec.accessModes, 'at least 1 access mode is required'),
    ...(spec.selector ? validateLabelSelector(spec.selector, `${path}.selector`) : []),
    ...(storage === undefined
      ? [requiredValue(`${path}.resources[storage]`)]
      : validatePositiveAmount(`${path}.resources[storage]`, storage)),
    ...validateClassName(`${path}.storageClassName`, spec.storageClassName),
    ...validateSource(spec.dataSource, `${path}.dataSource`),
    ...validateSource(spec.dataSourceRef, `${path}.dataSourceRef`),
  ]
  if (spec.dataSource && spec.dataSourceRef?.namespace) {
    errors.push(invalidValue(path, `${path}.dataSource`, 'may not be specified when dataSourceRef.namespace is specified'))
  } else if (spec.dataSource && spec.dataSourceRef && !isDeepStrictEqual({ ...spec.dataSource }, { ...spec.dataSourceRef })) {
    errors.push(invalidValue(path, `${path}.dataSource`, 'must match dataSourceRef'))
  }
  return errors
}

function validateSource(source: { apiGroup?: string; kind: string; name: string } | undefined, path: string): FieldError[] {
  if (!source) return []
  const errors: FieldError[] = []
  if (!source.name) errors.push(requiredValue(`${path}.name`))
  if (!source.kind) errors.push(requiredValue(`${path}.kind`))
  if (source.apiGroup) errors.push(...invalidIf(`${path}.apiGroup`, source.apiGroup, isDnsSubdomain(source.apiGroup)))
  else if (source.kind && source.kind !== 'PersistentVolumeClaim') {
    errors.push(invalidValue(path, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"))
  }
  return errors
}

/** A claim's spec stays as it is, but that a bound one may ask for more; whether its class allows that is for admission to say. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = []
  if (!isDeepStrictEqual(comparable(claim, old), old.spec)) {
    const why = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    errors.push(forbiddenField('spec', why))
  }
  const before = old.spec.resources?.requests?.storage
  const now = claim.spec.resources?.requests?.storage
  const given = old.status?.capacity?.storage ?? 0
  if (isQuantity(before) && isQuantity(now) && compareQuantities(now, before) < 0 && compareQuantities(now, given) <= 0) {
    errors.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'))
  }
  return [...errors, ...immutable('spec.volumeMode', claim.spec.volumeMode, old.spec.volumeMode)]
}

/** The new spec with all that may change as it was before. */
function comparable({ spec, status }: PersistentVolumeClaim, { spec: old }: PersistentVolumeClaim): PersistentVolumeClaimSpec {
  const same = structuredClone(spec)
  const keep = <K extends keyof PersistentVolumeClaimSpec>(name: K) => {
    if (old[name] === undefined) delete same[name]
    else same[name] = old[name]
  }
  // Set once, by whoever binds.
  if (!old.volumeName) keep('volumeName')
  // A claim from before there was a default class gets it while it waits.
  if (old.storageClassName === undefined && !spec.volumeName) keep('storageClassName')
  keep('volumeAttributesClassName')
  const storage = old.resources?.requests?.storage
  if (status?.phase === 'Bound' && same.resources?.requests && storage !== undefined) same.resources.requests.storage = storage
  return same
}
