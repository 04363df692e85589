import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@davit/api'
import type { Docker, ImageInfo } from '../docker/index.ts'
import { startImageGc } from './gc.ts'
import { ImageStore } from './image-store.ts'
import { ImageUses } from './uses.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const image = (name: string): ImageInfo => ({
  id: `sha256:${name}`,
  tags: [`${name}:1`],
  digests: [],
  sizeBytes: 1,
  user: '',
  env: [],
  architecture: '',
  os: '',
  labels: {},
})

test('an image that a pod came to want while others were removed stays', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-gc-'))
  const stop = new AbortController()
  const { signal } = stop
  const images = new Map(['a', 'b', 'c'].map(name => [`${name}:1`, image(name)]))
  const wanted: string[] = []
  const docker = {
    listImages: async () => [...images.values()],
    async *imageEvents() {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    },
    usedImages: async () => new Set<string>(),
    inspectImage: async (id: string) => [...images.values()].find(one => one.id === id),
    async removeImage(name: string) {
      wanted.push('b:1')
      return images.delete(name) ? 'removed' : 'gone'
    },
  } as unknown as Docker
  const common = { docker, clock: systemClock, log, signal }
  const store = new ImageStore(common)
  const uses = new ImageUses(dir, common)
  const options = { scope: 'all', highPercent: 85, lowPercent: 80, pinned: [], ageMsMin: 0 } as const
  const gc = startImageGc({ ...common, store, uses, wantedNames: () => wanted, warn() {}, options })
  t.after(async () => {
    stop.abort()
    await Promise.all([store.stopped, gc.stopped])
    await uses.saved
    await rm(dir, { recursive: true })
  })
  assert.equal(await gc.removeUnused(), 2)
  assert.deepEqual([...images.keys()], ['b:1'])
})
