import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { KubernetesObject } from '@davit/api'
import { describeEvent, mustCommit, names, secrets, startStorage, take } from './testing/objects.ts'
import { startTestEtcd, type TestEtcd } from './testing/test-etcd.ts'

describe('encryption of Secrets', () => {
  let etcd: TestEtcd
  before(async () => {
    etcd = await startTestEtcd()
  })
  after(() => etcd[Symbol.asyncDispose]())
  const oldKey = { name: 'old', secret: randomBytes(32).toString('base64') }
  const newKey = { name: 'new', secret: randomBytes(32).toString('base64') }
  const keyOf = (name: string) => `/registry/secrets/default/${name}`
  const secret = (name: string) =>
    ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default', uid: name },
      data: { password: 'aHVudGVyMg==' },
    }) as KubernetesObject

  it('leaves no plain text in etcd and gives back what was written', async () => {
    await using storage = await startStorage(etcd.url, { encryptionKeys: [oldKey] })
    const revision = await mustCommit(storage, [{ type: 'create', key: keyOf('a'), value: secret('a') }])
    const raw = await etcd.client.get(keyOf('a')).buffer()
    assert.equal(raw?.subarray(0, 22).toString(), 'k8s:enc:aesgcm:v1:old:')
    assert.ok(!raw?.includes('hunter') && !raw?.includes('aHVudGVy') && !raw?.includes('Secret'))
    const stored = await storage.get(secrets, keyOf('a'))
    assert.deepEqual(stored?.object, { ...secret('a'), metadata: { ...secret('a').metadata, resourceVersion: String(revision) } })
  })

  it('reads with every key and writes with the first', async () => {
    await using storage = await startStorage(etcd.url, { encryptionKeys: [newKey, oldKey] })
    assert.ok(await storage.get(secrets, keyOf('a')))
    await mustCommit(storage, [{ type: 'create', key: keyOf('b'), value: secret('b') }])
    assert.match((await etcd.client.get(keyOf('b')).string()) ?? '', /^k8s:enc:aesgcm:v1:new:/)
    assert.deepEqual(names((await storage.list(secrets, {})).items), ['a', 'b'])
  })

  it('names the object that cannot be decrypted, and goes on with the others', async () => {
    await using storage = await startStorage(etcd.url, { encryptionKeys: [newKey] })
    await assert.rejects(storage.get(secrets, keyOf('a')), {
      code: 500,
      message: /"\/registry\/secrets\/default\/a".*key "old", which is not configured/,
    })
    await assert.rejects(storage.list(secrets, {}), { code: 500, message: /default\/a/ })
    assert.ok(await storage.get(secrets, keyOf('b')))
    const revision = await mustCommit(storage, [{ type: 'create', key: keyOf('c'), value: secret('c') }])
    assert.equal((await storage.get(secrets, keyOf('c')))?.revision, revision)
    const [first, second] = await take(storage.watch(secrets, { signal: AbortSignal.timeout(5000) }), 2)
    assert.match(first && second ? `${describeEvent(first)}, ${describeEvent(second)}` : '', /added b@\d+, added c@\d+/)
  })

  it('does not open a value that was copied to another key', async () => {
    await using storage = await startStorage(etcd.url, { encryptionKeys: [newKey] })
    const raw = await etcd.client.get(keyOf('b')).buffer()
    await etcd.client.put(keyOf('copy')).value(raw as Buffer)
    await assert.rejects(storage.get(secrets, keyOf('copy')), { code: 500 })
  })

  it('reads what was written before encryption was turned on', async () => {
    await etcd.client.put(keyOf('plain')).value(JSON.stringify(secret('plain')))
    await using storage = await startStorage(etcd.url, { encryptionKeys: [newKey] })
    assert.ok(await storage.get(secrets, keyOf('plain')))
  })
})
