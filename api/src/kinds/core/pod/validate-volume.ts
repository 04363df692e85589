/** Rules of volumes, in Kubernetes' words. */
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue } from '../../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain } from '../../../names.ts'
import { isQuantity, parseMilli } from '../../../quantity.ts'
import type { FieldError } from '../../../status.ts'
import { validateClaimSpec } from '../persistent-volume-claim-rules.ts'
import { validateFieldRef, validateResourceFieldRef } from './validate-env.ts'
import type {
  ClusterTrustBundleProjection,
  DownwardApiVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from './volume-types.ts'

const MODE_MAX = 0o777
const DOWNWARD_FIELDS: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
]
const TOKEN_SECONDS_MIN = 600
const TOKEN_SECONDS_MAX = 2 ** 32

export function validateVolumes(volumes: readonly Volume[], path: string): FieldError[] {
  const names = new Set<string>()
  return volumes.flatMap((volume, i) => {
    const at = `${path}[${i}]`
    const errors = validateSource(volume, at)
    const field = `${at}.name`
    if (!volume.name) errors.push(requiredValue(field))
    else {
      errors.push(...invalidIf(field, volume.name, isDnsLabel(volume.name)))
      if (names.has(volume.name)) errors.push(duplicateValue(field, volume.name))
    }
    names.add(volume.name)
    return errors
  })
}

type Rules = { readonly [S in keyof Volume]?: (source: NonNullable<Volume[S]>, path: string) => FieldError[] }

const RULES: Rules = {
  emptyDir: ({ sizeLimit }, path) => {
    if (sizeLimit === undefined || (isQuantity(sizeLimit) && parseMilli(sizeLimit) >= 0)) return []
    return [forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
  },
  hostPath: (source, path) => [...requiredFields(source, path, ['path']), ...validateNoBacksteps(`${path}.path`, source.path ?? '')],
  configMap: (source, path) => [...requiredFields(source, path, ['name']), ...validateFiles(source, path)],
  secret: (source, path) => [...requiredFields(source, path, ['secretName']), ...validateFiles(source, path)],
  projected: (source, path) => validateProjected(source, path),
  downwardAPI: (source, path) => [...validateMode(source.defaultMode, `${path}.defaultMode`), ...validateDownwardFiles(source.items, path)],
  persistentVolumeClaim: (source, path) => requiredFields(source, path, ['claimName']),
  ephemeral: (source, path) => {
    const template = source.volumeClaimTemplate
    // A template without a spec is the schema's to refuse.
    return template?.spec
      ? validateClaimSpec(template.spec, `${path}.volumeClaimTemplate.spec`)
      : requiredFields(source, path, ['volumeClaimTemplate'])
  },
  image: (source, path) => requiredFields(source, path, ['reference']),
  csi: (source, path) => requiredFields(source, path, ['driver']),
  iscsi: (source, path) => requiredFields(source, path, ['targetPortal', 'iqn']),
  nfs: (source, path) => {
    const errors = requiredFields(source, path, ['server', 'path'])
    if (source.path && !source.path.startsWith('/')) errors.push(invalidValue(`${path}.path`, source.path, 'must be an absolute path'))
    return errors
  },
  fc: (source, path) => {
    if (source.targetWWNs?.length || source.wwids?.length) return []
    return [requiredValue(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both')]
  },
}

function validateSource(volume: Volume, path: string): FieldError[] {
  const [first, ...more] = (Object.keys(volume) as (keyof Volume)[]).filter(key => key !== 'name' && volume[key] !== undefined)
  if (!first) return [requiredValue(path, 'must specify a volume type')]
  const rule = RULES[first] as ((source: unknown, path: string) => FieldError[]) | undefined
  return [
    ...(rule?.(volume[first], `${path}.${first}`) ?? []),
    ...more.map(name => forbiddenField(`${path}.${name}`, 'may not specify more than 1 volume type')),
  ]
}

function requiredFields<T extends object>(source: T, path: string, names: readonly (keyof T & string)[]): FieldError[] {
  return names.filter(name => !source[name]).map(name => requiredValue(`${path}.${name}`))
}

function validateFiles({ items, defaultMode }: { items?: KeyToPath[]; defaultMode?: number }, path: string): FieldError[] {
  return [...validateMode(defaultMode, `${path}.defaultMode`), ...validateItems(items, path)]
}

function validateItems(items: readonly KeyToPath[] | undefined, path: string): FieldError[] {
  return (items ?? []).flatMap(({ key, path: file, mode }, i) => {
    const at = `${path}.items[${i}]`
    return [...(key ? [] : [requiredValue(`${at}.key`)]), ...validateFilePath(`${at}.path`, file), ...validateMode(mode, `${at}.mode`)]
  })
}

function validateMode(mode: number | undefined, field: string): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= MODE_MAX)) return []
  return [invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]
}

