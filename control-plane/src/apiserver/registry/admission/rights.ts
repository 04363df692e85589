import { forbidden, GROUPS } from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import type { AccessGuard } from '../types.ts'
import type { AdmissionRule } from './rule.ts'

/** Nobody gives away rights, by a role or a binding, that they do not have. Without a guard only the cluster's own do. */
export function rights(guard: AccessGuard | undefined): AdmissionRule {
  const group = 'rbac.authorization.k8s.io'
  return {
    resources: [`roles.${group}`, `rolebindings.${group}`, `clusterroles.${group}`, `clusterrolebindings.${group}`],
    onUpdate: true,
    onEveryPart: true,
    async admit(change) {
      const { groups } = change.context.user
      if (groups.includes(GROUPS.masters) || groups.includes(CONTROLLERS)) return
      if (!guard) throw forbidden(change.kind, change.object.metadata.name ?? '', 'nobody judges who may grant rights here')
      await guard.mayGrant(change)
    },
  }
}
