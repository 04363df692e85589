/** Lists: which revision they are read at, from the cache where it has it and from etcd where it has not, page by page. */
import { ApiError, badRequest, expired, type KubernetesObject } from '@davit/api'
import { isCompacted, isFuture } from './etcd-errors.ts'
import type { Freshness } from './freshness.ts'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import { rangePages } from './ranges.ts'
import type { ResourceCache } from './resource-cache.ts'
import { decodeContinue, encodeContinue, parseResourceVersion } from './resource-version.ts'
import type { StoredObject } from './stored-object.ts'
import type { ListRequest, ListResult } from './types.ts'
import type { Scope } from './watcher.ts'

interface Parts {
  readonly members: Members
  readonly space: KeySpace
  readonly freshness: Freshness
}

/** Where a page begins and what it holds. */
interface Page {
  readonly cache: ResourceCache
  readonly scope: Scope
  readonly limit: number
  readonly filter: ((object: KubernetesObject) => boolean) | undefined
  /** First key; undefined: the beginning. */
  readonly start: string | undefined
  readonly signal: AbortSignal | undefined
}

/** Objects that are looked at between two turns of the event loop. */
const YIELD_EVERY = 500

/** See `Storage.list`; the matrix is Kubernetes' own. */
export async function list(parts: Parts, cache: ResourceCache, request: ListRequest): Promise<ListResult> {
  const { limit = 0, filter, signal, resourceVersionMatch: match } = request
  const version = parseResourceVersion(request.resourceVersion)
  const scope = scopeOf(request)
  const page: Page = { cache, scope, limit, filter, start: undefined, signal }

  if (request.continue) {
    if (version) throw badRequest('specifying resource version is not allowed when using continue')
    const token = decodeContinue(request.continue)
    const start = cache.prefixOf(scope) + token.start
    if (token.revision !== undefined) return atRevision(parts, { ...page, start }, token.revision, () => continueExpired(token.start))
    await parts.freshness.fresh(signal)
    return fromCache({ ...page, start }, parts.space.revision)
  }
  if (match && version === undefined)
    throw badRequest('resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (match === 'Exact' && version === 0)
    throw badRequest('resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')

  if (version === undefined) await parts.freshness.fresh(signal)
  else if (version === 0) parts.freshness.mustBeReady()
  else if (match === 'Exact' || (limit > 0 && !match)) return exactly(parts, page, version)
  else await parts.freshness.atLeast(version, signal)
  return fromCache(page, parts.space.revision)
}

/** With a token in its metadata that goes on with the objects of the present. */
function continueExpired(start: string): ApiError {
  const { status } = expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue ' +
      'parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided ' +
      'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was ' +
      'returned and now may show up in the list.',
  )
  return new ApiError({ ...status, metadata: { continue: encodeContinue({ revision: undefined, start }) } })
}

const EXACT_EXPIRED = () => expired('The resourceVersion for the provided list is too old.')

async function exactly(parts: Parts, page: Page, revision: number): Promise<ListResult> {
  await parts.freshness.atLeast(revision, page.signal)
  return atRevision(parts, page, revision, EXACT_EXPIRED)
}

async function atRevision(parts: Parts, page: Page, revision: number, tooOld: () => ApiError): Promise<ListResult> {
  // While nothing of this resource has changed since, the cache is what etcd would answer.
  const { ring } = page.cache
  const same = parts.freshness.ready && revision <= parts.space.revision && revision >= Math.max(ring.floor, ring.last)
  if (same) return fromCache(page, revision)
  try {
    return await fromEtcd(parts, page, revision)
  } catch (error) {
    if (isCompacted(error)) throw tooOld()
    if (isFuture(error)) throw badRequest(`resourceVersion ${revision} lies in the future`)
    throw error
  }
}

async function fromCache(page: Page, revision: number): Promise<ListResult> {
  const { cache, scope, start, filter, limit } = page
  // A copy: the cache may go on while a long list yields.
  const selected = cache.select(scope)
  const objects = start === undefined ? selected : selected.filter(({ key }) => key >= start)
  const items: StoredObject[] = []
  for (const [at, object] of objects.entries()) {
    if (at % YIELD_EVERY === YIELD_EVERY - 1) await new Promise(setImmediate)
    if (!wanted(object, filter)) continue
    if (limit > 0 && items.length === limit) return cut(page, { items, revision }, objects.length - at)
    items.push(object)
  }
  return { items, revision }
}

async function fromEtcd({ members, space }: Parts, page: Page, revision: number): Promise<ListResult> {
  const { cache, scope, start, filter, limit, signal } = page
  const items: StoredObject[] = []
  // One more than asked for tells whether there is a next page.
  const pageSize = limit > 0 && !isNarrow(page) ? Math.min(limit + 1, YIELD_EVERY) : YIELD_EVERY
  for await (const { kvs, left } of rangePages(members, { prefix: cache.prefixOf(scope), start, revision, pageSize, signal })) {
    for (const [at, kv] of kvs.entries()) {
      const object = space.decode(cache, { key: kv.key.toString(), revision: Number(kv.mod_revision), value: kv.value })
      if (!cache.isIn(scope, object) || !wanted(object, filter)) continue
      if (limit > 0 && items.length === limit) return cut(page, { items, revision }, kvs.length - at + left)
      items.push(object)
    }
  }
  return { items, revision }
}

/** A full page with its token; `left` objects follow if nothing narrows the list. */
function cut(page: Page, { items, revision }: { items: StoredObject[]; revision: number }, left: number): ListResult {
  const last = items.at(-1) as StoredObject
  // The first key behind the last one given.
  const start = `${last.key.slice(page.cache.prefixOf(page.scope).length)}\0`
  return { items, revision, continue: encodeContinue({ revision, start }), ...(!isNarrow(page) && { remainingItemCount: left }) }
}

function isNarrow({ scope, filter }: Page): boolean {
  return filter !== undefined || scope.name !== undefined || scope.nodeName !== undefined
}

/** An object that cannot be read fails the list: leaving it out silently would make a controller believe it is gone. */
function wanted(object: StoredObject, filter: Page['filter']): boolean {
  if (object.failure) throw object.failure
  return !filter || filter(object.object)
}

export function scopeOf({ namespace, name, nodeName }: { namespace?: string; name?: string; nodeName?: string }): Scope {
  return { ...(namespace && { namespace }), ...(name !== undefined && { name }), ...(nodeName !== undefined && { nodeName }) }
}
