import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { it } from 'node:test'
import type { Docker } from '../docker/index.ts'
import { createImageVolumes, imageVolumesDir } from './image-volume.ts'
import type { VolumeRequest } from './source.ts'

it('says when there is no tar to unpack an image with, and keeps nothing of it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'davit-image-volumes-'))
  const dir = join(dataDir, 'pods', 'u1')
  await mkdir(dir, { recursive: true })
  const removed: string[] = []
  const docker = {
    clusterId: 'c1',
    raw: {
      createContainer: async () => ({ id: 'made' }),
      getContainer: (id: string) => ({ export: async () => Readable.from([Buffer.alloc(512)]), remove: async () => removed.push(id) }),
    },
  } as unknown as Docker
  const request = {
    volume: { name: 'files', image: { reference: 'app:1' } },
    pod: { metadata: { uid: 'u1' } },
    place: { dir, image: async () => 'sha256:abc' },
  } as unknown as VolumeRequest
  const path = process.env.PATH
  process.env.PATH = join(dataDir, 'nothing')
  try {
    await assert.rejects(createImageVolumes({ dataDir, docker }).prepare(request), /spawn tar ENOENT/)
  } finally {
    process.env.PATH = path
  }
  assert.deepEqual(removed, ['made'])
  await createImageVolumes({ dataDir, docker }).release(dir)
  assert.deepEqual(await readdir(imageVolumesDir(dataDir)), [])
  await rm(dataDir, { recursive: true })
})
