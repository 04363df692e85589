/** Names of what can be counted in a namespace, and how much of it there may be. */
import { invalidIf, invalidValue } from '../../field-errors.ts'
import type { Quantity } from '../../meta.ts'
import { isQualifiedName } from '../../names.ts'
import { compareQuantities, formatQuantity, isQuantity, parseMilli } from '../../quantity.ts'
import type { FieldError } from '../../status.ts'

/** Objects, which there are whole or not at all. */
const OBJECTS: readonly string[] = [
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
  'services.loadbalancers',
  'services.nodeports',
]
const QUOTA: ReadonlySet<string> = new Set([
  ...OBJECTS,
  ...['cpu', 'memory', 'ephemeral-storage'].flatMap(name => [name, `requests.${name}`, `limits.${name}`]),
  'requests.storage',
])
const HUGE_PAGES = /^(?:requests\.)?hugepages-/

/** Whether a ResourceQuota can limit it. */
export function isQuotaResource(name: string): boolean {
  return QUOTA.has(name) || HUGE_PAGES.test(name)
}

/** A name with a domain is anybody's; others are Kubernetes'. */
export function validateResourceName(name: string, field: string): FieldError[] {
  const wrong = invalidIf(field, name, isQualifiedName(name))
  if (wrong.length > 0 || name.includes('/') || name === 'storage' || isQuotaResource(name)) return wrong
  return [invalidValue(field, name, 'must be a standard resource type or fully qualified')]
}

export function validateQuotaResource(name: string, amount: Quantity, field: string): FieldError[] {
  const errors = validateResourceName(name, field)
  if (!name.includes('/') && !isQuotaResource(name)) errors.push(invalidValue(field, name, 'must be a standard resource for quota'))
  // Something that is no amount at all is the decoder's to refuse.
  if (!isQuantity(amount)) return errors
  const shown = formatQuantity(amount)
  if (compareQuantities(amount, 0) < 0) errors.push(invalidValue(field, shown, 'must be greater than or equal to 0'))
  if (isWhole(name) && parseMilli(amount) % 1000 !== 0) errors.push(invalidValue(field, shown, 'must be an integer'))
  return errors
}

/** Devices of nodes come whole, too, if they are asked for by their own name. */
function isWhole(name: string): boolean {
  if (OBJECTS.includes(name)) return true
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.')
}
