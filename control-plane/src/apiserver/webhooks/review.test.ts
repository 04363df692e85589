import assert from 'node:assert/strict'
import { test } from 'node:test'
import { denial, isByWebhook } from './refusals.ts'
import { readResponse } from './review.ts'

const question = { uid: 'u', version: 'v1', isMutating: true }
const answer = (response: object) => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: 'u', ...response } })

test('an answer is read', () => {
  const patch = Buffer.from('[]').toString('base64')
  assert.deepEqual(readResponse(answer({ allowed: true, patch, patchType: 'JSONPatch', warnings: ['w', 3] }), question), {
    allowed: true,
    patch,
    warnings: ['w'],
  })
  assert.deepEqual(readResponse(answer({ allowed: 'yes' }), question), { allowed: false })
})

const WRONG: readonly [unknown, string, boolean?][] = [
  [undefined, 'webhook response was absent'],
  [{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }, 'webhook response was absent'],
  [{ response: { uid: 'u' } }, 'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got , Kind='],
  [answer({ uid: 'other' }), 'expected response.uid="u", got "other"'],
  [answer({ patch: 'W10=' }), 'webhook returned response.patch but not response.patchType'],
  [answer({ patchType: 'JSONPatch' }), 'webhook returned response.patchType but not response.patch'],
  [answer({ patch: 'W10=', patchType: 'Merge' }), 'webhook returned invalid response.patchType of "Merge"'],
  [answer({ patch: 'W10=' }), 'validating webhook may not return response.patch', false],
  [answer({ patchType: 'JSONPatch' }), 'validating webhook may not return response.patchType', false],
]

test('what is no answer is told in words', () => {
  for (const [wrong, message, isMutating = true] of WRONG) {
    assert.throws(() => readResponse(wrong, { ...question, isMutating }), { message })
  }
})

test('an old webhook need not repeat what it was asked', () => {
  assert.deepEqual(readResponse({ response: { allowed: true, patch: 'W10=' } }, { ...question, version: 'v1beta1' }), {
    allowed: true,
    patch: 'W10=',
  })
})

test('a refusal is what the webhook says, and a refusal in any case', () => {
  const by = 'admission webhook "w.example.com" denied the request'
  assert.equal(denial('w.example.com', undefined).message, `${by} without explanation`)
  assert.equal(denial('w.example.com', { reason: 'Because' }).message, `${by}: Because`)
  const { status } = denial('w.example.com', { message: 'no', code: 403, reason: 'Forbidden', status: 'Success' })
  assert.deepEqual([status.message, status.code, status.reason, status.status], [`${by}: no`, 403, 'Forbidden', 'Failure'])
  assert.equal(denial('w', { code: 200 }).status.code, 400)
  assert.ok(isByWebhook(denial('w', undefined)))
  assert.ok(!isByWebhook(new Error('other')))
})
