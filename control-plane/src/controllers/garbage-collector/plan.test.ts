import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubernetesObject, ObjectMeta, OwnerReference } from '@davit/api'
import { FOREGROUND, type Observed, ORPHAN, planCollection } from './plan.ts'

const object = (uid: string, metadata: ObjectMeta = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, uid, ...metadata },
})
const owner = (uid: string, blockOwnerDeletion = true): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: uid,
  uid,
  blockOwnerDeletion,
})
const states =
  (known: Record<string, ReturnType<Observed['owner']>>): Observed['owner'] =>
  ({ uid }) =>
    known[uid] ?? 'absent'
const DELETING = { deletionTimestamp: '2026-01-01T00:00:00Z' }

const plan = (subject: KubernetesObject, known: Record<string, ReturnType<Observed['owner']>> = {}, dependents: KubernetesObject[] = []) =>
  planCollection({ object: subject, dependents, owner: states(known) })

test('an object whose every owner is gone is deleted', () => {
  assert.deepEqual(plan(object('a', { ownerReferences: [owner('x'), owner('y')] })), [{ kind: 'delete', propagationPolicy: 'Background' }])
})

test('an object that has an owner left loses only the references to those that are gone', () => {
  assert.deepEqual(plan(object('a', { ownerReferences: [owner('x'), owner('y')] }), { y: 'present' }), [
    { kind: 'drop-owners', uids: ['x'] },
  ])
})

test('an owner of a kind nobody serves counts as present', () => {
  assert.deepEqual(plan(object('a', { ownerReferences: [owner('x')] }), { x: 'unknown' }), [])
})

test('what is orphaned loses its owner before the owner goes', () => {
  const dependent = object('b', { ownerReferences: [owner('a')] })
  const subject = object('a', { ...DELETING, finalizers: [ORPHAN] })
  assert.deepEqual(plan(subject, {}, [dependent]), [{ kind: 'orphan-dependents', dependents: [dependent] }])
  assert.deepEqual(plan(subject), [{ kind: 'remove-finalizer', finalizer: ORPHAN }])
})

test('an owner deleted in the foreground waits for dependents that block it, and for no others', () => {
  const subject = object('a', { ...DELETING, finalizers: [FOREGROUND] })
  for (const more of [{}, DELETING]) {
    assert.deepEqual(plan(subject, {}, [object('b', { ...more, ownerReferences: [owner('a')] })]), [])
    const indifferent = object('b', { ...more, ownerReferences: [owner('a', false)] })
    assert.deepEqual(plan(subject, {}, [indifferent]), [{ kind: 'remove-finalizer', finalizer: FOREGROUND }])
  }
})

test('what an owner that is deleted in the foreground owns goes with it, and what it owns itself before', () => {
  const subject = object('b', { ownerReferences: [owner('a')] })
  assert.deepEqual(plan(subject, { a: 'deleting-foreground' }), [{ kind: 'delete', propagationPolicy: 'Background' }])
  const dependents = [object('c', { ownerReferences: [owner('b')] })]
  assert.deepEqual(plan(subject, { a: 'deleting-foreground' }, dependents), [{ kind: 'delete', propagationPolicy: 'Foreground' }])
})

test('what has an owner that lives is let go by one that is deleted in the foreground', () => {
  const subject = object('c', { ownerReferences: [owner('a'), owner('b', false)] })
  assert.deepEqual(plan(subject, { a: 'deleting-foreground', b: 'present' }), [{ kind: 'drop-owners', uids: ['a'] }])
})

test('in a circle of owners the last lets go of its owner', () => {
  const first = object('a', { ...DELETING, finalizers: [FOREGROUND], ownerReferences: [owner('c')] })
  assert.deepEqual(plan(object('c', { ownerReferences: [owner('b')] }), { b: 'deleting-foreground' }, [first]), [
    { kind: 'unblock-owners' },
    { kind: 'delete', propagationPolicy: 'Foreground' },
  ])
})

test('an object being deleted for other reasons is left alone', () => {
  assert.deepEqual(plan(object('a', { ...DELETING, ownerReferences: [owner('x')] })), [])
})
