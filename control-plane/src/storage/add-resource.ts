/** A resource that comes while storage runs: its objects are listed, and the changes that come meanwhile are put onto them. */
import type { Clock } from '@davit/api'
import type { Feed } from './feed.ts'
import type { EtcdChange, KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import { rangePages } from './ranges.ts'
import type { StoredObject } from './stored-object.ts'
import type { StoredResource } from './types.ts'

interface Parts {
  readonly members: Members
  readonly space: KeySpace
  readonly feed: Feed
  readonly clock: Clock
}

/** Resolves once the resource's cache stands where all others do. Rejects when `signal` aborts or etcd cannot be read. */
export async function addResource(parts: Parts, resource: StoredResource, signal: AbortSignal): Promise<void> {
  while (!(await tryToAdd(parts, resource, signal))) signal.throwIfAborted()
}

/** False when the feed began anew meanwhile: then changes may have been missed. */
async function tryToAdd({ members, space, feed, clock }: Parts, resource: StoredResource, signal: AbortSignal): Promise<boolean> {
  const { prefix } = resource
  if (space.caches.has(prefix)) return true
  const cache = space.newCache(resource)
  const { listings } = feed.counters
  const from = space.revision
  const changes: EtcdChange[] = []
  const stopListening = space.listen(change => {
    if (change.key.startsWith(prefix)) changes.push(change)
  })
  try {
    const objects: StoredObject[] = []
    let revision = 0
    for await (const page of rangePages(members, { prefix, revision: 0, signal })) {
      revision = page.revision
      for (const { key, value, mod_revision } of page.kvs) {
        objects.push(space.decode(cache, { key: key.toString(), revision: Number(mod_revision), value }))
      }
    }
    await space.progress.reached(revision, { signal })
    // Nothing is awaited from here on: no change can come in between.
    if (feed.counters.listings !== listings || revision < from) return false
    if (space.caches.has(prefix)) return true
    cache.replace(objects, revision)
    const atMs = clock.monotonic()
    for (const { key, revision: at, value } of changes) {
      if (at <= revision) continue
      cache.apply({ key, revision: at, stored: value && space.decode(cache, { key, revision: at, value }) }, atMs)
    }
    space.adopt(cache)
    return true
  } finally {
    stopListening()
  }
}
