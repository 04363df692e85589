import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createPod, mustCommit, names, pod, podKey, pods, startStorage } from './testing/objects.ts'
import { startTestEtcd, type TestEtcd } from './testing/test-etcd.ts'
import type { ListResult } from './types.ts'

describe('list()', () => {
  let etcd: TestEtcd
  let storage: Awaited<ReturnType<typeof startStorage>>
  /** Revision when a, b and c existed. */
  let three: number
  let last: number
  before(async () => {
    etcd = await startTestEtcd()
    storage = await startStorage(etcd.url)
    await createPod(storage, pod('b', { nodeName: 'node-1' }))
    await createPod(storage, pod('a', { namespace: 'a-b' }))
    three = await createPod(storage, pod('a', { namespace: 'a', nodeName: 'node-1' }))
    last = await createPod(storage, pod('c', { labels: { app: 'web' } }))
    await storage.reached(last)
  })
  after(async () => {
    await storage[Symbol.asyncDispose]()
    await etcd[Symbol.asyncDispose]()
  })
  const keys = ({ items }: ListResult) => items.map(({ key }) => key.slice('/registry/pods/'.length))

  it('gives everything in key order at the latest revision', async () => {
    const result = await storage.list(pods, {})
    assert.deepEqual(keys(result), ['a-b/a', 'a/a', 'default/b', 'default/c'])
    assert.equal(result.revision, last)
  })

  it('narrows by namespace, name, node and filter', async () => {
    assert.deepEqual(keys(await storage.list(pods, { namespace: 'a' })), ['a/a'])
    assert.deepEqual(keys(await storage.list(pods, { name: 'a' })), ['a-b/a', 'a/a'])
    assert.deepEqual(keys(await storage.list(pods, { namespace: 'default', name: 'b' })), ['default/b'])
    assert.deepEqual(keys(await storage.list(pods, { nodeName: 'node-1' })), ['a/a', 'default/b'])
    assert.deepEqual(keys(await storage.list(pods, { nodeName: 'node-1', namespace: 'a' })), ['a/a'])
    assert.deepEqual(keys(await storage.list(pods, { filter: object => object.metadata.labels?.app === 'web' })), ['default/c'])
  })

  it('reads from the cache at once for resourceVersion 0', async () => {
    assert.equal((await storage.list(pods, { resourceVersion: '0' })).items.length, 4)
  })

  it('waits for a revision that is to come', async () => {
    const listing = storage.list(pods, { resourceVersion: String(last + 1) })
    await mustCommit(storage, [{ type: 'create', key: '/davit/raw', value: 'x' }])
    assert.ok((await listing).revision >= last + 1)
  })

  it('gives up on a revision that does not come, with the cause client-go looks for', async () => {
    const error = await storage.list(pods, { resourceVersion: '999999' }).then(
      () => assert.fail('It was listed'),
      (error: unknown) => error as { code: number; message: string; status: { details: { causes: { reason: string }[] } } },
    )
    assert.equal(error.code, 504)
    assert.match(error.message, /^Too large resource version: 999999, current: \d+$/)
    assert.equal(error.status.details.causes[0]?.reason, 'ResourceVersionTooLarge')
  })

  it('reads the past for Exact', async () => {
    const result = await storage.list(pods, { resourceVersion: String(three), resourceVersionMatch: 'Exact' })
    assert.deepEqual(keys(result), ['a-b/a', 'a/a', 'default/b'])
    assert.equal(result.revision, three)
    assert.equal(result.items[1]?.object.metadata.resourceVersion, String(three))
  })

  for (const [what, request] of [
    ['a version that is no number', { resourceVersion: 'abc' }],
    ['a match without a version', { resourceVersionMatch: 'Exact' }],
    ['Exact 0', { resourceVersion: '0', resourceVersionMatch: 'Exact' }],
    ['a token that is not ours', { continue: 'bm9uc2Vuc2U' }],
  ] as const) {
    it(`answers 400 to ${what}`, () => assert.rejects(storage.list(pods, request), { code: 400 }))
  }

  it('pages at one revision while objects come and go', async () => {
    const before = await storage.list(pods, {})
    const found: string[] = []
    let token: string | undefined
    for (let page = 0; page === 0 || token; page++) {
      const result: ListResult = await storage.list(pods, { limit: 1, ...(token && { continue: token }) })
      assert.equal(result.revision, before.revision)
      assert.equal(result.remainingItemCount, page === 3 ? undefined : 3 - page)
      found.push(...keys(result))
      token = result.continue
      await createPod(storage, pod(`new-${page}`, { namespace: 'a' }))
      if (page === 1) await mustCommit(storage, [{ type: 'delete', key: podKey('c'), revision: last }])
    }
    assert.deepEqual(found, keys(before))
  })

  it('counts the remaining only where nothing narrows the list', async () => {
    const filtered = await storage.list(pods, { limit: 1, filter: () => true })
    assert.ok(filtered.continue)
    assert.equal(filtered.remainingItemCount, undefined)
  })

  it('answers 410 to a token or an exact version older than the last compaction', async () => {
    const { continue: token, revision } = await storage.list(pods, { limit: 1 })
    const later = await createPod(storage, pod('z'))
    await storage.compact(later)
    await assert.rejects(storage.list(pods, { limit: 1, continue: token as string }), { code: 410, reason: 'Expired' })
    await assert.rejects(storage.list(pods, { resourceVersion: String(revision), resourceVersionMatch: 'Exact' }), { code: 410 })
  })

  it('gives with the 410 a token that goes on in the present, page by page', async () => {
    const first = await storage.list(pods, { limit: 1 })
    const later = await createPod(storage, pod('zz'))
    await storage.compact(later)
    const { status } = await storage.list(pods, { limit: 1, continue: first.continue as string }).then(
      () => assert.fail('It was listed'),
      (error: unknown) => error as { status: { metadata: { continue: string } } },
    )
    const next = await storage.list(pods, { limit: 2, continue: status.metadata.continue })
    const rest = await storage.list(pods, { continue: next.continue as string })
    assert.deepEqual([...keys(first), ...keys(next), ...keys(rest)], keys(await storage.list(pods, {})))
    assert.deepEqual([next.revision >= later, rest.revision], [true, next.revision])
  })

  it('finds everything that a page of one left out', async () => {
    const all = await storage.list(pods, {})
    assert.ok(names(all.items).includes('z'))
  })
})
