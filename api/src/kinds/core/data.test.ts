/** ConfigMaps and Secrets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { configMapKind } from './config-map.ts'
import { secretKind } from './secret.ts'

const encode = (text: string) => Buffer.from(text).toString('base64')
const HUGE = 'x'.repeat(1024 * 1024)

test('ConfigMaps are held to their keys and size', () => {
  assert.deepEqual(complaints(configMapKind, { data: { 'a.b_c-D': 'x', '..data': 'x' } }), [
    `data[..data]: Invalid value: "..data": must not start with '..'`,
  ])
  assert.deepEqual(complaints(configMapKind, { data: { a: 'x' }, binaryData: { a: 'eA==' } }), [
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ])
  assert.deepEqual(complaints(configMapKind, { data: { a: HUGE } }), [])
  assert.deepEqual(complaints(configMapKind, { data: { a: HUGE }, binaryData: { b: 'eA==' } }), [
    '[]: Too long: may not be more than 1048576 bytes',
  ])
  assert.deepEqual(cells(configMapKind, { data: { a: 'x' }, binaryData: { b: 'eA==' } }).Data, 2)
})

test('an immutable ConfigMap or Secret cannot be changed, nor made mutable', () => {
  const old = { immutable: true, data: { a: 'eA==' } }
  const why = 'Forbidden: field is immutable when `immutable` is set'
  for (const kind of [configMapKind, secretKind] as const) {
    const change = (raw: object) => changeComplaints(kind as typeof configMapKind, old, raw)
    assert.deepEqual(change(old), [])
    assert.deepEqual(change({ ...old, metadata: { labels: { a: 'b' } } }), [])
    assert.deepEqual(change({ data: { a: 'eA==' } }), [`immutable: ${why}`])
    assert.deepEqual(change({ immutable: true, data: { a: 'eQ==' } }), [`data: ${why}`])
  }
})

test('stringData goes into data and is never stored', () => {
  const secret = stored(secretKind, { data: { a: encode('old'), b: encode('b') }, stringData: { a: 'new' } })
  assert.deepEqual(secret.data, { a: encode('new'), b: encode('b') })
  assert.equal('stringData' in secret, false)
  assert.equal(secret.type, 'Opaque')
})

const TYPES: readonly [secret: object, complaints: string[]][] = [
  [{ type: 'example.com/mine' }, []],
  [{ type: 'kubernetes.io/tls' }, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
  [{ type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } }, []],
  [{ type: 'kubernetes.io/ssh-auth' }, ['data[ssh-privatekey]: Required value']],
  [{ type: 'kubernetes.io/basic-auth' }, ['data[username]: Required value', 'data[password]: Required value']],
  [{ type: 'kubernetes.io/basic-auth', stringData: { password: 'x' } }, []],
  [{ type: 'kubernetes.io/dockerconfigjson' }, ['data[.dockerconfigjson]: Required value']],
  [{ type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{}' } }, []],
  [
    { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'hunter2' } },
    ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be valid JSON'],
  ],
  [{ type: 'kubernetes.io/service-account-token' }, ['metadata.annotations[kubernetes.io/service-account.name]: Required value']],
]
for (const [secret, wanted] of TYPES) {
  test(`Secret ${JSON.stringify(secret)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(secretKind, secret), wanted)
  })
}

test('a Secret is held to its size, and its type stays', () => {
  assert.deepEqual(complaints(secretKind, { stringData: { a: `${HUGE}x` } }), ['data: Too long: may not be more than 1048576 bytes'])
  assert.deepEqual(changeComplaints(secretKind, {}, { type: 'x' }), ['type: Invalid value: "x": field is immutable'])
})
