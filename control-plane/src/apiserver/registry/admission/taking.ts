import type { KubernetesObject } from '@davit/api'
import type { Pool } from '../allocation/pool.ts'
import type { Extra } from './rule.ts'

/** Lets `object` hold `value` from this commit on. */
export function take(pool: Pool, value: string, object: KubernetesObject, extra: Extra): void {
  const { uid = '', namespace, name = '' } = object.metadata
  extra.operations.push(pool.take(value, { uid, kind: object.kind, ...(namespace && { namespace }), name }))
  // An unknown outcome counts as taken until the pool is read again.
  extra.settled.push(outcome =>
    pool.settle(value, outcome === undefined || outcome.committed || (outcome.revisions.get(pool.keyOf(value)) ?? 0) > 0),
  )
}

/** Gives back what `object` held, with this commit. */
export async function release(pool: Pool, value: string, object: KubernetesObject, extra: Extra, signal?: AbortSignal): Promise<void> {
  const operation = await pool.giveBack(value, object.metadata.uid ?? '', signal)
  if (!operation) return
  extra.operations.push(operation)
  extra.settled.push(outcome => {
    if (outcome?.committed) pool.settle(value, false)
  })
}
