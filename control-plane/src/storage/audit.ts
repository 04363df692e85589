/**
 * The self-audit: every cache's keys and mod revisions against etcd's, at one revision. What differs is put right, and
 * the resource's watchers start over, since nobody can say which events they missed.
 */
import { expired, type Logger } from '@davit/api'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import { rangePages } from './ranges.ts'
import type { ResourceCache } from './resource-cache.ts'

interface Parts {
  readonly members: Members
  readonly space: KeySpace
  readonly log: Logger
}

const REACH_MS = 3000
const YIELD_EVERY = 5000

/** How many keys differed. Throws when etcd does not answer or was compacted meanwhile. */
export async function audit(parts: Parts, signal?: AbortSignal): Promise<number> {
  let repaired = 0
  for (const cache of parts.space.caches.values()) repaired += await auditResource(parts, cache, signal)
  return repaired
}

async function auditResource(parts: Parts, cache: ResourceCache, signal: AbortSignal | undefined): Promise<number> {
  const { members, space, log } = parts
  /** The newest change of each key since the audit began: what changed after the listing cannot be judged by it. */
  const changed = new Map<string, number>()
  const unlisten = space.listen(({ key, revision }) => changed.set(key, revision))
  try {
    const expected = new Map<string, number>()
    let revision = 0
    for await (const page of rangePages(members, { prefix: cache.resource.prefix, revision: 0, keysOnly: true, signal })) {
      revision = page.revision
      for (const { key, mod_revision } of page.kvs) expected.set(key.toString(), Number(mod_revision))
    }
    if (!(await space.progress.reached(revision, { timeoutMs: REACH_MS, signal }))) throw new Error(`Revision ${revision} did not arrive`)

    // Gone meanwhile: nothing feeds it any more.
    const isKept = () => space.caches.get(cache.resource.prefix) === cache
    if (!isKept()) return 0
    const isSettled = (key: string) => (changed.get(key) ?? 0) <= revision
    const suspects = (await differences(cache, expected)).filter(isSettled)
    if (suspects.length === 0) return 0
    const values = await valuesAt(parts, cache, suspects, revision, signal)
    const wrong = suspects.filter(key => isSettled(key) && cache.get(key)?.revision !== expected.get(key))
    if (wrong.length === 0 || !isKept()) return 0
    log.error(
      { resource: cache.resource.name, keys: wrong.slice(0, 20), count: wrong.length, revision },
      'The cache differed from etcd; repaired',
    )
    for (const key of wrong) cache.repair(key, values.get(key))
    cache.restart(space.revision, expired('The watch cache was repaired: list again.'))
    return wrong.length
  } finally {
    unlisten()
  }
}

/** Keys that are here and not there, there and not here, or at another revision. */
async function differences(cache: ResourceCache, expected: ReadonlyMap<string, number>): Promise<string[]> {
  const found = new Set<string>()
  let seen = 0
  for (const { key, revision } of [...cache.entries()]) {
    if (expected.get(key) !== revision) found.add(key)
    if (++seen % YIELD_EVERY === 0) await new Promise(setImmediate)
  }
  for (const key of expected.keys()) if (!cache.get(key)) found.add(key)
  return [...found]
}

async function valuesAt(
  { members, space }: Parts,
  cache: ResourceCache,
  keys: readonly string[],
  revision: number,
  signal: AbortSignal | undefined,
) {
  const values = new Map<string, ReturnType<KeySpace['decode']>>()
  for (const key of keys) {
    const range = { key: Buffer.from(key), revision }
    const { kvs } = await members.read(`read "${key}"`, (kv, options) => kv.range(range, options), { signal })
    const kv = kvs[0]
    if (kv) values.set(key, space.decode(cache, { key, revision: Number(kv.mod_revision), value: kv.value }))
  }
  return values
}
