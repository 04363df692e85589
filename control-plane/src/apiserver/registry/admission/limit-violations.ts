/** What a LimitRange has against a pod or a claim, in Kubernetes' words. Pure. */
import {
  compareQuantities,
  formatQuantity,
  type LimitRangeItem,
  type PersistentVolumeClaim,
  type Pod,
  parseMilli,
  type Quantity,
} from '@davit/api'
import { type Amounts, podAmounts } from '../../../quota/index.ts'

/** Every complaint once. */
export function limitViolations(items: readonly LimitRangeItem[], object: Pod | PersistentVolumeClaim): string[] {
  const violations = items.flatMap(item =>
    object.kind === 'Pod' ? ofPod(item, object as Pod) : ofClaim(item, object as PersistentVolumeClaim),
  )
  return [...new Set(violations)]
}

function ofPod(item: LimitRangeItem, { spec }: Pod): string[] {
  if (item.type === 'Pod') return violations(item, podAmounts(spec))
  if (item.type !== 'Container') return []
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  return containers.flatMap(({ resources }) => violations(item, { requests: resources?.requests ?? {}, limits: resources?.limits ?? {} }))
}

function ofClaim({ type, min, max }: LimitRangeItem, { spec }: PersistentVolumeClaim): string[] {
  if (type !== 'PersistentVolumeClaim') return []
  const requests: Amounts = spec.resources?.requests ?? {}
  return [
    ...each(min, (name, least) => belowMin(`${name} usage per ${type}`, least, requests[name], undefined)),
    ...each(max, (name, most) => {
      const request = requests[name]
      const text = `maximum ${name} usage per ${type} is ${formatQuantity(most)}`
      if (request === undefined) return `${text}.  No request is specified`
      return compareQuantities(request, most) > 0 ? `${text}, but request is ${formatQuantity(request)}` : undefined
    }),
  ]
}

interface Asked {
  readonly requests: Amounts
  readonly limits: Amounts
}

function violations({ type, min, max, maxLimitRequestRatio }: LimitRangeItem, { requests, limits }: Asked): string[] {
  return [
    ...each(min, (name, least) => belowMin(`${name} usage per ${type}`, least, requests[name], limits[name])),
    ...each(max, (name, most) => aboveMax(`${name} usage per ${type}`, most, requests[name], limits[name])),
    ...each(maxLimitRequestRatio, (name, ratio) =>
      aboveRatio(`${name} max limit to request ratio per ${type} is ${formatQuantity(ratio)}`, ratio, requests[name], limits[name]),
    ),
  ]
}

function each(amounts: Amounts | undefined, judge: (name: string, amount: Quantity) => string | undefined): string[] {
  const names = Object.keys(amounts ?? {}).sort()
  return names.flatMap(name => judge(name, amounts?.[name] ?? 0) ?? [])
}

type Maybe = Quantity | undefined

function belowMin(usage: string, least: Quantity, request: Maybe, limit: Maybe): string | undefined {
  const text = `minimum ${usage} is ${formatQuantity(least)}`
  if (request === undefined) return `${text}.  No request is specified`
  if (compareQuantities(request, least) < 0) return `${text}, but request is ${formatQuantity(request)}`
  if (limit !== undefined && compareQuantities(limit, least) < 0) return `${text}, but limit is ${formatQuantity(limit)}`
  return undefined
}

function aboveMax(usage: string, most: Quantity, request: Maybe, limit: Maybe): string | undefined {
  const text = `maximum ${usage} is ${formatQuantity(most)}`
  if (limit === undefined) return `${text}.  No limit is specified`
  if (compareQuantities(limit, most) > 0) return `${text}, but limit is ${formatQuantity(limit)}`
  if (request !== undefined && compareQuantities(request, most) > 0) return `${text}, but request is ${formatQuantity(request)}`
  return undefined
}

function aboveRatio(text: string, ratio: Quantity, request: Maybe, limit: Maybe): string | undefined {
  if (request === undefined || compareQuantities(request, 0) === 0) return `${text}, but no request is specified or request is 0`
  if (limit === undefined || compareQuantities(limit, 0) === 0) return `${text}, but no limit is specified or limit is 0`
  const given = parseMilli(limit) / parseMilli(request)
  return given > parseMilli(ratio) / 1000 ? `${text}, but provided ratio is ${given.toFixed(6)}` : undefined
}
