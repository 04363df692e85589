import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ConfigMap, Pod, Secret, Volume } from '@davit/api'
import { type Payload, payloadOf } from './payload.ts'
import { openInside } from './sub-path.ts'
import { writeAtomically } from './write-atomically.ts'

const files = (entries: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(entries).map(([path, text]) => [path, { data: Buffer.from(text), mode }]))

describe('volumes of files', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'davit-volumes-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))
  const fresh = async (name: string) => {
    await mkdir(join(dir, name))
    return join(dir, name)
  }

  it('writeAtomically() changes all files at once and leaves nothing of the old ones', async () => {
    const at = await fresh('atomic')
    assert.equal(await writeAtomically(at, files({ a: '1', 'sub/b': '2' })), true)
    assert.equal(await readFile(join(at, 'sub/b'), 'utf8'), '2')
    const first = await readlink(join(at, '..data'))
    assert.equal(await writeAtomically(at, files({ a: '1', 'sub/b': '2' })), false, 'nothing changed')
    assert.equal(await readlink(join(at, '..data')), first)
    assert.equal(await writeAtomically(at, files({ a: '3' })), true)
    assert.equal(await readFile(join(at, 'a'), 'utf8'), '3')
    await assert.rejects(stat(join(at, 'sub')), /ENOENT/)
    await assert.rejects(stat(join(at, first)), /ENOENT/)
  })

  it('writeAtomically() gives files their mode, and the pod’s group the right to read', async () => {
    const at = await fresh('modes')
    await writeAtomically(at, files({ key: 'x' }, 0o400), { group: 2000 })
    const { mode, gid } = await stat(join(at, 'key'))
    assert.deepEqual([mode & 0o777, gid], [0o440, 2000])
  })

  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', labels: { b: '2', a: '1' } },
    spec: { containers: [] },
  }
  const objects = {
    configMap: async (_: string, name: string) =>
      name === 'app'
        ? ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { k: 'v' }, binaryData: { bin: 'AAE=' } } as ConfigMap)
        : undefined,
    secret: async (_: string, name: string) =>
      name === 'db' ? ({ apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { p: 'cw==' } } as Secret) : undefined,
  }
  const context = { nodeName: 'n', hostIp: 'h', podIp: 'p', allocatable: { milliCpu: 0, memoryBytes: 0 } }
  const payload = (volume: Omit<Volume, 'name'>) =>
    payloadOf({ name: 'v', ...volume }, pod, { objects, context, token: async () => 'token' })

  it('payloadOf() gathers ConfigMaps, Secrets and fields into one projected volume', async () => {
    const found = await payload({
      projected: {
        defaultMode: 0o600,
        sources: [
          { configMap: { name: 'app', items: [{ key: 'k', path: 'conf/k' }] } },
          { secret: { name: 'db' } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' }, mode: 0o444 }] } },
          { secret: { name: 'none', optional: true } },
        ],
      },
    })
    const shown = [...found].map(([path, { data, mode }]) => [path, data.toString(), mode])
    assert.deepEqual(shown, [
      ['conf/k', 'v', 0o600],
      ['p', 's', 0o600],
      ['labels', 'a="1"\nb="2"', 0o444],
    ])
  })

  for (const [volume, message] of [
    [{ configMap: { name: 'none' } }, 'configmap "none" not found'],
    [{ secret: { secretName: 'none' } }, 'secret "none" not found'],
    [{ configMap: { name: 'app', items: [{ key: 'x', path: 'x' }] } }, 'references non-existent config key: x'],
    [{ configMap: { name: 'app', items: [{ key: 'k', path: '../k' }] } }, 'Cannot write a file at "../k" in a volume'],
  ] as const) {
    it(`payloadOf() says: ${message}`, () => assert.rejects(payload(volume as unknown as Omit<Volume, 'name'>), { message }))
  }

  it('openInside() makes what is missing, follows the volume’s own links, and none that leads out', async () => {
    const at = await fresh('subpath')
    const made = await openInside(at, 'new/deep')
    assert.ok((await made.stat()).isDirectory())
    await made.close()
    await writeAtomically(at, files({ key: 'value' }))
    const key = await openInside(at, 'key')
    assert.equal((await key.stat()).size, 5)
    await key.close()
    await symlink('/etc', join(at, 'out'))
    await assert.rejects(openInside(at, 'out/passwd'), /leads out of its volume/)
    await symlink('/nowhere', join(at, 'dangling'))
    await assert.rejects(openInside(at, 'dangling/x'), /subPath/)
    await writeFile(join(at, 'plain'), '')
    await assert.rejects(openInside(at, '../subpath-other'), /subPath/)
  })
})
