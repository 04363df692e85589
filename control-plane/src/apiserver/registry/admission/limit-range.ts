/** LimitRanges: what containers get that do not say what they need, and how little or much one container, pod or claim may have. */
import { type Container, forbidden, type LimitRange, limitRangeKind, type PersistentVolumeClaim, type Pod } from '@davit/api'
import { limitViolations } from './limit-violations.ts'
import type { Lookups } from './lookups.ts'
import type { Admission, AdmissionRule } from './rule.ts'

const ANNOTATION = 'kubernetes.io/limit-ranger'

export function limitRanges({ all }: Pick<Lookups, 'all'>): AdmissionRule {
  const rangesOf = ({ object }: Admission) => all(limitRangeKind, object.metadata.namespace)
  return {
    resources: ['pods', 'persistentvolumeclaims'],
    async admit(admission) {
      if (admission.kind.kind !== 'Pod') return
      for (const range of await rangesOf(admission)) putDefaults(admission.object as Pod, range)
    },
    async judge(admission) {
      const { kind, object, old, subresource } = admission
      // Of a pod that is there only a resize changes what it may have; and nothing that goes is worth a refusal.
      const isChange = kind.kind === 'Pod' ? subresource === 'resize' : subresource === undefined
      if (old && (!isChange || old.metadata.deletionTimestamp)) return
      for (const { spec } of await rangesOf(admission)) {
        const wrong = limitViolations(spec.limits ?? [], object as Pod | PersistentVolumeClaim)
        if (wrong.length > 0) throw forbidden(kind, object.metadata.name ?? '', wrong.length === 1 ? wrong.join() : `[${wrong.join(', ')}]`)
      }
    },
  }
}

/** Fills in what containers leave out, and says so in an annotation. Changes `pod`. */
export function putDefaults(pod: Pod, { spec }: Pick<LimitRange, 'spec'>): void {
  const defaults = { requests: {}, limits: {} }
  for (const item of spec.limits ?? []) {
    if (item.type !== 'Container') continue
    Object.assign(defaults.requests, item.defaultRequest)
    Object.assign(defaults.limits, item.default)
  }
  const { containers, initContainers = [] } = pod.spec
  const set = [
    ...containers.flatMap(container => complete(container, 'container', defaults)),
    ...initContainers.flatMap(container => complete(container, 'init container', defaults)),
  ]
  if (set.length === 0) return
  pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${set.join('; ')}` }
}

type Lists = NonNullable<Container['resources']>

/** Gives what was set, in Kubernetes' words. */
function complete(container: Container, what: string, defaults: Pick<Lists, 'requests' | 'limits'>): string[] {
  return (['requests', 'limits'] as const).flatMap(list => {
    const own = container.resources?.[list] ?? {}
    const missing = Object.entries(defaults[list] ?? {}).filter(([name]) => !Object.hasOwn(own, name))
    if (missing.length === 0) return []
    container.resources = { ...container.resources, [list]: { ...own, ...Object.fromEntries(missing) } }
    const names = missing.map(([name]) => name).sort()
    return [`${names.join(', ')} ${list === 'requests' ? 'request' : 'limit'} for ${what} ${container.name}`]
  })
}
