/** Rules of environment variables and of references to fields, in Kubernetes' words. */
import { invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../../field-errors.ts'
import type { Quantity } from '../../../meta.ts'
import { isConfigMapKey, isDnsSubdomain, isEnvVarName, isQualifiedName } from '../../../names.ts'
import { formatQuantity, isQuantity } from '../../../quantity.ts'
import type { FieldError } from '../../../status.ts'
import type { Container, EnvFromSource, EnvVar, EnvVarSource } from './container-types.ts'
import type { ConfigMapKeySelector, ObjectFieldSelector, ResourceFieldSelector } from './volume-types.ts'

/** Fields of the pod that an environment variable can hold. */
const ENV_FIELDS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]

/** Known to the API, though not all of use to a container. */
const KNOWN_FIELDS = new Set([
  ...ENV_FIELDS,
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
])
const SUBSCRIPT = /^(metadata\.(?:annotations|labels))\['([^']*)'\]$/

const RESOURCES: readonly string[] = ['cpu', 'ephemeral-storage', 'memory'].flatMap(name => [`limits.${name}`, `requests.${name}`]).sort()
const CPU_DIVISORS = ['1m', '1']
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'] as const
const ONE_OF_SOURCES = 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'
const ONE_ONLY = 'may not have more than one field specified at a time'

export function validateEnv(container: Pick<Container, 'env' | 'envFrom'>, path: string): FieldError[] {
  return [
    ...(container.env ?? []).flatMap((variable, i) => validateVariable(variable, `${path}.env[${i}]`)),
    ...(container.envFrom ?? []).flatMap((source, i) => validateEnvFrom(source, `${path}.envFrom[${i}]`)),
  ]
}

function validateVariable({ name, value, valueFrom }: EnvVar, path: string): FieldError[] {
  const field = `${path}.name`
  const errors = name ? invalidIf(field, name, isEnvVarName(name)) : [requiredValue(field)]
  if (valueFrom) errors.push(...validateSource(valueFrom, value, `${path}.valueFrom`))
  return errors
}

function validateSource(source: EnvVarSource, value: string | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (source.fieldRef) errors.push(...validateFieldRef(source.fieldRef, `${path}.fieldRef`, ENV_FIELDS))
  if (source.resourceFieldRef) errors.push(...validateResourceFieldRef(source.resourceFieldRef, `${path}.resourceFieldRef`, false))
  for (const name of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const selector = source[name]
    if (selector) errors.push(...validateKeySelector(selector, `${path}.${name}`))
  }
  const count = SOURCES.filter(name => source[name]).length
  if (count === 0) errors.push(invalidValue(path, '', ONE_OF_SOURCES))
  else if (value) errors.push(invalidValue(path, '', 'may not be specified when `value` is not empty'))
  else if (count > 1) errors.push(invalidValue(path, '', ONE_ONLY))
  return errors
}

function validateKeySelector({ name = '', key }: ConfigMapKeySelector, path: string): FieldError[] {
  const errors = invalidIf(`${path}.name`, name, isDnsSubdomain(name))
  if (!key) return [...errors, requiredValue(`${path}.key`)]
  return [...errors, ...invalidIf(`${path}.key`, key, isConfigMapKey(key))]
}

/** A reference to one of the pod's fields; `supported` besides single labels and annotations. */
export function validateFieldRef({ apiVersion, fieldPath }: ObjectFieldSelector, path: string, supported: readonly string[]): FieldError[] {
  if (!apiVersion) return [requiredValue(`${path}.apiVersion`)]
  const field = `${path}.fieldPath`
  if (!fieldPath) return [requiredValue(field)]
  const subscript = SUBSCRIPT.exec(fieldPath)
  if (subscript) {
    const key = subscript[2] ?? ''
    // Keys of annotations are looked up without regard to case.
    return invalidIf(field, key, isQualifiedName(subscript[1] === 'metadata.annotations' ? key.toLowerCase() : key))
  }
  if (!KNOWN_FIELDS.has(fieldPath)) {
    return [invalidValue(field, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)]
  }
  return supported.includes(fieldPath) ? [] : [unsupportedValue(field, fieldPath, supported)]
}

/** A reference to a limit or request; in volumes the container must be named. */
export function validateResourceFieldRef(ref: ResourceFieldSelector, path: string, needsContainer: boolean): FieldError[] {
  if (needsContainer && !ref.containerName) return [requiredValue(`${path}.containerName`)]
  const field = `${path}.resource`
  if (!ref.resource) return [requiredValue(field)]
  const name = ref.resource.replace(/^(limits|requests)\./, '')
  if (!RESOURCES.includes(ref.resource) && !name.startsWith('hugepages-')) return [unsupportedValue(field, ref.resource, RESOURCES)]
  return validateDivisor(name, ref.divisor, `${path}.divisor`)
}

function validateDivisor(resource: string, divisor: Quantity | undefined, field: string): FieldError[] {
  if (divisor === undefined || divisor === '' || Number(divisor) === 0) return []
  const allowed = resource === 'cpu' ? CPU_DIVISORS : BYTE_DIVISORS
  const text = isQuantity(divisor) ? formatQuantity(divisor) : String(divisor)
  if (allowed.includes(text)) return []
  return [invalidValue(field, text, `only divisor's values ${listed(allowed)} are supported with the ${resource} resource`)]
}

function listed(words: readonly string[]): string {
  return words.length === 2 ? words.join(' and ') : words.join(', ')
}

function validateEnvFrom({ prefix, configMapRef, secretRef }: EnvFromSource, path: string): FieldError[] {
  const errors = prefix ? invalidIf(`${path}.prefix`, prefix, isEnvVarName(prefix)) : []
  for (const [kind, ref] of Object.entries({ configMapRef, secretRef })) {
    if (!ref) continue
    const field = `${path}.${kind}.name`
    errors.push(...(ref.name ? invalidIf(field, ref.name, isDnsSubdomain(ref.name)) : [requiredValue(field)]))
  }
  if (!configMapRef && !secretRef) errors.push(invalidValue(path, '', 'must specify one of: `configMapRef` or `secretRef`'))
  if (configMapRef && secretRef) errors.push(invalidValue(path, '', ONE_ONLY))
  return errors
}
