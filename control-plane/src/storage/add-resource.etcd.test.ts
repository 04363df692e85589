import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubernetesObject } from '@davit/api'
import { mustCommit, names, startStorage, take } from './testing/objects.ts'
import { startTestEtcd } from './testing/test-etcd.ts'
import type { StoredResource } from './types.ts'

const WIDGETS: StoredResource = {
  name: 'widgets.example.com',
  prefix: '/registry/example.com/widgets/',
  namespaced: false,
  encrypted: false,
}
const keyOf = (name: string) => `${WIDGETS.prefix}${name}`
const widget = (name: string) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name } }) as KubernetesObject

it('a resource that comes while others write to it misses nothing, and goes without a trace', async () => {
  await using etcd = await startTestEtcd()
  await using writer = await startStorage(etcd.url)
  await using storage = await startStorage(etcd.url)
  const create = (name: string) => mustCommit(writer, [{ type: 'create', key: keyOf(name), value: widget(name) }])
  await create('before')
  const wanted = new Set(['before'])
  let isAdded = false
  const write = async (worker: number) => {
    for (let i = 0; i < 20 || !isAdded; i++) {
      const name = `w${worker}-${i}`
      const revision = await create(name)
      if (i % 3 === 0) await mustCommit(writer, [{ type: 'delete', key: keyOf(name), revision }])
      else wanted.add(name)
    }
  }
  const writing = Promise.all([0, 1, 2, 3].map(write))
  const signal = AbortSignal.timeout(10_000)
  // Whoever asks twice gets it once.
  await Promise.all([storage.add(WIDGETS, signal), storage.add(WIDGETS, signal)])
  isAdded = true
  await writing
  const { items, revision } = await storage.list(WIDGETS, {})
  assert.deepEqual(names(items).sort(), [...wanted].sort())
  assert.equal(await storage.audit(), 0)

  const stop = new AbortController()
  const request = { resourceVersion: String(revision), signal: stop.signal }
  const seen = take(storage.watch(WIDGETS, request), 1)
  await create('after')
  assert.equal((await seen)[0]?.type, 'added')

  const ended = (async () => {
    for await (const _ of storage.watch(WIDGETS, request)) storage.remove(WIDGETS)
  })()
  await ended
  await assert.rejects(async () => storage.list(WIDGETS, {}), /could not find the requested resource/)
  await storage.add(WIDGETS, signal)
  assert.equal((await storage.list(WIDGETS, {})).items.length, wanted.size + 1)
})
