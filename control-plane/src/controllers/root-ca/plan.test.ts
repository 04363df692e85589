import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigMap } from '@davit/api'
import { planRootCa } from './controller.ts'

const map = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kube-root-ca.crt', namespace: 'a', uid: 'u', resourceVersion: '7' },
  data,
})

test('planRootCa() leaves alone what is right, and puts right what is not', () => {
  assert.equal(planRootCa(map({ 'ca.crt': 'new' }), 'a', 'new'), undefined)
  for (const wrong of [undefined, map({}), map({ 'ca.crt': 'old' }), map({ 'ca.crt': 'new', more: 'x' })]) {
    assert.deepEqual(planRootCa(wrong, 'a', 'new')?.data, { 'ca.crt': 'new' })
  }
})

test('planRootCa() writes only over what it has seen', () => {
  assert.equal(planRootCa(map({}), 'a', 'new')?.metadata.resourceVersion, '7')
  assert.equal(planRootCa(undefined, 'a', 'new')?.metadata.resourceVersion, undefined)
})
