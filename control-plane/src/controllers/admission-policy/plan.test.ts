import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planStatus } from './controller.ts'

const plan = (generation: number, status?: { observedGeneration?: number }) =>
  planStatus({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { generation },
    ...(status && { status }),
  })

test('a generation that was not there before is said to be observed, once', () => {
  assert.deepEqual(plan(1), { observedGeneration: 1 })
  assert.deepEqual(plan(2, { observedGeneration: 1 }), { observedGeneration: 2 })
  assert.equal(plan(2, { observedGeneration: 2 }), undefined)
  // What somebody else wrote is no reason to write for ever.
  assert.equal(plan(2, { observedGeneration: 7 }), undefined)
})
