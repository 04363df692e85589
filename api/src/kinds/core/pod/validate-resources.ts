/** Rules of requests and limits, in Kubernetes' words. */
import { duplicateValue, forbiddenField, invalidValue, requiredValue, unsupportedValue } from '../../../field-errors.ts'
import type { Quantity } from '../../../meta.ts'
import { isQualifiedName } from '../../../names.ts'
import { compareQuantities, formatQuantity, isQuantity, parseMilli, QUANTITY_FORMAT_ERROR } from '../../../quantity.ts'
import type { FieldError } from '../../../status.ts'
import type { ContainerResizePolicy, ResourceRequirements } from './container-types.ts'
import type { PodSpec } from './types.ts'

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage'])
/** What can be changed while a container runs. */
const RESIZABLE = ['cpu', 'memory']
const HUGE_PAGES = 'hugepages-'

export function validateResources(
  resources: ResourceRequirements | undefined,
  path: string,
  spec: Pick<PodSpec, 'resourceClaims'>,
): FieldError[] {
  const { limits = {}, requests = {}, claims = [] } = resources ?? {}
  const errors = [...validateResourceList(limits, `${path}.limits`), ...validateResourceList(requests, `${path}.requests`)]
  for (const [name, request] of Object.entries(requests)) {
    errors.push(...validateRequest(name, request, limits[name], path))
  }
  const huge = [...Object.keys(limits), ...Object.keys(requests)].some(name => name.startsWith(HUGE_PAGES))
  const plain = ['cpu', 'memory'].some(name => name in limits || name in requests)
  if (huge && !plain) errors.push(forbiddenField(path, 'HugePages require cpu or memory'))
  const known = new Set((spec.resourceClaims ?? []).map(({ name }) => name))
  for (const [i, claim] of claims.entries()) {
    if (!claim.name) errors.push(requiredValue(`${path}.claims[${i}].name`))
    else if (!known.has(claim.name)) errors.push({ type: 'NotFound', field: `${path}.claims[${i}]`, value: claim.name })
  }
  return errors
}

/** Rules of what a resize means for a running container. */
export function validateResizePolicy(
  policies: readonly ContainerResizePolicy[],
  path: string,
  { restartPolicy }: Pick<PodSpec, 'restartPolicy'>,
): FieldError[] {
  const seen = new Set<string>()
  return policies.flatMap((policy, i) => {
    const errors: FieldError[] = []
    if (!RESIZABLE.includes(policy.resourceName)) errors.push(unsupportedValue(`${path}[${i}]`, policy.resourceName, RESIZABLE))
    if (seen.has(policy.resourceName)) errors.push(duplicateValue(`${path}[${i}]`, policy.resourceName))
    seen.add(policy.resourceName)
    if (restartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired') {
      errors.push(invalidValue(`${path}[${i}]`, policy.restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"))
    }
    return errors
  })
}

/** Names and amounts of a list such as `limits` or `overhead`. */
export function validateResourceList(list: Readonly<Record<string, Quantity>>, path: string): FieldError[] {
  return Object.entries(list).flatMap(([name, quantity]) => {
    const field = `${path}[${name}]`
    return [...validateContainerResourceName(name, field), ...validateAmount(name, quantity, field)]
  })
}

/** Of what containers ask for and are limited to. */
export function validateContainerResourceName(name: string, field: string): FieldError[] {
  const wrong = isQualifiedName(name)
  if (wrong) return [invalidValue(field, name, wrong)]
  if (name.includes('/') || STANDARD.has(name) || name.startsWith(HUGE_PAGES)) return []
  return [invalidValue(field, name, 'must be a standard resource for containers')]
}

function validateAmount(name: string, quantity: Quantity, field: string): FieldError[] {
  if (!isQuantity(quantity)) return [invalidValue(field, quantity, QUANTITY_FORMAT_ERROR)]
  const milli = parseMilli(quantity)
  if (milli < 0) return [invalidValue(field, formatQuantity(quantity), 'must be greater than or equal to 0')]
  const whole = !STANDARD.has(name) && milli % 1000 !== 0
  return whole ? [invalidValue(field, formatQuantity(quantity), 'must be an integer')] : []
}

function validateRequest(name: string, request: Quantity, limit: Quantity | undefined, path: string): FieldError[] {
  if (!isQuantity(request) || (limit !== undefined && !isQuantity(limit))) return []
  const field = `${path}.requests`
  if (limit === undefined) {
    return canOvercommit(name) ? [] : [requiredValue(`${path}.limits`, 'Limit must be set for non overcommitable resources')]
  }
  const compared = compareQuantities(request, limit)
  if (compared > 0 && canOvercommit(name)) {
    return [invalidValue(field, formatQuantity(request), `must be less than or equal to ${name} limit of ${formatQuantity(limit)}`)]
  }
  if (compared !== 0 && !canOvercommit(name)) {
    return [invalidValue(field, formatQuantity(request), `must be equal to ${name} limit of ${formatQuantity(limit)}`)]
  }
  return []
}

/** Devices and huge pages are handed out whole: asking for fewer than one may use makes no sense. */
export function canOvercommit(name: string): boolean {
  return STANDARD.has(name)
}
