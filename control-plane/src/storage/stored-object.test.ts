import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubernetesObject } from '@davit/api'
import { StoredObject, serializeObject } from './stored-object.ts'

describe('StoredObject', () => {
  const tricky = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', annotations: { quoted: '"metadata":{"x"' } },
    data: { other: '{"metadata":{}}' },
  } as KubernetesObject
  const shapes: [string, Buffer][] = [
    ['our own form', serializeObject(tricky)],
    ['metadata that is empty', Buffer.from('{"apiVersion":"v1","kind":"Pod","metadata":{}}')],
    ['another order of fields', Buffer.from('{"kind":"Pod","spec":{"a":"\\"metadata\\":{"},"metadata":{"name":"x"},"apiVersion":"v1"}')],
    ['white space', Buffer.from('{ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "é\\u0000" } }')],
  ]
  for (const [what, value] of shapes) {
    it(`splices the revision into ${what}`, () => {
      const expected = JSON.parse(value.toString()) as KubernetesObject
      for (const stored of [StoredObject.fromValue('/k', 41, value), StoredObject.fromValue('/k', 7, value).at(12345).at(41)]) {
        assert.deepEqual(stored.object, { ...expected, metadata: { ...expected.metadata, resourceVersion: '41' } })
        assert.deepEqual(JSON.parse(stored.bytes.toString()), stored.object)
        assert.equal(stored.bytes.toString().split('"resourceVersion"').length, 2)
      }
    })
  }

  it('freezes what it gives away', () => {
    const { object } = StoredObject.fromValue('/k', 1, serializeObject(tricky))
    assert.throws(() => {
      object.metadata.name = 'b'
    }, TypeError)
  })

  for (const value of ['', 'null', '[]', '{"apiVersion":"v1"}', '{"metadata":{}}', '\0\x01']) {
    it(`names the key of a value that is no object: ${JSON.stringify(value)}`, () => {
      const stored = StoredObject.fromValue('/registry/pods/a/b', 1, Buffer.from(value))
      assert.match(stored.failure?.message ?? '', /"\/registry\/pods\/a\/b"/)
      assert.throws(() => stored.bytes, { code: 500 })
      assert.throws(() => stored.object, { code: 500 })
    })
  }
})
