/** What a pod asks for and may use, in exact quantities: for those who compare it with what a namespace may have. */
import { addQuantities, type Container, compareQuantities, isSidecar, type PodSpec, type Quantity } from '@davit/api'

/** Amounts by the name of their resource. */
export type Amounts = Readonly<Record<string, Quantity>>

export interface PodAmounts {
  readonly requests: Amounts
  readonly limits: Amounts
}

/**
 * Containers and sidecars together, or the init container that needs most if that is more. With `overhead` what the pod's runtime takes
 * is added: to limits only of what is limited at all. Throws RangeError when a quantity is none, which a validated pod has not.
 */
export function podAmounts(spec: PodSpec, { overhead = false } = {}): PodAmounts {
  const requests = sumOf(spec, 'requests')
  const limits = sumOf(spec, 'limits')
  if (!overhead || !spec.overhead) return { requests, limits }
  const limited = Object.fromEntries(Object.entries(spec.overhead).filter(([name]) => Object.hasOwn(limits, name)))
  return { requests: sum(requests, spec.overhead), limits: sum(limits, limited) }
}

function sumOf({ containers, initContainers = [] }: PodSpec, list: 'requests' | 'limits'): Amounts {
  const of = ({ resources }: Container): Amounts => resources?.[list] ?? {}
  let total = containers.map(of).reduce(sum, {})
  // Init containers run one at a time, but beside every sidecar that stands before them.
  let sidecars: Amounts = {}
  let peak: Amounts = {}
  for (const container of initContainers) {
    if (isSidecar(container)) {
      sidecars = sum(sidecars, of(container))
      peak = larger(peak, sidecars)
    } else peak = larger(peak, sum(of(container), sidecars))
  }
  total = sum(total, sidecars)
  return larger(total, peak)
}

/** Both together. */
export function sum(a: Amounts, b: Amounts): Amounts {
  return merge(a, b, addQuantities)
}

function larger(a: Amounts, b: Amounts): Amounts {
  return merge(a, b, (left, right) => (compareQuantities(left, right) < 0 ? right : left))
}

function merge(a: Amounts, b: Amounts, both: (left: Quantity, right: Quantity) => Quantity): Amounts {
  const merged: Record<string, Quantity> = { ...a }
  for (const [name, amount] of Object.entries(b)) {
    const other = Object.hasOwn(merged, name) ? merged[name] : undefined
    merged[name] = other === undefined ? amount : both(other, amount)
  }
  return merged
}
