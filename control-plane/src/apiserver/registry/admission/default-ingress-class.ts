import { INGRESS_CLASS_ANNOTATION, type Ingress, type IngressClass, ingressClassKind, isDefaultIngressClass } from '@davit/api'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

/** An Ingress that names no class, in neither way, gets the cluster's default. `""` is a name: of no class at all. */
export function defaultIngressClass({ all }: Pick<Lookups, 'all'>): AdmissionRule {
  return {
    resources: ['ingresses.networking.k8s.io'],
    async admit({ object }) {
      const { metadata, spec } = object as Ingress
      if (!spec || spec.ingressClassName !== undefined || metadata.annotations?.[INGRESS_CLASS_ANNOTATION] !== undefined) return
      const name = newest((await all(ingressClassKind)).filter(isDefaultIngressClass))?.metadata.name
      if (name !== undefined) spec.ingressClassName = name
    },
  }
}

/** Of several defaults the one made last, as for StorageClasses. */
function newest(classes: readonly IngressClass[]): IngressClass | undefined {
  const time = ({ metadata }: IngressClass) => metadata.creationTimestamp ?? ''
  return classes.toSorted((a, b) => time(b).localeCompare(time(a)) || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? ''))[0]
}
