/** Rules of CustomResourceDefinitions, in Kubernetes' words. */
import { immutable, invalidIf, invalidTogether, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { isDnsSubdomain, isServiceName } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionStatus,
} from './types.ts'
import { validateVersion } from './version-rules.ts'

const SCOPES = ['Cluster', 'Namespaced']
const STRATEGIES = ['None', 'Webhook']
const APPROVAL = 'api-approved.kubernetes.io'

export function validateDefinition(definition: CustomResourceDefinition): FieldError[] {
  const { metadata, spec } = definition
  if (!spec) return []
  const { group = '', names, versions = [], scope = '', conversion } = spec
  const errors: FieldError[] = []
  const wanted = `${names?.plural ?? ''}.${group}`
  if (metadata.name !== wanted) {
    errors.push(invalidValue('metadata.name', metadata.name ?? '', 'must be spec.names.plural+"."+spec.group'))
  }
  errors.push(...validateGroup(group, metadata.annotations), ...validateScope(scope), ...validateVersions(spec))
  errors.push(...versions.flatMap((version, i) => validateVersion(version, `spec.versions[${i}]`)))
  if (names) errors.push(...validateNames(names, 'spec.names'))
  if (spec.preserveUnknownFields) {
    errors.push(invalidValue('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'))
  }
  return [...errors, ...validateConversion(conversion), ...validateStored(definition)]
}

export function validateDefinitionUpdate(definition: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const { spec } = definition
  const errors = [
    ...immutable('spec.group', spec.group, old.spec.group),
    ...immutable('spec.names.plural', spec.names?.plural, old.spec.names.plural),
  ]
  if (!isEstablished(old)) return errors
  return [
    ...errors,
    ...immutable('spec.scope', spec.scope, old.spec.scope),
    ...immutable('spec.names.kind', spec.names?.kind, old.spec.names.kind),
  ]
}

export function validateDefinitionStatus(definition: CustomResourceDefinition): FieldError[] {
  const { acceptedNames } = definition.status ?? {}
  const named = acceptedNames && (acceptedNames.plural || acceptedNames.kind)
  return [
    ...(named ? validateNames(acceptedNames as CustomResourceDefinitionNames, 'status.acceptedNames') : []),
    ...validateStored(definition),
  ]
}

/** Whether its resources are, or were once, served. */
export function isEstablished({ status }: { status?: CustomResourceDefinitionStatus }): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false
}

function validateGroup(group: string, annotations: Readonly<Record<string, string>> = {}): FieldError[] {
  const path = 'spec.group'
  if (!group) return [requiredValue(path)]
  const errors = invalidIf(path, group, isDnsSubdomain(group))
  if (errors.length === 0 && !group.includes('.')) errors.push(invalidValue(path, group, 'should be a domain with at least one dot'))
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return errors
  const approval = annotations[APPROVAL]
  const field = `metadata.annotations[${APPROVAL}]`
  if (!approval) {
    return [
      ...errors,
      requiredValue(
        field,
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    ]
  }
  const isFine = approval.startsWith('unapproved') || URL.canParse(approval)
  const why =
    'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111'
  return isFine ? errors : [...errors, invalidValue(field, approval, why)]
}

function validateScope(scope: string): FieldError[] {
  if (!scope) return [requiredValue('spec.scope')]
  return SCOPES.includes(scope) ? [] : [unsupportedValue('spec.scope', scope, SCOPES)]
}

function validateVersions({ versions = [] }: CustomResourceDefinitionSpec): FieldError[] {
  const path = 'spec.versions'
  if (versions.length === 0) return [requiredValue(path)]
  const errors: FieldError[] = []
  if (new Set(versions.map(({ name }) => name)).size < versions.length) {
    errors.push(invalidTogether(path, 'must contain unique version names'))
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(invalidTogether(path, 'must have exactly one version marked as storage version'))
  }
  return errors
}

function validateNames(
  { plural = '', singular, shortNames = [], kind = '', listKind, categories = [] }: CustomResourceDefinitionNames,
  path: string,
): FieldError[] {
  const mixed = (why: string | undefined) => why && `may have mixed case, but should otherwise match: ${why}`
  const errors: FieldError[] = plural ? invalidIf(`${path}.plural`, plural, isServiceName(plural)) : [requiredValue(`${path}.plural`)]
  if (singular) errors.push(...invalidIf(`${path}.singular`, singular, isServiceName(singular)))
  if (!kind) errors.push(requiredValue(`${path}.kind`))
  else errors.push(...invalidIf(`${path}.kind`, kind, mixed(isServiceName(kind.toLowerCase()))))
  if (listKind) {
    errors.push(...invalidIf(`${path}.listKind`, listKind, mixed(isServiceName(listKind.toLowerCase()))))
    if (listKind === kind) errors.push(invalidValue(`${path}.listKind`, listKind, 'kind and listKind may not be the same'))
  }
  for (const [i, name] of shortNames.entries()) errors.push(...invalidIf(`${path}.shortNames[${i}]`, name, isServiceName(name)))
  for (const [i, name] of categories.entries()) errors.push(...invalidIf(`${path}.categories[${i}]`, name, isServiceName(name)))
  return errors
}

function validateConversion(conversion: CustomResourceConversion | undefined): FieldError[] {
  const path = 'spec.conversion'
  if (!conversion) return []
  const { strategy, webhook } = conversion
  if (!STRATEGIES.includes(strategy)) return [unsupportedValue(`${path}.strategy`, strategy, STRATEGIES)]
  if (strategy === 'None') {
    const why = 'should not be set when strategy is not set to Webhook'
    return webhook ? [{ type: 'Forbidden', field: `${path}.webhook`, detail: why }] : []
  }
  const errors: FieldError[] = []
  const { clientConfig, conversionReviewVersions: versions = [] } = webhook ?? {}
  const { url, service } = clientConfig ?? {}
  if (!clientConfig) errors.push(requiredValue(`${path}.webhookClientConfig`, 'required when strategy is set to Webhook'))
  else if ((url === undefined) === (service === undefined)) {
    errors.push(requiredValue(`${path}.webhookClientConfig`, 'exactly one of url or service is required'))
  }
  if (versions.length === 0) errors.push(requiredValue(`${path}.conversionReviewVersions`))
  else if (!versions.some(version => version === 'v1' || version === 'v1beta1')) {
    errors.push(invalidValue(`${path}.conversionReviewVersions`, versions, 'must include at least one of v1, v1beta1'))
  }
  return errors
}

/** A version stays as long as objects may be stored in it. */
function validateStored({ spec, status }: CustomResourceDefinition): FieldError[] {
  const names = new Set((spec?.versions ?? []).map(({ name }) => name))
  return (status?.storedVersions ?? []).flatMap((version, i) => {
    if (names.has(version)) return []
    const why = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`
    return [invalidValue(`status.storedVersions[${i}]`, version, why)]
  })
}
