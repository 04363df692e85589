/** Rules of the subresource resize, in Kubernetes' words: CPU and memory of containers and sidecars may change, nothing else. */
import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidValue } from '../../../field-errors.ts'
import { compareQuantities, formatQuantity, isQuantity } from '../../../quantity.ts'
import type { FieldError } from '../../../status.ts'
import type { Container, ResourceRequirements } from './container-types.ts'
import { isSidecar, podQosClass } from './resources.ts'
import { isPodFinished } from './state.ts'
import type { Pod, PodSpec } from './types.ts'

const RESIZABLE = new Set(['cpu', 'memory'])
const MIRROR = 'kubernetes.io/config.mirror'

/** What a resize may say of `asked`, put onto the rest of `old`. Containers are found by their names. */
export function withResizedContainers(old: PodSpec, asked: PodSpec): PodSpec {
  const resized = (containers: readonly Container[] = [], from: readonly Container[] = []) =>
    containers.map(container => {
      const wanted = from.find(({ name }) => name === container.name)
      if (!wanted) return container
      const { resources: _, resizePolicy: __, ...rest } = container
      const { resources, resizePolicy } = wanted
      return { ...rest, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) }
    })
  return {
    ...old,
    containers: resized(old.containers, asked.containers),
    ...(old.initContainers && { initContainers: resized(old.initContainers, asked.initContainers) }),
  }
}

/** `pod` as resized, defaults applied; `old` as stored. The pod's own rules are checked elsewhere. */
export function validatePodResize(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [forbiddenField('', 'static pods cannot be resized')]
  if (old.spec.os?.name === 'windows') return [forbiddenField('', 'windows pods cannot be resized')]
  if (isPodFinished(old)) return [forbiddenField('spec', 'pods that have ended cannot be resized')]
  const errors: FieldError[] = []
  const qos = podQosClass(pod)
  if (qos !== podQosClass(old)) errors.push(invalidValue('spec', qos, 'Pod QOS Class may not change as a result of resizing'))
  for (const kind of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (pod.spec[kind] ?? []).entries()) {
      const before = old.spec[kind]?.[i]
      if (before)
        errors.push(...validateContainerResize(container, before, { path: `spec.${kind}[${i}]`, isInit: kind === 'initContainers' }))
    }
  }
  return errors
}

function validateContainerResize(container: Container, old: Container, { path, isInit }: { path: string; isInit: boolean }): FieldError[] {
  const [now, before] = [container.resources ?? {}, old.resources ?? {}]
  const field = `${path}.resources`
  if (isInit && !isSidecar(old)) {
    return same(now, before) ? [] : [forbiddenField(field, 'resources for non-sidecar init containers are immutable')]
  }
  const errors: FieldError[] = []
  if (!same(others(now), others(before))) errors.push(forbiddenField(field, 'only cpu and memory resources are mutable'))
  for (const which of ['limits', 'requests'] as const) {
    const isRemoved = Object.keys(before[which] ?? {}).some(name => RESIZABLE.has(name) && now[which]?.[name] === undefined)
    if (isRemoved) errors.push(forbiddenField(`${field}.${which}`, `resource ${which} cannot be removed`))
  }
  const [limit, limitBefore] = [now.limits?.memory, before.limits?.memory]
  const restarts = container.resizePolicy?.some(policy => policy.resourceName === 'memory' && policy.restartPolicy === 'RestartContainer')
  if (limit !== undefined && limitBefore !== undefined && isQuantity(limit) && compareQuantities(limit, limitBefore) < 0 && !restarts) {
    const detail = 'memory limits cannot be decreased unless resizePolicy is RestartContainer'
    errors.push(forbiddenField(`${field}.limits[memory]`, detail))
  }
  return errors
}

function others({ limits = {}, requests = {}, claims = [] }: ResourceRequirements): ResourceRequirements {
  const rest = (list: NonNullable<ResourceRequirements['limits']>) =>
    Object.fromEntries(Object.entries(list).filter(([name]) => !RESIZABLE.has(name)))
  return { limits: rest(limits), requests: rest(requests), claims }
}

/** Amounts count by their worth. */
function same(a: ResourceRequirements, b: ResourceRequirements): boolean {
  const plain = ({ limits = {}, requests = {}, claims = [] }: ResourceRequirements) => ({
    limits: worth(limits),
    requests: worth(requests),
    claims,
  })
  return isDeepStrictEqual(plain(a), plain(b))
}

function worth(list: NonNullable<ResourceRequirements['limits']>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(list).map(([name, amount]) => [name, isQuantity(amount) ? formatQuantity(amount, 'DecimalSI') : amount]),
  )
}
