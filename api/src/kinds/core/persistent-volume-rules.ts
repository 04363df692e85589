import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, immutable, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'
import type { PersistentVolume, PersistentVolumeSource, PersistentVolumeSpec } from './persistent-volume-types.ts'
import { RETIRED_PERSISTENT_SOURCES } from './pod/retired-volumes.ts'
import { validateNodeSelector } from './pod/validate-scheduling.ts'
import { validateAccessModes, validateClassName, validatePositiveAmount } from './volume-rules.ts'

/** Fields of a volume's spec of which exactly one is set, in the order errors name them. */
const PERSISTENT_SOURCES = [
  'hostPath',
  'nfs',
  'iscsi',
  'fc',
  'local',
  'csi',
  ...RETIRED_PERSISTENT_SOURCES,
] as const satisfies readonly (keyof PersistentVolumeSource)[]

type Rules = {
  readonly [S in keyof PersistentVolumeSource]?: (source: NonNullable<PersistentVolumeSource[S]>, path: string) => FieldError[]
}

const RULES: Rules = {
  hostPath: validatePath,
  local: validatePath,
  nfs: (source, path) => {
    const errors = requireFields(source, path, ['server', 'path'])
    if (source.path && !source.path.startsWith('/')) errors.push(invalidValue(`${path}.path`, source.path, 'must be an absolute path'))
    return errors
  },
  iscsi: (source, path) => requireFields(source, path, ['targetPortal', 'iqn']),
  csi: (source, path) => requireFields(source, path, ['driver', 'volumeHandle']),
  fc: (source, path) =>
    source.targetWWNs?.length || source.wwids?.length
      ? []
      : [requiredValue(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both')],
}

export function applyVolumeDefaults(volume: PersistentVolume): void {
  // The schema says what is missing.
  volume.spec ??= {}
  volume.spec.persistentVolumeReclaimPolicy ??= 'Retain'
  volume.spec.volumeMode ??= 'Filesystem'
  if (volume.spec.hostPath) volume.spec.hostPath.type ??= ''
  if (volume.spec.iscsi) volume.spec.iscsi.iscsiInterface ||= 'default'
  volume.status ??= {}
  volume.status.phase ??= 'Pending'
}

export function validateVolume({ spec }: PersistentVolume): FieldError[] {
  return [
    ...validateAccessModes('spec.accessModes', spec.accessModes),
    ...validateCapacity(spec),
    ...validateAffinity(spec),
    ...validateSource(spec),
    ...validateClassName('spec.storageClassName', spec.storageClassName),
  ]
}

/** The source is for ever, and so is where the volume can be reached once that was said. */
export function validateVolumeUpdate({ spec }: PersistentVolume, { spec: old }: PersistentVolume): FieldError[] {
  const errors: FieldError[] = []
  if (!isDeepStrictEqual(sourceOf(spec, old), sourceOf(old, old))) {
    errors.push(forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'))
  }
  errors.push(...immutable('spec.volumeMode', spec.volumeMode, old.volumeMode))
  if (old.nodeAffinity) errors.push(...immutable('spec.nodeAffinity', spec.nodeAffinity, old.nodeAffinity))
  return errors
}

/** The source alone. Secrets for expansion may be added to a volume that has none. */
function sourceOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): PersistentVolumeSource {
  const source: PersistentVolumeSource = Object.fromEntries(
    PERSISTENT_SOURCES.flatMap(name => (spec[name] === undefined ? [] : [[name, spec[name]]])),
  )
  if (!source.csi || !old.csi) return source
  const csi = { ...source.csi }
  for (const name of ['controllerExpandSecretRef', 'nodeExpandSecretRef'] as const) if (!old.csi[name]) delete csi[name]
  return { ...source, csi }
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec): FieldError[] {
  const names = Object.keys(capacity)
  if (names.length === 0) return [requiredValue('spec.capacity')]
  const errors = names.flatMap(name => validatePositiveAmount(`spec.capacity[${name}]`, capacity[name] ?? 0))
  if (names.length > 1 || names[0] !== 'storage') errors.push(unsupportedValue('spec.capacity', capacity, ['storage']))
  return errors
}

function validateAffinity({ nodeAffinity, local }: PersistentVolumeSpec): FieldError[] {
  if (!nodeAffinity) return local ? [requiredValue('spec.nodeAffinity', 'Local volume requires node affinity')] : []
  const { required } = nodeAffinity
  if (!required) return [requiredValue('spec.nodeAffinity.required', 'must specify required node constraints')]
  return validateNodeSelector(required, 'spec.nodeAffinity.required')
}

function validateSource(spec: PersistentVolumeSpec): FieldError[] {
  const [first, ...more] = PERSISTENT_SOURCES.filter(name => spec[name] !== undefined)
  if (!first) return [requiredValue('spec', 'must specify a volume type')]
  const rule = RULES[first] as ((source: unknown, path: string) => FieldError[]) | undefined
  const errors = rule?.(spec[first], `spec.${first}`) ?? []
  errors.push(...more.map(name => forbiddenField(`spec.${name}`, 'may not specify more than 1 volume type')))
  if (spec.hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle') {
    errors.push(forbiddenField('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"))
  }
  return errors
}

function validatePath({ path }: { path: string }, at: string): FieldError[] {
  if (!path) return [requiredValue(`${at}.path`)]
  return path.split('/').includes('..') ? [invalidValue(`${at}.path`, path, "must not contain '..'")] : []
}

function requireFields<T extends object>(source: T, path: string, names: readonly (keyof T & string)[]): FieldError[] {
  return names.filter(name => !source[name]).map(name => requiredValue(`${path}.${name}`))
}
