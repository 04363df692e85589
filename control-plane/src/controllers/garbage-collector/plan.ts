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
  /** Some owners are gone, or wait for this one to go, and others live. */
  | { kind: 'drop-owners'; uids: string[] }
  | { kind: 'orphan-dependents'; dependents: readonly KubernetesObject[] }
  /** It is one of a circle of owners that are deleted in the foreground: none may wait for it, or each would for the next. */
  | { kind: 'unblock-owners' }
  | { kind: 'remove-finalizer'; finalizer: string }

/** What to do next; nothing for an object whose owners live. */
export function planCollection({ object, dependents, owner }: Observed): Action[] {
  const { deletionTimestamp, finalizers = [], ownerReferences = [], uid } = object.metadata
  if (deletionTimestamp !== undefined) {
    if (finalizers.includes(ORPHAN)) {
      return dependents.length > 0 ? [{ kind: 'orphan-dependents', dependents }] : [{ kind: 'remove-finalizer', finalizer: ORPHAN }]
    }
    if (finalizers.includes(FOREGROUND)) {
      // Whether a dependent goes with it is the dependent's business: it may have another owner that lives.
      const isBlocked = dependents.some(({ metadata }) =>
        metadata.ownerReferences?.some(reference => reference.uid === uid && reference.blockOwnerDeletion),
      )
      return isBlocked ? [] : [{ kind: 'remove-finalizer', finalizer: FOREGROUND }]
    }
    return []
  }
  if (ownerReferences.length === 0) return []
  const states = ownerReferences.map(reference => ({ reference, state: owner(reference) }))
  const going = states.filter(({ state }) => state === 'absent' || state === 'deleting-foreground')
  if (going.length < states.length)
    return going.length > 0 ? [{ kind: 'drop-owners', uids: going.map(({ reference }) => reference.uid) }] : []
  const isAwaited = states.some(({ state }) => state === 'deleting-foreground')
  if (!isAwaited || dependents.length === 0) return [{ kind: 'delete', propagationPolicy: 'Background' }]
  const isCircle = dependents.some(isDeletingForeground)
  return [...(isCircle ? [{ kind: 'unblock-owners' } as const] : []), { kind: 'delete', propagationPolicy: 'Foreground' }]
}

/** Whether it waits for what it owns to go first. */
export function isDeletingForeground({ metadata }: KubernetesObject): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FOREGROUND) === true
}
