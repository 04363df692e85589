import { forbidden, type Pod, serviceAccountKind } from '@davit/api'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

/**
 * Pods run as a ServiceAccount, `default` unless they name one, which must exist. `default` itself may still be on its way: its
 * controller makes it moments after the namespace.
 */
export function serviceAccount({ find, cached }: Lookups): AdmissionRule {
  return {
    resources: ['pods'],
    async admit({ object, kind, context }) {
      const { spec, metadata } = object as Pod
      const name = spec.serviceAccountName || spec.serviceAccount || 'default'
      const namespace = metadata.namespace ?? ''
      spec.serviceAccountName = name
      spec.serviceAccount = name
      const target = { namespace, name }
      // The default account is waited for by nobody: what the cache says is enough.
      const account = await (name === 'default' ? cached(serviceAccountKind, target) : find(serviceAccountKind, target, context.signal))
      if (!account && name !== 'default') {
        const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`
        throw forbidden(kind, metadata.name ?? '', why)
      }
      if (account?.imagePullSecrets && !spec.imagePullSecrets?.length) spec.imagePullSecrets = structuredClone(account.imagePullSecrets)
    },
  }
}
