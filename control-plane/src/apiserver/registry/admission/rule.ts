/**
 * Admission: what the cluster adds to an object, or refuses, before it is stored. One rule a file; `rules.ts` lists them in
 * their order.
 */
import type { Kind, KubernetesObject } from '@davit/api'
import type { CommitResult, Guard, Operation } from '../../../storage/types.ts'
import type { RequestContext } from '../types.ts'

/** A write on its way into the store. */
export interface Admission {
  readonly kind: Kind
  readonly context: RequestContext
  /** Owned by this write: rules change it in place. */
  readonly object: KubernetesObject
  /** What is stored; absent on create. */
  readonly old?: KubernetesObject
  /** Only a part such as `status` is written. */
  readonly isPart?: boolean
  /** Its name, as of the subresource; absent for the object itself. */
  readonly part?: string
  /** What the write is made through, `scale` too, which writes the object itself; absent for the object's own path. */
  readonly subresource?: string
}

/** What else must be written in the same transaction. */
export interface Extra {
  operations: Operation[]
  guards: Guard[]
  /** Called once with how the commit went; undefined when it was not tried or its outcome is unknown. */
  settled: ((outcome: CommitResult | undefined) => void)[]
}

export interface AdmissionRule {
  /** `pods`, `deployments.apps`: the resources it is about; `*` for all. */
  readonly resources: readonly string[]
  /** Runs before validation, on create only unless `onUpdate`. */
  readonly admit?: (admission: Admission) => Promise<void> | void
  readonly onUpdate?: boolean
  /** Also for writes of a part such as `status`. */
  readonly onEveryPart?: boolean
  /** Runs after validation on create and on every update, of parts too: the object is as it will be stored. Changes nothing. */
  readonly judge?: (admission: Admission) => Promise<void> | void
  /** Runs after every judge on create and update: takes what must be unique, gives back what is no longer used. */
  readonly allocate?: (admission: Admission, extra: Extra) => Promise<void>
  /** Runs when the object is about to be removed. */
  readonly release?: (object: KubernetesObject, extra: Extra, signal: AbortSignal | undefined, kind: Kind) => Promise<void>
}

export function noExtra(): Extra {
  return { operations: [], guards: [], settled: [] }
}
