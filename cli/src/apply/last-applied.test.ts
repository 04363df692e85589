import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAST_APPLIED_ANNOTATION } from '@davit/api'
import { lastApplied, withLastApplied } from './index.ts'

const object = (annotations?: Record<string, string>) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'a', namespace: 'default', ...(annotations && { annotations }) },
  data: { b: '<1>', a: '2' },
})

test('withLastApplied() writes the annotation as kubectl does', () => {
  assert.equal(
    withLastApplied(object()).metadata.annotations?.[LAST_APPLIED_ANNOTATION],
    '{"apiVersion":"v1","data":{"a":"2","b":"\\u003c1\\u003e"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}}\n',
  )
})

test('withLastApplied() does not nest what was applied before', () => {
  const once = withLastApplied(object({ own: 'x' }))
  assert.deepEqual(withLastApplied(once), once)
  assert.deepEqual(lastApplied(once), { ...object({ own: 'x' }) })
})

test('lastApplied() says which object has an annotation it cannot read', () => {
  assert.equal(lastApplied(object()), undefined)
  assert.throws(() => lastApplied(object({ [LAST_APPLIED_ANNOTATION]: '{' })), /of ConfigMap "a"/)
})
