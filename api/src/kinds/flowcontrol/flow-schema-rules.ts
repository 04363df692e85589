import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import { MANDATORY_FLOW_SCHEMAS } from './mandatory.ts'
import type {
  FlowSchema,
  FlowSchemaSpec,
  FlowSubject,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
} from './types.ts'

const PRECEDENCE_MAX = 10_000
const METHODS = ['ByNamespace', 'ByUser'] as const
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'] as const
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'] as const

export function validateFlowSchema({ metadata: { name = '' }, spec = {} }: FlowSchema): FieldError[] {
  const errors = validateSpec(spec, name)
  const mandatory = MANDATORY_FLOW_SCHEMAS.find(schema => schema.metadata.name === name)
  if (!mandatory || isDeepStrictEqual(spec, mandatory.spec)) return errors
  return [...errors, invalidValue('spec', spec, `spec of '${name}' must equal the fixed value`)]
}

function validateSpec(spec: FlowSchemaSpec, name: string): FieldError[] {
  const { matchingPrecedence: precedence = 0, distinguisherMethod: method, priorityLevelConfiguration: level, rules = [] } = spec
  const errors: FieldError[] = []
  const refuse = (why: string) => errors.push(invalidValue('spec.matchingPrecedence', precedence, why))
  if (precedence <= 0) refuse('must be a positive value')
  if (precedence > PRECEDENCE_MAX) refuse(`must not be greater than ${PRECEDENCE_MAX}`)
  if (precedence === 1 && name !== 'exempt') refuse("only the schema named 'exempt' may have matchingPrecedence 1")
  if (method && !(METHODS as readonly string[]).includes(method.type ?? '')) {
    errors.push(unsupportedValue('spec.distinguisherMethod.type', method.type ?? '', METHODS))
  }
  const path = 'spec.priorityLevelConfiguration.name'
  if (level?.name) errors.push(...invalidIf(path, level.name, isDnsSubdomain(level.name)))
  else errors.push(requiredValue(path, 'must reference a priority level'))
  return [...errors, ...rules.flatMap((rule, i) => validateRules(rule, `spec.rules[${i}]`))]
}

function validateRules(
  { subjects = [], resourceRules: resources = [], nonResourceRules: others = [] }: PolicyRulesWithSubjects,
  path: string,
): FieldError[] {
  const errors = subjects.flatMap((subject, i) => validateSubject(subject, `${path}.subjects[${i}]`))
  if (subjects.length === 0) errors.push(requiredValue(`${path}.subjects`, 'subjects must contain at least one value'))
  if (resources.length === 0 && others.length === 0) {
    errors.push(requiredValue(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  }
  errors.push(...resources.flatMap((rule, i) => validateResourceRule(rule, `${path}.resourceRules[${i}]`)))
  return [...errors, ...others.flatMap((rule, i) => validateNonResourceRule(rule, `${path}.nonResourceRules[${i}]`))]
}

const SUBJECT_FIELDS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const

function validateSubject(subject: FlowSubject, path: string): FieldError[] {
  const kind = SUBJECT_KINDS.find(known => known === subject.kind)
  if (!kind) return [unsupportedValue(`${path}.kind`, subject.kind ?? '', SUBJECT_KINDS)]
  const field = SUBJECT_FIELDS[kind]
  const errors: FieldError[] = []
  const named = subject[field]
  if (!named) errors.push(requiredValue(`${path}.${field}`, `${field} is required when subject kind is '${kind}'`))
  else if (!named.name) errors.push(requiredValue(`${path}.${field}.name`))
  if (kind === 'ServiceAccount' && subject.serviceAccount) errors.push(...validateAccount(subject.serviceAccount, `${path}.${field}`))
  for (const other of SUBJECT_KINDS) {
    const otherField = SUBJECT_FIELDS[other]
    if (other === kind || subject[otherField] === undefined) continue
    errors.push(forbiddenField(`${path}.${otherField}`, `${otherField} is forbidden when subject kind is not '${other}'`))
  }
  return errors
}

function validateAccount({ name, namespace }: NonNullable<FlowSubject['serviceAccount']>, path: string): FieldError[] {
  const errors = name && name !== '*' ? invalidIf(`${path}.name`, name, isDnsSubdomain(name)) : []
  if (namespace) errors.push(...invalidIf(`${path}.namespace`, namespace, isDnsLabel(namespace)))
  else errors.push(requiredValue(`${path}.namespace`, 'must specify namespace for service account'))
  return errors
}

function validateVerbs(verbs: readonly string[], path: string): FieldError[] {
  if (verbs.length === 0) return [requiredValue(path, 'verbs must contain at least one value')]
  if (verbs.includes('*')) return onlyAll(verbs, path, 'verbs')
  return verbs.every(verb => (VERBS as readonly string[]).includes(verb)) ? [] : [unsupportedValue(path, verbs, VERBS)]
}

/** `*` stands alone. */
function onlyAll(values: readonly string[], path: string, what: string): FieldError[] {
  if (values.length === 1 || !values.includes('*')) return []
  return [invalidValue(path, values, `if '*' is present, must not specify other ${what}`)]
}

function validateResourceRule(rule: ResourcePolicyRule, path: string): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], namespaces = [], clusterScope } = rule
  const errors = validateVerbs(verbs, `${path}.verbs`)
  if (apiGroups.length === 0) errors.push(requiredValue(`${path}.apiGroups`, 'resource rules must supply at least one api group'))
  else errors.push(...onlyAll(apiGroups, `${path}.apiGroups`, 'api groups'))
  if (resources.length === 0) errors.push(requiredValue(`${path}.resources`, 'resource rules must supply at least one resource'))
  else errors.push(...onlyAll(resources, `${path}.resources`, 'resources'))
  if (namespaces.length === 0 && !clusterScope) {
    const why = 'resource rules that are not cluster scoped must supply at least one namespace'
    return [...errors, requiredValue(`${path}.namespaces`, why)]
  }
  if (namespaces.includes('*')) return [...errors, ...onlyAll(namespaces, `${path}.namespaces`, 'namespaces')]
  for (const [i, namespace] of namespaces.entries()) {
    const why = isDnsLabel(namespace)
    if (why === undefined) continue
    errors.push(invalidValue(`${path}.namespaces[${i}]`, namespace, `each member of this list must be '*' or a DNS-1123 label; ${why}`))
  }
  return errors
}

function validateNonResourceRule({ verbs = [], nonResourceURLs: urls = [] }: NonResourcePolicyRule, path: string): FieldError[] {
  const errors = validateVerbs(verbs, `${path}.verbs`)
  const at = `${path}.nonResourceURLs`
  if (urls.length === 0) return [...errors, requiredValue(at, 'nonResourceURLs must contain at least one value')]
  if (urls.includes('*')) return [...errors, ...onlyAll(urls, at, 'non-resource URLs')]
  return [...errors, ...urls.flatMap((url, i) => invalidIf(`${at}[${i}]`, url, whyNoPath(url)))]
}

function whyNoPath(path: string): string | undefined {
  if (path === '') return 'must not be empty'
  if (path === '/') return undefined
  if (!path.startsWith('/')) return 'must start with slash'
  if (path.includes(' ')) return 'must not contain white-space'
  if (path.includes('//')) return 'must not contain double slash'
  const stars = path.split('*').length - 1
  return stars > 1 || (stars === 1 && !path.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined
}
