import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startEtcdProxy } from './testing/etcd-proxy.ts'
import { createPod, pod, podKey, pods, startStorage } from './testing/objects.ts'
import { startTestEtcd } from './testing/test-etcd.ts'

test('who is the only writer reads each write that was answered, and each that a refusal told of, without asking etcd', async () => {
  await using etcd = await startTestEtcd()
  await using storage = await startStorage(etcd.url, { isSoleWriter: true })
  const write = async (index: number) => {
    const name = `pod-${index}`
    const revision = await createPod(storage, pod(name))
    assert.equal((await storage.get(pods, podKey(name)))?.revision, revision)
    const { items, revision: listed } = await storage.list(pods, { name, namespace: 'default' })
    assert.ok(items.length === 1 && listed >= revision)
  }
  await Promise.all(Array.from({ length: 100 }, (_, index) => write(index)))
  const contended = async (writer: number) => {
    const value = pod('one', { labels: { writer: String(writer) } })
    await storage.commit([{ type: 'create', key: podKey('one'), value }])
    assert.ok(await storage.get(pods, podKey('one')), 'Whoever was refused finds what was there before')
  }
  await Promise.all(Array.from({ length: 20 }, (_, writer) => contended(writer)))
})

test('who is the only writer does not answer from a cache that its own writes have not reached', async () => {
  await using etcd = await startTestEtcd()
  await using proxy = await startEtcdProxy(etcd.url)
  await using storage = await startStorage(proxy.url, { isSoleWriter: true })
  await createPod(storage, pod('before'))
  assert.ok(await storage.get(pods, podKey('before')))
  // From now on the stream says nothing more; the one that follows it does.
  proxy.hooks.watchMessage = stream => (stream === 0 ? 'swallow' : 'pass')
  const revision = await createPod(storage, pod('after'))
  assert.equal((await storage.get(pods, podKey('after')))?.revision, revision)
  assert.equal(storage.counters.watchResumes, 1)
})
