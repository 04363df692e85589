/**
 * One optimistic write: decide on what is stored, commit against its revision, decide again when someone was faster. The first
 * try reads the cache (no round trip to etcd); whatever it refuses is judged again on a linearizable read, so that no client is
 * refused because this replica is a moment behind.
 */
import { ApiError, conflict, type Kind, notFound } from '@davit/api'
import type { CommitResult, Guard, Operation, Storage, Stored, StoredResource } from '../../storage/types.ts'
import { isByWebhook } from '../webhooks/index.ts'
import type { RequestContext } from './types.ts'

export interface Plan<R> {
  operations: Operation[]
  guards?: Guard[]
  /** What the caller gets once committed. */
  result: (revision: number) => R
  /** Told how it went, exactly once; frees what was only reserved in memory. */
  settled?: (outcome: CommitResult | undefined) => void
}

/** `answer`: nothing needs to be written. */
export type Decision<R> = { answer: R } | Plan<R>

export interface ChangeOptions {
  kind: Kind
  resource: StoredResource
  key: string
  name: string
  /** Of a dry run everything is done but the commit. */
  context: RequestContext
  /** How often to decide anew before giving up with Conflict. */
  tries?: number
}

/** Reads the object at `key` and carries out what `decide` makes of it. Throws NotFound when it is absent. */
export async function change<R>(storage: Storage, options: ChangeOptions, decide: (current: Stored) => Promise<Decision<R>>): Promise<R> {
  const { kind, resource, key, name, tries = 12 } = options
  const { signal, dryRun } = options.context
  const cached = dryRun ? undefined : await storage.get(resource, key, { cached: true, ...(signal && { signal }) })
  if (cached) {
    const result = await decide(cached).then(
      decision => ('answer' in decision ? undefined : carryOut(storage, decision, options.context)),
      (error: unknown) => {
        if (!(error instanceof ApiError) || isByWebhook(error)) throw error
        return undefined
      },
    )
    if (result) return result.value
  }
  for (let count = 0; count < tries; count++) {
    const current = await storage.get(resource, key, signal && { signal })
    if (!current) throw notFound(kind, name)
    const decision = await decide(current)
    if ('answer' in decision) return decision.answer
    const result = await carryOut(storage, decision, options.context)
    if (result) return result.value
  }
  throw conflict(kind, name)
}

/** Commits a plan; undefined when some compare failed. */
async function carryOut<R>(
  storage: Storage,
  plan: Plan<R>,
  { dryRun, signal, confirm }: RequestContext,
): Promise<{ value: R } | undefined> {
  let outcome: CommitResult | undefined
  try {
    if (dryRun) {
      outcome = { committed: false, revisions: new Map() }
      return { value: plan.result(0) }
    }
    outcome = await storage.commit(plan.operations, plan.guards, { ...(signal && { signal }), confirm })
  } finally {
    plan.settled?.(outcome)
  }
  return outcome.committed ? { value: plan.result(outcome.revision) } : undefined
}
