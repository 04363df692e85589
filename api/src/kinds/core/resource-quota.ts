import { invalidValue, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, Quantity } from '../../meta.ts'
import { once } from '../../once.ts'
import { field, list, object, quantityMap, required, string, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { isQuotaResource, validateQuotaResource } from './resource-names.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/resource-quota-v1/ */
export interface ResourceQuota extends KubernetesObject {
  spec: ResourceQuotaSpec
  status?: ResourceQuotaStatus
}

export interface ResourceQuotaSpec {
  hard?: Record<string, Quantity>
  scopes?: string[]
  scopeSelector?: ScopeSelector
}

export interface ScopeSelector {
  matchExpressions?: ScopedResourceSelectorRequirement[]
}

export interface ScopedResourceSelectorRequirement {
  scopeName: string
  operator: string
  values?: string[]
}

export interface ResourceQuotaStatus {
  hard?: Record<string, Quantity>
  used?: Record<string, Quantity>
}

const COMPUTE = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']

/** What each scope can be about. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  Terminating: ['pods', ...COMPUTE],
  NotTerminating: ['pods', ...COMPUTE],
  BestEffort: ['pods'],
  NotBestEffort: ['pods', ...COMPUTE],
  PriorityClass: ['pods', ...COMPUTE],
  CrossNamespacePodAffinity: ['pods', ...COMPUTE],
}
/** All but PriorityClass: they hold or do not. */
const PLAIN_SCOPES: readonly string[] = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity']
const OPPOSITES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

const specSchema = once(() =>
  object('ResourceQuotaSpec', 'How much there may be in a namespace.', {
    hard: quantityMap('The most of each resource, such as `pods`, `requests.cpu` or `count/deployments.apps`.'),
    scopes: strings(
      'Only pods for which all of these hold: Terminating, NotTerminating, BestEffort, NotBestEffort. They cannot be changed.',
    ),
    scopeSelector: field(
      object('ScopeSelector', 'Selects pods by scope.', {
        matchExpressions: list(
          object('ScopedResourceSelectorRequirement', 'What must hold of one scope.', {
            scopeName: required(string('The scope, such as PriorityClass.')),
            operator: required(string('In, NotIn, Exists or DoesNotExist.')),
            values: strings('Values for In and NotIn.'),
          }),
          'Requirements that must all hold.',
        ),
      }),
      'Only pods that it selects.',
    ),
  }),
)

const statusSchema = once(() =>
  object('ResourceQuotaStatus', 'How much there is in a namespace.', {
    hard: quantityMap('The most of each resource, as it is enforced.'),
    used: quantityMap('How much there is of each.'),
  }),
)

export const resourceQuotaKind = defineKind<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  subresources: ['status'],
  hasGeneration: false,
  description: 'How much there may be in a namespace.',
  schema: () =>
    object('ResourceQuota', 'How much there may be in a namespace.', {
      spec: field(specSchema(), 'How much there may be.'),
      status: field(statusSchema(), 'How much there is.'),
    }),
  applyDefaults(quota) {
    quota.spec ??= {}
    quota.status ??= {}
  },
  validate: ({ spec }) => [...validateAmounts('spec.hard', spec.hard), ...validateScopes(spec), ...validateScopeSelector(spec)],
  validateUpdate: ({ spec }, { spec: old }) => {
    const isSame = sorted(spec.scopes) === sorted(old.scopes)
    return isSame ? [] : [invalidValue('spec.scopes', spec.scopes, 'field is immutable')]
  },
  validateStatus: ({ status }) => [...validateAmounts('status.hard', status?.hard), ...validateAmounts('status.used', status?.used)],
  columns: [
    nameColumn,
    { name: 'Request', type: 'string', description: 'How much is asked for, of how much.', value: quota => formatUse(quota, false) },
    { name: 'Limit', type: 'string', description: 'How much may be used, of how much.', value: quota => formatUse(quota, true) },
    ageColumn,
  ],
})

function validateAmounts(path: string, amounts: Readonly<Record<string, Quantity>> = {}): FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => validateQuotaResource(name, amount, `${path}[${name}]`))
}

function validateScopes({ scopes = [], hard }: ResourceQuotaSpec): FieldError[] {
  const field = 'spec.scopes'
  const errors: FieldError[] = []
  for (const scope of scopes) {
    if (!Object.hasOwn(SCOPES, scope)) errors.push(invalidValue(field, scopes, 'unsupported scope'))
    if (!suits(scope, hard)) errors.push(invalidValue(field, scopes, 'unsupported scope applied to resource'))
  }
  if (areOpposite(scopes)) errors.push(invalidValue(field, scopes, 'conflicting scopes'))
  return errors
}

function validateScopeSelector({ scopeSelector, scopes, hard }: ResourceQuotaSpec): FieldError[] {
  const field = 'spec.scopeSelector.matchExpressions'
  const requirements = scopeSelector?.matchExpressions ?? []
  const errors = requirements.flatMap(requirement => [
    ...validateRequirement(requirement, field),
    ...(suits(requirement.scopeName, hard) ? [] : [invalidValue(field, scopeSelector, 'unsupported scope applied to resource')]),
  ])
  if (areOpposite(requirements.map(({ scopeName }) => scopeName))) errors.push(invalidValue(field, scopes, 'conflicting scopes'))
  return errors
}

function validateRequirement({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, field: string): FieldError[] {
  const errors: FieldError[] = []
  if (!Object.hasOwn(SCOPES, scopeName)) errors.push(invalidValue(`${field}.scopeName`, scopeName, 'unsupported scope'))
  if (PLAIN_SCOPES.includes(scopeName) && operator !== 'Exists') {
    const why =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
    errors.push(invalidValue(`${field}.operator`, operator, why))
  }
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
    if (values.length === 0) errors.push(requiredValue(`${field}.values`, why))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
    if (values.length > 0) errors.push(invalidValue(`${field}.values`, values, why))
  } else errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'))
  return errors
}

/** Whether all that is limited and has no domain in its name is something the scope can be about. */
function suits(scope: string, hard: Readonly<Record<string, Quantity>> = {}): boolean {
  if (!Object.hasOwn(SCOPES, scope)) return true
  return Object.keys(hard).every(name => !isQuotaResource(name) || SCOPES[scope]?.includes(name))
}

function areOpposite(scopes: readonly string[]): boolean {
  return OPPOSITES.some(([one, other]) => scopes.includes(one) && scopes.includes(other))
}

function sorted(scopes: readonly string[] = []): string {
  return [...new Set(scopes)].sort().join()
}

function formatUse({ status }: ResourceQuota, isLimit: boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => name.startsWith('limits.') === isLimit)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? 0}/${hard}`)
    .join(', ')
}
