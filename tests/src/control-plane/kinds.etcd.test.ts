/** Every verb of each kind over HTTP. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { KINDS, type Kind, resourcePath } from '@davit/api'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { NAMES, SAMPLES } from './kind-samples.ts'
import { type Json, metadataOf, movesWith, mustJson as must } from './moves.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
})
after(() => plane[Symbol.asyncDispose]())

const { send, post, patch } = movesWith(() => plane)

/** Kinds whose status the API server writes itself, soon after others' writes. */
const KEPT_BY_SERVER = ['FlowSchema', 'APIService']

// Each waits a second for its watch to end: together they take no longer than a few.
describe('Every kind', { concurrency: 8 }, () => {
  for (const [resource, sample] of Object.entries(SAMPLES)) {
    const kind = KINDS.find(({ plural, group }) => (group ? `${plural}.${group}` : plural) === resource) as Kind
    const isKept = KEPT_BY_SERVER.includes(kind.kind)
    const collection = resourcePath(kind, kind.namespaced ? { namespace: 'default' } : {})
    const [one, ...others] = NAMES[resource] ?? ['one', 'two', 'three']
    const body = (name: string) => ({
      metadata: { name, labels: { test: 'verbs' } },
      ...(typeof sample === 'function' ? sample(name) : sample),
    })

    it(`${kind.kind} can be created, read, listed, patched, replaced, watched and deleted, singly and all`, async () => {
      const labels = { test: 'verbs' }
      const made = await post(collection, body(one))
      assert.equal(metadataOf(made).name, one)
      const version = metadataOf(made).resourceVersion
      for (const name of others) await post(collection, body(name))
      const read = await must(send('GET', `${collection}/${one}`), 200)
      if (isKept) assert.deepEqual([metadataOf(read).uid, read.spec], [metadataOf(made).uid, made.spec])
      else assert.deepEqual(read, made)
      const everywhere = await must(send('GET', `${resourcePath(kind, {})}?labelSelector=test%3Dverbs`), 200)
      assert.equal((everywhere.items as Json[]).length, 3)
      const patched = await must(patch(`${collection}/${one}`, { metadata: { annotations: { patched: 'yes' } } }), 200)
      assert.equal(metadataOf(patched).annotations?.patched, 'yes')
      // Without a version: the status may have been written meanwhile.
      const { resourceVersion: _, ...metadata } = metadataOf(patched)
      const next = { ...patched, metadata: { ...metadata, labels: { ...labels, more: 'x' } } }
      const replaced = await must(send('PUT', `${collection}/${one}`, next), 200)
      assert.equal(metadataOf(replaced).labels?.more, 'x')
      await must(send('DELETE', `${collection}/${one}`), 200)
      await must(send('GET', `${collection}/${one}`), 404)
      const watch = `${collection}?watch=true&resourceVersion=${version}&timeoutSeconds=1&fieldSelector=metadata.name%3D${encodeURIComponent(one)}`
      const { text } = await send('GET', watch)
      const seen = text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).type)
      assert.deepEqual(isKept ? [...seen.slice(0, 2), seen.at(-1)] : seen, ['MODIFIED', 'MODIFIED', 'DELETED'])
      await must(send('DELETE', `${collection}?labelSelector=test%3Dverbs`), 200)
      const left = await must(send('GET', `${collection}?labelSelector=test%3Dverbs`), 200)
      assert.deepEqual(left.items ?? [], [])
      await must(send('GET', collection, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }), 200)
    })

    it(`${kind.kind} is found by those who ask what there is`, async () => {
      const base = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
      const { resources } = (await must(send('GET', base), 200)) as { resources: { name: string; verbs: string[] }[] }
      const found = resources.find(({ name }) => name === kind.plural)
      assert.deepEqual(found?.verbs, ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'])
    })
  }
})
