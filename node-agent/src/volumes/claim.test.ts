import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@davit/api'
import { type ClaimDeps, claimsDir, findClaim, usersOf } from './claim.ts'

describe('What is kept of claims', () => {
  let podsDir = ''
  before(async () => {
    podsDir = await mkdtemp(join(tmpdir(), 'davit-claims-'))
  })
  after(() => rm(podsDir, { recursive: true }))

  const claim: PersistentVolumeClaim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'rows', namespace: 'shop', uid: 'c1' },
    spec: { accessModes: ['ReadWriteOncePod'], volumeName: 'pv-rows' },
    status: { phase: 'Bound' },
  }
  const volume: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv-rows' },
    spec: { local: { path: '/rows' }, claimRef: { namespace: 'shop', name: 'rows', uid: 'c1' } },
  }
  const objects = { claim: async () => claim, persistentVolume: async () => volume } as unknown as ClaimDeps['objects']
  const deps: ClaimDeps = { objects, nodeName: 'node-1', nodeLabels: () => ({}) }
  const podDir = (uid: string) => join(podsDir, uid)
  const find = (uid: string) => {
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, namespace: 'shop', uid }, spec: { containers: [] } }
    return findClaim(pod, { name: 'data', persistentVolumeClaim: { claimName: 'rows' } }, { podDir: podDir(uid), deps })
  }

  it('says who uses a volume', async () => {
    assert.deepEqual(await usersOf('pv-rows', { podsDir: join(podsDir, 'none') }), [])
    await find('one')
    assert.deepEqual(await usersOf('pv-rows', { podsDir }), ['one'])
    assert.deepEqual(await usersOf('pv-other', { podsDir }), [])
    await assert.rejects(find('two'), /ReadWriteOncePod access mode and is already in use by another pod/)
  })

  it('calls no volume unused while one record cannot be read, which only its own pod mends', async () => {
    const path = join(claimsDir(podDir('one')), 'data.json')
    // As a machine that lost its power may leave it.
    await writeFile(path, '')
    await assert.rejects(usersOf('pv-rows', { podsDir }), /Cannot tell what is in use by .*data\.json/)
    await assert.rejects(find('two'), /Cannot tell what is in use by/)
    await find('one')
    assert.equal(JSON.parse(await readFile(path, 'utf8')).volume.metadata.name, 'pv-rows')
  })

  it('calls no volume unused while a directory cannot be read', async () => {
    await rm(podDir('one'), { recursive: true })
    await mkdir(podDir('one'))
    assert.deepEqual(await usersOf('pv-rows', { podsDir }), [])
    // A name that no file system takes: what keeps a directory from being read is not told apart.
    await assert.rejects(usersOf('pv-rows', { podsDir: join(podsDir, 'x'.repeat(300)) }), { code: 'ENAMETOOLONG' })
  })
})
