import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ApiError,
  configMapKind,
  type Kind,
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  secretKind,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
} from '@davit/api'
import type { AccessQuestion } from '../types.ts'
import { paramRights } from './param-rights.ts'
import type { Admission } from './rule.ts'

const POLICIES = [
  validatingAdmissionPolicyKind,
  validatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  mutatingAdmissionPolicyBindingKind,
]
const apiVersion = 'admissionregistration.k8s.io/v1'
const policyOf = (kind?: string) => ({
  apiVersion,
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: 'judge' },
  spec: kind && { paramKind: { apiVersion: 'v1', kind } },
})
const bindingOf = (paramRef?: object, policyName = 'judge') => ({
  apiVersion,
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: 'bound' },
  spec: { policyName, ...(paramRef && { paramRef }) },
})

/** What is refused, and what was asked of somebody who may do nothing, or only `allowed`. */
async function judged(change: { object: object; old?: object; groups?: string[]; isPart?: boolean }, allowed?: AccessQuestion) {
  const questions: AccessQuestion[] = []
  const rule = paramRights({
    guard: {
      mayGrant: async () => {},
      maySign: async () => false,
      may: async (_user, question) => {
        questions.push(question)
        return JSON.stringify(question) === JSON.stringify(allowed)
      },
    },
    resources: { kinds: [configMapKind, secretKind] as unknown as Kind[] },
    lookups: { find: async (_kind, { name }) => (name === 'judge' ? policyOf('Secret') : undefined) as never },
  })
  const kind = POLICIES.find(each => each.kind === (change.object as { kind: string }).kind)
  const context = { user: { name: 'alice', groups: change.groups ?? [] } }
  try {
    await rule.judge?.({ ...change, kind, context } as unknown as Admission)
    return { questions, message: '' }
  } catch (error) {
    return { questions, message: (error as ApiError).message }
  }
}

const ALL_SECRETS = { verb: 'get', group: '', resource: 'secrets', namespace: '*', name: '*' }
const ONE_SECRET = { verb: 'get', group: '', resource: 'secrets', namespace: 'a', name: 'b' }

test('who makes a policy judge by a kind must be able to read all of it', async () => {
  const refused = await judged({ object: policyOf('Secret') })
  assert.deepEqual(refused.questions, [ALL_SECRETS])
  const why = 'user alice must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)'
  const name = 'ValidatingAdmissionPolicy.admissionregistration.k8s.io "judge"'
  assert.equal(refused.message, `${name} is invalid: spec.paramKind: Forbidden: ${why}`)
  assert.equal((await judged({ object: policyOf('Secret') }, ALL_SECRETS)).message, '')
  assert.equal((await judged({ object: policyOf('Secret'), old: policyOf('ConfigMap') })).message, refused.message)
  // Of a kind that is not there yet: of everything that it may come to be.
  assert.deepEqual((await judged({ object: policyOf('Widget') })).questions, [{ ...ALL_SECRETS, resource: '*' }])
})

test('who binds a policy must be able to read what it is given', async () => {
  const refused = await judged({ object: bindingOf({ name: 'b', namespace: 'a' }) })
  assert.deepEqual(refused.questions, [ONE_SECRET])
  assert.match(
    refused.message,
    /: spec\.paramRef: Forbidden: user alice does not have "get" permission on the object referenced by paramRef$/,
  )
  assert.equal((await judged({ object: bindingOf({ name: 'b', namespace: 'a' }) }, ONE_SECRET)).message, '')
  const selected = await judged({ object: bindingOf({ selector: {} }) })
  assert.deepEqual(selected.questions, [{ verb: 'list', group: '', resource: 'secrets' }])
  const unknown = await judged({ object: bindingOf({ name: 'b' }, 'other') })
  assert.deepEqual(unknown.questions, [{ verb: 'get', group: '*', resource: '*', name: 'b' }])
})

test('nothing is asked of what stays as it is, has no parameters, or is written by the cluster', async () => {
  const ref = { name: 'b', namespace: 'a' }
  const changes = [
    { object: policyOf() },
    { object: policyOf('Secret'), old: policyOf('Secret') },
    { object: policyOf('Secret'), groups: ['system:masters'] },
    { object: policyOf('Secret'), old: policyOf(), isPart: true },
    { object: bindingOf() },
    { object: bindingOf(ref), old: bindingOf(ref) },
  ]
  for (const change of changes) assert.deepEqual(await judged(change), { questions: [], message: '' })
  assert.notEqual((await judged({ object: bindingOf(ref), old: bindingOf(ref, 'other') })).message, '')
})

test('of policies that change objects the same is asked', async () => {
  const policy = { ...policyOf('Secret'), kind: 'MutatingAdmissionPolicy' }
  assert.deepEqual((await judged({ object: policy })).questions, [ALL_SECRETS])
  const binding = { ...bindingOf({ name: 'b', namespace: 'a' }), kind: 'MutatingAdmissionPolicyBinding' }
  assert.deepEqual((await judged({ object: binding })).questions, [ONE_SECRET])
})
