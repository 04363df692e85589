/** Claims that pods bring along themselves: pure. https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes */
import { isPodFinished, type PersistentVolumeClaim, type Pod } from '@davit/api'
import { ephemeralClaimName, isOwnedBy } from '../../volumes/index.ts'
import { controllerReference } from '../context.ts'

export interface EphemeralPlan {
  create: PersistentVolumeClaim[]
  /** Names of claims that are in the way: they belong to somebody else. */
  conflicts: string[]
}

/** The claims that the pod's ephemeral volumes need and that are not there. `find` by name in the pod's namespace. */
export function planEphemeralClaims(pod: Pod, find: (name: string) => PersistentVolumeClaim | undefined): EphemeralPlan {
  const plan: EphemeralPlan = { create: [], conflicts: [] }
  if (pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return plan
  for (const volume of pod.spec?.volumes ?? []) {
    const template = volume.ephemeral?.volumeClaimTemplate
    if (!template) continue
    const name = ephemeralClaimName(pod, volume)
    const present = find(name)
    if (present && !isOwnedBy(present, pod)) plan.conflicts.push(name)
    if (present) continue
    const { labels, annotations } = template.metadata ?? {}
    plan.create.push({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        namespace: pod.metadata.namespace ?? '',
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference({ apiVersion: 'v1', kind: 'Pod' }, pod)],
      },
      spec: template.spec,
    })
  }
  return plan
}
