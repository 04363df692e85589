import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ImageInfo } from '../docker/index.ts'
import { bytesToFree, type GcObserved, planImageGc } from './gc-plan.ts'
import type { ImageUse } from './uses.ts'

const NOW = 1_700_000_000_000
const HOUR = 3_600_000
const image = (name: string, fields: Partial<ImageInfo> = {}): ImageInfo => ({
  id: `sha256:${name}`,
  tags: [`${name}:1`],
  digests: [],
  sizeBytes: 100,
  user: '',
  env: [],
  architecture: '',
  os: '',
  labels: {},
  ...fields,
})
const use = (name: string, fields: Partial<ImageUse> = {}): [string, ImageUse] => [
  `sha256:${name}`,
  { pulled: [`${name}:1`], firstSeen: NOW - 9 * HOUR, lastUsed: NOW - HOUR, ...fields },
]
const plan = (images: ImageInfo[], uses: [string, ImageUse][], fields: Partial<GcObserved> = {}) => {
  const known = new Map(uses)
  const { removable, kept } = planImageGc({
    images,
    uses: id => known.get(id),
    usedIds: new Set(),
    wantedNames: [],
    scope: 'own',
    pinned: [],
    ageMsMin: 120_000,
    now: NOW,
    ...fields,
  })
  return { removable: removable.map(({ id }) => id.slice(7)), kept: kept.map(each => each.because) }
}

describe('planImageGc()', () => {
  it('removes the least recently used first', () => {
    const uses = [use('a', { lastUsed: NOW - HOUR }), use('b', { lastUsed: NOW - 3 * HOUR }), use('c', { lastUsed: NOW - 2 * HOUR })]
    assert.deepEqual(
      plan(
        ['a', 'b', 'c'].map(name => image(name)),
        uses,
      ).removable,
      ['b', 'c', 'a'],
    )
  })

  for (const [because, fields, observed] of [
    ['used by a container', {}, { usedIds: new Set(['sha256:a']) }],
    ['named by a pod', {}, { wantedNames: ['docker.io/a:1'] }],
    ['named by a pod', { digests: [`a@sha256:${'1'.repeat(64)}`] }, { wantedNames: [`a:9@sha256:${'1'.repeat(64)}`] }],
    ['pinned', { labels: { 'davit.dev/pinned': 'true' } }, {}],
    ['pinned', {}, { pinned: ['a:*'] }],
    ['pinned', {}, { pinned: ['docker.io/library/*'], scope: 'all' }],
    ['pinned', { tags: ['davit/pause:1'] }, { scope: 'all' }],
    ['not pulled by this agent', { tags: ['a:1', 'mine:1'] }, {}],
  ] as const satisfies readonly (readonly [string, Partial<ImageInfo>, Partial<GcObserved>])[]) {
    it(`keeps what is ${because} (${JSON.stringify({ ...fields, ...observed })})`, () =>
      assert.deepEqual(plan([image('a', fields as Partial<ImageInfo>)], [use('a')], observed), { removable: [], kept: [because] }))
  }

  it('keeps what is new, or was used just now', () => {
    assert.deepEqual(plan([image('a')], [use('a', { firstSeen: NOW - 60_000 })]).kept, ['new'])
    assert.deepEqual(plan([image('a')], [use('a', { lastUsed: NOW - 60_000 })]).kept, ['new'])
  })

  it('leaves what others brought, unless it was told to take all', () => {
    const uses = [use('a', { pulled: [] })]
    assert.deepEqual(plan([image('a')], uses).kept, ['not pulled by this agent'])
    assert.deepEqual(plan([image('a')], uses, { scope: 'all' }).removable, ['a'])
  })
})

describe('bytesToFree()', () => {
  const limits = { high: 85, low: 80 }
  it('frees nothing below the high threshold, and down to the low one above it', () => {
    assert.equal(bytesToFree({ totalBytes: 1000, availableBytes: 160 }, limits), 0)
    assert.equal(bytesToFree({ totalBytes: 1000, availableBytes: 150 }, limits), 50)
    assert.equal(bytesToFree({ totalBytes: 1000, availableBytes: 0 }, limits), 200)
    assert.equal(bytesToFree({ totalBytes: 0, availableBytes: 0 }, limits), 0)
  })
  it('frees nothing of a full disk when the high threshold is 100', () =>
    assert.equal(bytesToFree({ totalBytes: 1000, availableBytes: 9 }, { high: 100, low: 80 }), 0))
  it('leaves what is below the high threshold once that much is freed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), fc.nat(1000), (totalBytes, permille) => {
        const availableBytes = Math.floor((totalBytes * permille) / 1000)
        const freed = bytesToFree({ totalBytes, availableBytes }, limits)
        return (
          bytesToFree({ totalBytes, availableBytes: Math.min(totalBytes, availableBytes + freed + 1) }, limits) === 0 || totalBytes < 100
        )
      }),
    )
  })
})
