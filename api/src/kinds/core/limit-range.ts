import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, Quantity } from '../../meta.ts'
import { isQualifiedName } from '../../names.ts'
import { compareQuantities, formatQuantity, isQuantity, parseQuantity } from '../../quantity.ts'
import { field, list, object, quantityMap, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { createdAtColumn, nameColumn } from '../columns.ts'
import { canOvercommit, validateContainerResourceName } from './pod.ts'
import { validateResourceName } from './resource-names.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/limit-range-v1/ */
export interface LimitRange extends KubernetesObject {
  spec: { limits?: LimitRangeItem[] }
}

export interface LimitRangeItem {
  /** Pod, Container, PersistentVolumeClaim, or a name with a domain. */
  type: string
  max?: Record<string, Quantity>
  min?: Record<string, Quantity>
  default?: Record<string, Quantity>
  defaultRequest?: Record<string, Quantity>
  maxLimitRequestRatio?: Record<string, Quantity>
}

const STANDARD_TYPES: readonly string[] = ['Pod', 'Container', 'PersistentVolumeClaim']
const LISTS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

export const limitRangeKind = defineKind<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  namespaced: true,
  description: 'How much one pod, container or claim of a namespace may have, and what it gets if it does not say.',
  schema: () =>
    object('LimitRange', 'How much one pod, container or claim of a namespace may have.', {
      spec: field(
        object('LimitRangeSpec', 'The limits.', {
          limits: list(
            object('LimitRangeItem', 'Limits of one type.', {
              type: required(string('What is limited: Pod, Container or PersistentVolumeClaim.')),
              max: quantityMap('The most of each resource.'),
              min: quantityMap('The least of each resource.'),
              default: quantityMap('The limit that containers get which name none.'),
              defaultRequest: quantityMap('The request that containers get which name none.'),
              maxLimitRequestRatio: quantityMap('How many times its request a limit may be.'),
            }),
            'The limits, one item for each type.',
          ),
        }),
        'The limits.',
      ),
    }),
  applyDefaults(limitRange) {
    limitRange.spec ??= {}
    for (const item of limitRange.spec.limits ?? []) if (item.type === 'Container') applyContainerDefaults(item)
  },
  validate: ({ spec }) => {
    const types = (spec.limits ?? []).map(({ type }) => type)
    return (spec.limits ?? []).flatMap((item, i) => {
      const path = `spec.limits[${i}]`
      const isDouble = types.indexOf(item.type) < i
      return [
        ...validateType(item.type ?? '', `${path}.type`),
        ...(isDouble ? [duplicateValue(`${path}.type`, item.type)] : []),
        ...validateItem(item, path),
      ]
    })
  },
  columns: [nameColumn, createdAtColumn],
})

/** Whoever says only part of it: a limit is the most there may be, a request the limit or the least. */
function applyContainerDefaults(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default }
  const requests = { ...item.min, ...limits, ...item.defaultRequest }
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}

function validateType(type: string, field: string): FieldError[] {
  const wrong = invalidIf(field, type, isQualifiedName(type))
  if (wrong.length > 0 || type.includes('/') || STANDARD_TYPES.includes(type)) return wrong
  return [invalidValue(field, type, 'must be a standard limit type or fully qualified')]
}

function validateItem(item: LimitRangeItem, path: string): FieldError[] {
  const { type } = item
  const validateName = type === 'Pod' || type === 'Container' ? validateContainerResourceName : validateResourceName
  const errors: FieldError[] = []
  const names = new Set<string>()
  for (const list of LISTS) {
    const resources = Object.keys(item[list] ?? {})
    if (type === 'Pod' && (list === 'default' || list === 'defaultRequest')) {
      if (resources.length > 0) errors.push(forbiddenField(`${path}.${list}`, "may not be specified when `type` is 'Pod'"))
      continue
    }
    for (const name of resources) {
      errors.push(...validateName(name, `${path}.${list}[${name}]`))
      names.add(name)
    }
  }
  if (type === 'PersistentVolumeClaim' && item.min?.storage === undefined && item.max?.storage === undefined) {
    errors.push(requiredValue(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'))
  }
  return [...errors, ...[...names].flatMap(name => validateAmounts(item, name, path))]
}

/** The lists, what is said of them, and whose the complaint is when the first is more than the second. */
const ORDER = [
  ['min', 'max', 'min value', 'max value', 'min'],
  ['min', 'defaultRequest', 'min value', 'default request value', 'defaultRequest'],
  ['defaultRequest', 'max', 'default request value', 'max value', 'defaultRequest'],
  ['defaultRequest', 'default', 'default request value', 'default limit value', 'defaultRequest'],
  ['min', 'default', 'min value', 'default value', 'default'],
  ['default', 'max', 'default value', 'max value', 'default'],
] as const satisfies [(typeof LISTS)[number], (typeof LISTS)[number], string, string, (typeof LISTS)[number]][]

function validateAmounts(item: LimitRangeItem, name: string, path: string): FieldError[] {
  const amount = (list: (typeof LISTS)[number]) => {
    if (item.type === 'Pod' && (list === 'default' || list === 'defaultRequest')) return undefined
    const value = item[list]?.[name]
    return isQuantity(value) ? formatQuantity(value) : undefined
  }
  const errors: FieldError[] = []
  for (const [lower, upper, lowerName, upperName, blamed] of ORDER) {
    const [less, more] = [amount(lower), amount(upper)]
    if (less === undefined || more === undefined || compareQuantities(less, more) <= 0) continue
    const shown = blamed === 'default' ? (lower === 'min' ? less : more) : amount(blamed)
    errors.push(invalidValue(`${path}.${blamed}[${name}]`, shown, `${lowerName} ${less} is greater than ${upperName} ${more}`))
  }
  errors.push(
    ...validateRatio(
      { ratio: amount('maxLimitRequestRatio'), min: amount('min'), max: amount('max') },
      `${path}.maxLimitRequestRatio[${name}]`,
    ),
  )
  const [limit, request] = [amount('default'), amount('defaultRequest')]
  if (!canOvercommit(name) && limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0) {
    const why = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`
    errors.push(invalidValue(`${path}.defaultRequest[${name}]`, request, why))
  }
  return errors
}

type Text = string | undefined

function validateRatio({ ratio, min, max }: { ratio: Text; min: Text; max: Text }, field: string): FieldError[] {
  if (ratio === undefined) return []
  const errors: FieldError[] = []
  if (compareQuantities(ratio, 1) < 0) errors.push(invalidValue(field, ratio, `ratio ${ratio} is less than 1`))
  if (min === undefined || max === undefined) return errors
  const highest = parseQuantity(max) / parseQuantity(min)
  if (parseQuantity(ratio) > highest) {
    errors.push(invalidValue(field, ratio, `ratio ${ratio} is greater than max/min = ${highest.toFixed(6)}`))
  }
  return errors
}
