import { INGRESS_CLASS_ANNOTATION, type Ingress, ingressClassKind, isDefaultIngressClass } from '@davit/api'
import { newestDefault } from '../../../newest-default.ts'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

/** An Ingress that names no class, in neither way, gets the cluster's default. `""` is a name: of no class at all. */
export function defaultIngressClass({ all }: Pick<Lookups, 'all'>): AdmissionRule {
  return {
    resources: ['ingresses.networking.k8s.io'],
    async admit({ object }) {
      const { metadata, spec } = object as Ingress
      if (!spec || spec.ingressClassName !== undefined || metadata.annotations?.[INGRESS_CLASS_ANNOTATION] !== undefined) return
      const name = newestDefault(await all(ingressClassKind), isDefaultIngressClass)?.metadata.name
      if (name !== undefined) spec.ingressClassName = name
    },
  }
}
