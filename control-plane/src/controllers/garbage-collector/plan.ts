/** What becomes of an object by its owner references and finalizers: pure. https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
import type { KubernetesObject, OwnerReference } from '@davit/api'

export const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'

export interface Observed {
  object: KubernetesObject
  /** Objects that name this one as an owner. */
  dependents: readonly KubernetesObject[]
  /** What is known of an owner: `unknown` for kinds nobody here serves, which count as present. */
  owner: (reference: OwnerReference) => 'present' | 'absent' | 'deleting-foreground' | 'unknown'
}

export type Action =
  /** Nobody owns it any more. */
  | { kind: 'delete'; propagationPolicy: 'Background' | 'Foreground' }
  /** Some owners are gone and others are not. */
  | { kind: 'drop-owners'; uids: string[] }
  | { kind: 'orphan-dependents'; dependents: readonly KubernetesObject[] }
  | { kind: 'delete-dependents'; dependents: readonly KubernetesObject[] }
  | { kind: 'remove-finalizer'; finalizer: string }

/** What to do next; nothing for an object whose owners live. */
export function planCollection({ object, dependents, owner }: Observed): Action[] {
  const { deletionTimestamp, finalizers = [], ownerReferences = [], uid } = object.metadata
  if (deletionTimestamp !== undefined) {
    if (finalizers.includes(ORPHAN)) {
      return dependents.length > 0 ? [{ kind: 'orphan-dependents', dependents }] : [{ kind: 'remove-finalizer', finalizer: ORPHAN }]
    }
    if (finalizers.includes(FOREGROUND)) {
      const blocking = dependents.filter(each =>
        each.metadata.ownerReferences?.some(reference => reference.uid === uid && reference.blockOwnerDeletion),
      )
      const remaining = dependents.filter(each => each.metadata.deletionTimestamp === undefined)
      if (remaining.length > 0) return [{ kind: 'delete-dependents', dependents: remaining }]
      return blocking.length > 0 ? [] : [{ kind: 'remove-finalizer', finalizer: FOREGROUND }]
    }
    return []
  }
  if (ownerReferences.length === 0) return []
  const states = ownerReferences.map(reference => ({ reference, state: owner(reference) }))
  const living = states.filter(({ state }) => state === 'present' || state === 'unknown')
  if (living.length > 0) {
    const gone = states.filter(({ state }) => state === 'absent').map(({ reference }) => reference.uid)
    return gone.length > 0 ? [{ kind: 'drop-owners', uids: gone }] : []
  }
  const isAwaited = states.some(({ state, reference }) => state === 'deleting-foreground' && reference.blockOwnerDeletion)
  return [{ kind: 'delete', propagationPolicy: isAwaited && dependents.length > 0 ? 'Foreground' : 'Background' }]
}
