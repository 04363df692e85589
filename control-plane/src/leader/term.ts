import { apiError } from '@davit/api'
import type { Guard, Storage } from '../storage/types.ts'

/** Keys that name who leads; they change with the leader only, unlike the Lease, which changes every second. */
const PREFIX = '/davit/leaders/'

/**
 * Begins a term of leadership in etcd itself: every commit through the storage this gives is made only while no later term has
 * begun. So a leader that slept through the end of its Lease can write nothing more, however late it notices. Throws ApiError
 * as `commit` does.
 */
export async function beginTerm(
  storage: Storage,
  { name, identity, signal }: { name: string; identity: string; signal: AbortSignal },
): Promise<Storage> {
  const key = `${PREFIX}${name}`
  for (;;) {
    signal.throwIfAborted()
    const before = await storage.read(key, signal)
    const operation = before
      ? ({ type: 'update', key, value: identity, revision: before.revision } as const)
      : ({ type: 'create', key, value: identity } as const)
    const outcome = await storage.commit([operation], [], { signal })
    if (outcome.committed) return fence(storage, { key, revision: outcome.revision })
  }
}

function fence(storage: Storage, term: Guard): Storage {
  return {
    // The registry over this storage serves what is registered and started already.
    register: () => {},
    add: async () => {},
    remove: () => {},
    start: async () => {},
    close: async () => {},
    get: (...args) => storage.get(...args),
    list: (...args) => storage.list(...args),
    watch: (...args) => storage.watch(...args),
    read: (...args) => storage.read(...args),
    readPrefix: (...args) => storage.readPrefix(...args),
    currentRevision: (...args) => storage.currentRevision(...args),
    reached: (...args) => storage.reached(...args),
    get health() {
      return storage.health
    },
    async commit(operations, guards = [], options) {
      const outcome = await storage.commit(operations, [...guards, term], options)
      if (!outcome.committed && outcome.revisions.get(term.key) !== term.revision) {
        throw apiError(
          'Conflict',
          `Another process leads now: "${term.key}" is at ${outcome.revisions.get(term.key)}, this term began at ${term.revision}`,
        )
      }
      return outcome
    },
  }
}
