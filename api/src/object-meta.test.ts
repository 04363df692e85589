import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ObjectMeta } from './meta.ts'
import { generateName, key, validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts'
import { fieldErrorBody } from './status.ts'

const owner = (name: string, controller?: boolean) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name,
  uid: `uid-${name}`,
  ...(controller !== undefined && { controller }),
})

const meta = (more: ObjectMeta = {}): ObjectMeta => ({ name: 'a', namespace: 'default', ...more })

function say(metadata: ObjectMeta, rules: Partial<Parameters<typeof validateObjectMeta>[1]> = {}): string[] {
  const errors = validateObjectMeta(metadata, { namespaced: true, nameRule: 'subdomain', ...rules })
  return errors.map(error => `${error.field}: ${fieldErrorBody(error)}`)
}

test('validateObjectMeta() accepts what is right', () => {
  assert.deepEqual(say(meta()), [])
  assert.deepEqual(say(meta({ name: 'a.b', generateName: 'web-', labels: { 'x.io/y': 'z' }, annotations: { 'X.io/y': '\n' } })), [])
  assert.deepEqual(say(meta({ finalizers: ['orphan', 'x.io/y'], ownerReferences: [owner('a', true), owner('b')] })), [])
  assert.deepEqual(say({ name: 'n' }, { namespaced: false }), [])
})

test('validateObjectMeta() says what is wrong, as Kubernetes does', () => {
  const cases: readonly [string[], RegExp][] = [
    [say({ namespace: 'default' }), /^metadata\.name: Required value: name or generateName is required$/],
    [say({ name: 'a' }), /^metadata\.namespace: Required value$/],
    [say(meta(), { namespaced: false }), /^metadata\.namespace: Forbidden: not allowed on this type$/],
    [say(meta({ name: 'A' })), /^metadata\.name: Invalid value: "A": a lowercase RFC 1123 subdomain must/],
    [say(meta({ name: 'a.b' }), { nameRule: 'label' }), /^metadata\.name: Invalid value: "a.b": must not contain dots$/],
    [say(meta({ name: '1a' }), { nameRule: 'service' }), /^metadata\.name: Invalid value: "1a": a DNS-1035 label must/],
    [say(meta({ name: 'a:/b' }), { nameRule: 'path-segment' }), /^metadata\.name: Invalid value: "a:\/b": may not contain '\/'$/],
    [say(meta({ labels: { 'a b': 'c' } })), /^metadata\.labels: Invalid value: "a b": name part must/],
    [say(meta({ labels: { a: 'b c' } })), /^metadata\.labels: Invalid value: "b c": a valid label must/],
    [say(meta({ annotations: { a: 'x'.repeat(256 * 1024) } })), /^metadata\.annotations: Too long: may not be more than 262144 bytes$/],
    [say(meta({ finalizers: ['a b'] })), /^metadata\.finalizers: Invalid value: "a b": name part must/],
    [say(meta({ finalizers: ['orphan', 'foregroundDeletion'] })), /finalizer orphan and foregroundDeletion cannot be both set$/],
    [
      say(meta({ ownerReferences: [{ ...owner('a'), uid: '' }] })),
      /^metadata\.ownerReferences\.uid: Invalid value: "": must not be empty$/,
    ],
    [
      say(meta({ ownerReferences: [owner('a', true), owner('b', true)] })),
      /Only one reference can have Controller set to true\. Found "true" in references for Pod\/a and Pod\/b$/,
    ],
  ]
  for (const [errors, pattern] of cases) {
    assert.equal(errors.length, 1, errors.join('\n'))
    assert.match(errors[0] ?? '', pattern)
  }
})

test('validateObjectMetaUpdate() refuses a changed identity and finalizers for what is being deleted', () => {
  const old = meta({ uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', generation: 2 })
  assert.deepEqual(validateObjectMetaUpdate({ ...old, labels: { a: 'b' } }, old), [])
  const changed = validateObjectMetaUpdate({ ...old, uid: 'v', generation: 1 }, old)
  assert.deepEqual(
    changed.map(error => `${error.field}: ${fieldErrorBody(error)}`),
    ['metadata.generation: Invalid value: 1: must not be decremented', 'metadata.uid: Invalid value: "v": field is immutable'],
  )
  const dying = { ...old, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b'] }
  assert.deepEqual(validateObjectMetaUpdate({ ...dying, finalizers: [] }, dying), [])
  assert.match(
    validateObjectMetaUpdate({ ...dying, finalizers: ['a/b', 'c/d'] }, dying)[0]?.detail ?? '',
    /^no new finalizers can be added .* \[\]string\{"c\/d"\}$/,
  )
})

test('generateName() adds five letters that make no words, and cuts a long base', () => {
  assert.match(generateName('web-'), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  assert.equal(generateName('a'.repeat(100)).length, 63)
  assert.notEqual(generateName('a'), generateName('a'))
})

test('key() names an object as caches do', () => {
  assert.equal(key({ metadata: { name: 'a', namespace: 'n' } }), 'n/a')
  assert.equal(key({ metadata: { name: 'a' } }), 'a')
})
