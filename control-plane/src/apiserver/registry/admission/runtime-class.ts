import { forbidden, type Kind, type Pod, type PodSpec, type RuntimeClass, runtimeClassKind, type Toleration } from '@davit/api'
import { isSameJson } from '../written.ts'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

/** A pod's RuntimeClass must be there; what it costs and where it can run become the pod's own. */
export function runtimeClass({ find }: Lookups): AdmissionRule {
  return {
    resources: ['pods'],
    async admit({ object, kind, context }) {
      const { spec, metadata } = object as Pod
      const refuse = refusal(kind, metadata.name ?? '')
      const name = spec.runtimeClassName
      if (!name) {
        if (spec.overhead) throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead')
        return
      }
      const found = await find(runtimeClassKind, { name }, context.signal)
      if (!found) throw refuse(`pod rejected: RuntimeClass "${name}" not found`)
      const why = putOnto(spec, found)
      if (why) throw refuse(why)
    },
  }
}

function refusal(kind: Kind, name: string): (why: string) => Error {
  return why => forbidden(kind, name, why)
}

/** Changes `spec`; a text says why the two do not go together. */
function putOnto(spec: PodSpec, { overhead, scheduling }: RuntimeClass): string | undefined {
  const podFixed = overhead?.podFixed
  if (podFixed || spec.overhead) {
    if (spec.overhead && !isSameJson(spec.overhead, podFixed)) {
      return podFixed
        ? "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
        : 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'
    }
    spec.overhead = structuredClone(podFixed!)
  }
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key]
    if (own !== undefined && own !== value) {
      return `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value }
  }
  const own: readonly Toleration[] = spec.tolerations ?? []
  const added = (scheduling?.tolerations ?? []).filter(toleration => !own.some(known => isSameJson(known, toleration)))
  if (added.length > 0) spec.tolerations = [...own, ...structuredClone(added)]
  return undefined
}
