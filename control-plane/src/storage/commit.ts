/** Writes: one etcd transaction, made exactly once or not at all, through whichever member answers. */
import { type Clock, type Logger, timedOut, unavailable } from '@davit/api'
import { isTransient, toApiError, wasNeverSent } from './etcd-errors.ts'
import type { Fence } from './fence.ts'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import { settle } from './settle.ts'
import { comparisons, type PreparedOperation, prepare, transaction } from './transaction.ts'
import type { CommitOptions, CommitResult, Guard, Operation } from './types.ts'

export interface CommitParts {
  readonly members: Members
  readonly space: KeySpace
  readonly fence: Fence
  readonly clock: Clock
  readonly log: Logger
}

/** Longer than etcd's own limit (7 s), so that its verdict arrives first where there is nobody else to ask. */
const ONLY_MEMBER_MS = 8000
/** The first of several members gets this long, each next one twice as much: a slow disk must not look like a dead machine for ever. */
const FIRST_MEMBER_MS = 1500
/** Nothing is sent again later than this after the first time. */
const RESEND_MS_MAX = 6000
const RESEND_DELAY_MS = 50

interface Write {
  readonly prepared: readonly PreparedOperation[]
  readonly compared: ReadonlyMap<string, number>
  /** Everything up to this revision happened before the write was first sent. */
  readonly since: number
}

/** See `Storage.commit`. */
export async function commit(
  parts: CommitParts,
  { operations, guards, confirm }: { operations: readonly Operation[]; guards: readonly Guard[] } & Pick<CommitOptions, 'confirm'>,
): Promise<CommitResult> {
  const { members, space, clock, log } = parts
  const prepared = operations.map(operation => prepare(space, operation))
  const write: Write = { prepared, compared: comparisons(prepared, guards), since: space.revision }
  members.choice.mustAnswer(describe(write))
  const start = clock.monotonic()
  for (let attempt = 0; ; attempt++) {
    const standsAt = await parts.fence.current()
    await confirm?.()
    const timeoutMs = members.count === 1 ? ONLY_MEMBER_MS : FIRST_MEMBER_MS * 2 ** attempt
    const outcome = await send(parts, write, { standsAt, timeoutMs })
    if ('committed' in outcome) return outcome
    // From here on it is certain that nothing was written, and that nothing will be by what was sent.
    const { cause } = outcome
    const isLate = clock.monotonic() - start > RESEND_MS_MAX || (members.count === 1 && wasNeverSent(cause))
    if (isLate)
      throw isTransient(cause) ? toApiError(cause, describe(write)) : unavailable(`Cannot ${describe(write)}: etcd does not answer`)
    log.warn({ err: cause, keys: [...write.compared.keys()] }, 'A write was not made; sending it again')
    if (cause) await clock.sleep(RESEND_DELAY_MS)
  }
}

/** Nothing was written; without a cause because the fence stood elsewhere. */
type Unmade = { readonly cause: unknown }

/** Throws 504 when the outcome cannot be found out. */
async function send(
  parts: CommitParts,
  write: Write,
  { standsAt, timeoutMs }: { standsAt: number; timeoutMs: number },
): Promise<CommitResult | Unmade> {
  const { members, fence, log } = parts
  const compared = new Map([...write.compared, [fence.key, standsAt]])
  try {
    const response = await members.write((kv, options) => kv.txn(transaction(write.prepared, compared), options), timeoutMs)
    if (response.succeeded) return { committed: true, revision: Number(response.header.revision) }
    const revisions = new Map([...compared.keys()].map((key, at) => [key, modRevision(response.responses[at])]))
    return judgeRefusal(fence, write, { revisions, standsAt })
  } catch (error) {
    if (!isTransient(error)) throw toApiError(error, describe(write))
    if (wasNeverSent(error)) return { cause: error }
    log.warn({ err: error, keys: [...write.compared.keys()] }, 'A write has no verdict; finding out what became of it')
    const verdict = await settle(parts, write, standsAt)
    if (verdict === 'unmade') return { cause: error }
    if (verdict) return verdict
    const why = error instanceof Error ? error.message : String(error)
    throw timedOut(`Cannot ${describe(write)}: its outcome is unknown, for etcd does not answer: ${why}`)
  }
}

function judgeRefusal(
  fence: Fence,
  { compared }: Write,
  { revisions, standsAt }: { revisions: Map<string, number>; standsAt: number },
): CommitResult | Unmade {
  const fenceRevision = revisions.get(fence.key) ?? 0
  revisions.delete(fence.key)
  if (fenceRevision === standsAt) return { committed: false, revisions }
  fence.found(fenceRevision)
  const hasLost = [...compared].some(([key, revision]) => revisions.get(key) !== revision)
  return hasLost ? { committed: false, revisions } : { cause: undefined }
}

type RangeResponse = { response_range?: { kvs: readonly { mod_revision: string }[] } } | undefined

function modRevision(response: RangeResponse): number {
  return Number(response?.response_range?.kvs[0]?.mod_revision ?? 0)
}

function describe({ prepared }: Pick<Write, 'prepared'>): string {
  const names = prepared.slice(0, 3).map(({ key }) => `"${key}"`)
  return `write ${names.join(', ')}${prepared.length > names.length ? ` and ${prepared.length - names.length} more` : ''}`
}
