/** Writes: one etcd transaction, and what to say when its outcome stayed unknown. */
import { type Clock, type Logger, timedOut } from '@davit/api'
import { isTransient, toApiError, wasNeverSent } from './etcd-errors.ts'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import { settle } from './settle.ts'
import { comparisons, type PreparedOperation, prepare, transaction } from './transaction.ts'
import type { CommitResult, Guard, Operation } from './types.ts'

/** See `Storage.commit`. */
export async function commit(
  { members, space, clock, log }: { members: Members; space: KeySpace; clock: Clock; log: Logger },
  operations: readonly Operation[],
  guards: readonly Guard[],
): Promise<CommitResult> {
  const prepared = operations.map(operation => prepare(space, operation))
  const compared = comparisons(prepared, guards)
  try {
    const response = await members.write((kv, options) => kv.txn(transaction(prepared, compared), options))
    if (response.succeeded) return { committed: true, revision: Number(response.header.revision) }
    const revisions = [...compared.keys()].map((key, at): [string, number] => {
      return [key, Number(response.responses[at]?.response_range?.kvs[0]?.mod_revision ?? 0)]
    })
    return { committed: false, revisions: new Map(revisions) }
  } catch (error) {
    if (!isTransient(error) || wasNeverSent(error)) throw toApiError(error, describe(prepared))
    log.warn({ err: error, keys: prepared.map(({ key }) => key) }, 'A write has no verdict; reading back')
    const verdict = await settle({ members, space, clock }, prepared, compared)
    if (verdict) return verdict
    const why = error instanceof Error ? error.message : String(error)
    throw timedOut(`Cannot ${describe(prepared)}: its outcome is unknown, for etcd does not answer: ${why}`)
  }
}

function describe(prepared: readonly PreparedOperation[]): string {
  const names = prepared.slice(0, 3).map(({ key }) => `"${key}"`)
  return `write ${names.join(', ')}${prepared.length > names.length ? ` and ${prepared.length - names.length} more` : ''}`
}