/** A path below a directory. */
export function validateRelativePath(field: string, path: string): FieldError[] {
  if (path.startsWith('/')) return [invalidValue(field, path, 'must be a relative path')]
  return validateNoBacksteps(field, path)
}

function validateNoBacksteps(field: string, path: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : []
}

/** Names that begin with two dots are the volume's own, for swapping all files at once. */
function validateFilePath(field: string, path: string): FieldError[] {
  if (!path) return [requiredValue(field)]
  const errors = validateRelativePath(field, path)
  if (errors.length === 0 && path.startsWith('..')) errors.push(invalidValue(field, path, "must not start with '..'"))
  return errors
}

function validateDownwardFiles(items: readonly DownwardApiVolumeFile[] | undefined, path: string): FieldError[] {
  return (items ?? []).flatMap((item, i) => {
    const at = `${path}.items[${i}]`
    return [
      ...validateFilePath(`${at}.path`, item.path),
      ...validateDownwardSource(item, path, at),
      ...validateMode(item.mode, `${at}.mode`),
    ]
  })
}

function validateDownwardSource({ fieldRef, resourceFieldRef }: DownwardApiVolumeFile, path: string, at: string): FieldError[] {
  if (fieldRef && resourceFieldRef) {
    return [invalidValue(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')]
  }
  if (fieldRef) return validateFieldRef(fieldRef, `${at}.fieldRef`, DOWNWARD_FIELDS)
  if (resourceFieldRef) return validateResourceFieldRef(resourceFieldRef, `${at}.resourceFieldRef`, true)
  return [requiredValue(path, 'one of fieldRef and resourceFieldRef is required')]
}

function validateProjected({ sources, defaultMode }: ProjectedVolumeSource, path: string): FieldError[] {
  const errors = validateMode(defaultMode, `${path}.defaultMode`)
  const files = new Set<string>()
  for (const [i, source] of (sources ?? []).entries()) {
    const at = `${path}.sources[${i}]`
    const [first, ...more] = (Object.keys(source) as (keyof VolumeProjection)[]).filter(name => source[name] !== undefined)
    if (!first) errors.push(requiredValue(at, 'must specify at least one projection source'))
    else errors.push(...validateProjection(source, `${at}.${first}`))
    errors.push(...more.map(name => forbiddenField(`${at}.${name}`, 'may not specify more than 1 volume type per source')))
    for (const file of filesOf(source)) {
      if (files.has(file)) errors.push(invalidValue(at, file, 'conflicting duplicate paths'))
      files.add(file)
    }
  }
  return errors
}

function filesOf({ secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle }: VolumeProjection): string[] {
  const items = [...(secret?.items ?? []), ...(configMap?.items ?? []), ...(downwardAPI?.items ?? [])].map(item => item.path)
  return [...items, ...[serviceAccountToken, clusterTrustBundle].flatMap(source => source?.path ?? [])]
}

function validateProjection(
  { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle }: VolumeProjection,
  path: string,
): FieldError[] {
  const object = secret ?? configMap
  if (object) {
    const name = object.name ? invalidIf(`${path}.name`, object.name, isDnsSubdomain(object.name)) : [requiredValue(`${path}.name`)]
    return [...name, ...validateItems(object.items, path)]
  }
  if (downwardAPI) return validateDownwardFiles(downwardAPI.items, path)
  if (clusterTrustBundle) return validateTrustBundle(clusterTrustBundle, path)
  if (!serviceAccountToken) return []
  const errors = validateFilePath(`${path}.path`, serviceAccountToken.path)
  const seconds = serviceAccountToken.expirationSeconds ?? TOKEN_SECONDS_MIN
  const field = `${path}.expirationSeconds`
  if (seconds < TOKEN_SECONDS_MIN) errors.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > TOKEN_SECONDS_MAX) errors.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'))
  return errors
}

function validateTrustBundle({ name, signerName, labelSelector, path: file }: ClusterTrustBundleProjection, path: string): FieldError[] {
  const errors = validateFilePath(`${path}.path`, file)
  if (name && signerName) errors.push(invalidValue(path, 'clusterTrustBundle', 'only one of name and signerName may be used'))
  if (!name && !signerName) errors.push(requiredValue(path, 'either name or signerName must be specified'))
  if (name && labelSelector)
    errors.push(invalidValue(`${path}.labelSelector`, labelSelector, 'labelSelector must be unset if name is specified'))
  return errors
}
