import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, stored } from '../testing.ts'
import { mutatingAdmissionPolicyKind as policyKind } from './mutating-admission-policy.ts'
import { mutatingAdmissionPolicyBindingKind as bindingKind } from './mutating-admission-policy-binding.ts'

const RULE = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })
const policy = (more: object = {}) => ({
  matchConstraints: { resourceRules: [RULE] },
  mutations: [apply('Object{}')],
  reinvocationPolicy: 'Never',
  ...more,
})
const changes = (...mutations: object[]) => policy({ mutations })
const AT = 'spec.mutations[0]'

const POLICIES: readonly [spec: object, complaints: string[]][] = [
  [policy(), []],
  [policy({ variables: [{ name: 'labels', expression: 'Object.metadata{labels: {"a": "b"}}' }], reinvocationPolicy: 'IfNeeded' }), []],
  [
    changes(apply('Object{metadata: variables.x}')),
    [
      `${AT}.applyConfiguration.expression: Invalid value: "Object{metadata: variables.x}": compilation failed: ERROR: <input>:1:28: undefined field 'x'\n | Object{metadata: variables.x}\n | ...........................^`,
    ],
  ],
  [changes(patch('[]'), patch('[JSONPatch{op: "remove", path: "/spec/x"}]'), patch('object.kind == "a" ? [] : [JSONPatch{}]')), []],
  [
    {},
    [
      'spec.matchConstraints: Required value',
      'spec.mutations: Required value: mutations must contain at least one item',
      'spec.reinvocationPolicy: Required value',
    ],
  ],
  [policy({ reinvocationPolicy: 'Often' }), ['spec.reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"']],
  [changes({ patchType: 'Glue' }), [`${AT}.patchType: Unsupported value: "Glue": supported values: "ApplyConfiguration", "JSONPatch"`]],
  [changes({ patchType: 'JSONPatch' }), [`${AT}.jsonPatch: Required value: must be specified when patchType is JSONPatch`]],
  [
    changes({ ...patch('[]'), applyConfiguration: { expression: 'Object{}' } }),
    [`${AT}.applyConfiguration: Invalid value: {"expression":"Object{}"}: must not be specified when patchType is JSONPatch`],
  ],
  [changes(apply(' ')), [`${AT}.applyConfiguration.expression: Required value: expression is not specified`]],
  [changes(apply('{"a": 1}')), [`${AT}.applyConfiguration.expression: Invalid value: "{\\"a\\": 1}": must evaluate to Object`]],
  [changes(patch('Object{}')), [`${AT}.jsonPatch.expression: Invalid value: "Object{}": must evaluate to list(JSONPatch)`]],
  [policy({ failurePolicy: 'Hope' }), ['spec.failurePolicy: Unsupported value: "Hope": supported values: "Fail", "Ignore"']],
]

for (const [spec, wanted] of POLICIES) {
  test(`MutatingAdmissionPolicy ${JSON.stringify(spec).slice(0, 200)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(policyKind, { spec }), wanted)
  })
}

test('bindings of changes have no actions', () => {
  assert.deepEqual(complaints(bindingKind, { spec: { policyName: 'p' } }), [])
  assert.deepEqual(complaints(bindingKind, { spec: {} }), ['spec.policyName: Required value'])
  assert.deepEqual(complaints(bindingKind, { spec: { policyName: 'p', paramRef: { name: 'a' } } }), [
    'spec.paramRef.parameterNotFoundAction: Required value',
  ])
})

test('defaults and columns are those of Kubernetes', () => {
  const { spec } = stored(policyKind, { spec: policy() })
  assert.equal(spec?.failurePolicy, 'Fail')
  assert.equal(spec?.matchConstraints?.matchPolicy, 'Equivalent')
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:01:00Z')
  assert.deepEqual(cells(policyKind, { metadata, spec: policy() }, now), { Name: 'a', Mutations: 1, ParamKind: '<unset>', Age: '60s' })
  const shown = { Name: 'a', PolicyName: 'p', ParamRef: '<unset>', Age: '60s' }
  assert.deepEqual(cells(bindingKind, { metadata, spec: { policyName: 'p' } }, now), shown)
})
