import { forbidden, isMirrorPod, type Pod, serviceAccountKind } from '@davit/api'
import { automountToken } from './automount.ts'
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
      const pod = object as Pod
      const { spec, metadata } = pod
      // The mirror of a pod that a node has of itself: it runs as nobody.
      if (isMirrorPod(pod)) return checkMirror(pod, why => forbidden(kind, metadata.name ?? '', why))
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
      automountToken(pod, account)
      if (account?.imagePullSecrets && !spec.imagePullSecrets?.length) spec.imagePullSecrets = structuredClone(account.imagePullSecrets)
    },
  }
}

function checkMirror({ spec }: Pod, refuse: (why: string) => Error): void {
  if (spec.serviceAccountName) throw refuse('a mirror pod may not reference service accounts')
  const sources = (spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? [])
  if (sources.some(({ serviceAccountToken }) => serviceAccountToken)) {
    throw refuse('a mirror pod may not use ServiceAccountToken volume projections')
  }
  if (spec.volumes?.some(({ secret }) => secret) || sources.some(({ secret }) => secret)) {
    throw refuse('a mirror pod may not reference secrets')
  }
}
