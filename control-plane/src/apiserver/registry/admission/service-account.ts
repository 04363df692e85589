import { forbidden, type Pod, type ServiceAccount, type Target } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/** Looks a ServiceAccount up, from the cache when it is there. */
export type FindServiceAccount = (target: Target, signal?: AbortSignal) => Promise<ServiceAccount | undefined>

/**
 * Pods run as a ServiceAccount, `default` unless they name one, which must exist. `default` itself may still be on its way: its
 * controller makes it moments after the namespace.
 */
export function serviceAccount(find: FindServiceAccount): AdmissionRule {
  return {
    resources: ['pods'],
    async admit({ object, kind, context }) {
      const { spec, metadata } = object as Pod
      const name = spec.serviceAccountName || spec.serviceAccount || 'default'
      const namespace = metadata.namespace ?? ''
      spec.serviceAccountName = name
      spec.serviceAccount = name
      const account = await find({ namespace, name }, context.signal)
      if (!account && name !== 'default') {
        const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`
        throw forbidden(kind, metadata.name ?? '', why)
      }
      if (account?.imagePullSecrets && !spec.imagePullSecrets?.length) spec.imagePullSecrets = structuredClone(account.imagePullSecrets)
    },
  }
}
