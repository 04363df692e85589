import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, statusComplaints, stored } from '../testing.ts'
import { validatingAdmissionPolicyKind as policyKind } from './validating-admission-policy.ts'
import { validatingAdmissionPolicyBindingKind as bindingKind } from './validating-admission-policy-binding.ts'

const RULE = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
const TRUE = { expression: 'true' }
const policy = (more: object = {}) => ({ matchConstraints: { resourceRules: [RULE] }, validations: [TRUE], ...more })
const checks = (...validations: object[]) => policy({ validations })
const notes = (...auditAnnotations: object[]) => policy({ auditAnnotations })
const MISSING = 'Required value: validations or auditAnnotations must contain at least one item'

const POLICIES: readonly [spec: object, complaints: string[]][] = [
  [policy(), []],
  [policy({ paramKind: { apiVersion: 'x.io/v1', kind: 'Limit' }, variables: [{ name: 'a', expression: '1' }] }), []],
  [policy({ validations: [], auditAnnotations: [{ key: 'a', valueExpression: '"b"' }] }), []],
  [{}, ['spec.matchConstraints: Required value', `spec.validations: ${MISSING}`, `spec.auditAnnotations: ${MISSING}`]],
  [policy({ matchConstraints: {} }), ['spec.matchConstraints.resourceRules: Required value']],
  [policy({ failurePolicy: 'Hope' }), ['spec.failurePolicy: Unsupported value: "Hope": supported values: "Fail", "Ignore"']],
  [
    policy({ matchConstraints: { resourceRules: [{ ...RULE, resourceNames: ['a', 'a', 'b/c'] }], matchPolicy: 'Any' } }),
    [
      'spec.matchConstraints.matchPolicy: Unsupported value: "Any": supported values: "Equivalent", "Exact"',
      'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"',
      `spec.matchConstraints.resourceRules[0].resourceNames[2]: Invalid value: "b/c": may not contain '/'`,
    ],
  ],
  [
    policy({ matchConstraints: { resourceRules: [RULE], excludeResourceRules: [{ ...RULE, operations: [] }] } }),
    ['spec.matchConstraints.excludeResourceRules[0].operations: Required value'],
  ],
  [policy({ paramKind: {} }), ['spec.paramKind.apiVersion: Required value', 'spec.paramKind.kind: Required value']],
  [
    policy({ paramKind: { apiVersion: 'a/b/c', kind: 'Limit' } }),
    ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
  ],
  [
    policy({ paramKind: { apiVersion: 'a/', kind: 'Limit' } }),
    ['spec.paramKind.apiVersion: Invalid value: "a/": version must be specified'],
  ],
  [checks({ expression: ' ' }), ['spec.validations[0].expression: Required value: expression is not specified']],
  [
    checks({ ...TRUE, message: ' ', messageExpression: ' ', reason: 'Mood' }),
    [
      'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].message: Invalid value: " ": message must be non-empty if specified',
      'spec.validations[0].reason: Unsupported value: "Mood": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ],
  ],
  [checks({ ...TRUE, message: 'a\nb' }), ['spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks']],
  [
    policy({ variables: [{ expression: '1' }, { name: '1', expression: '1' }, { name: 'in' }] }),
    [
      'spec.variables[0].name: Required value: name is not specified',
      'spec.variables[1].name: Invalid value: "1": name is not a valid CEL identifier',
      'spec.variables[2].name: Invalid value: "in": name is not a valid CEL identifier',
      'spec.variables[2].expression: Required value: expression is not specified',
    ],
  ],
  [
    notes({ key: 'a', valueExpression: '' }, { key: 'a', valueExpression: 'x'.repeat(5121) }),
    [
      'spec.auditAnnotations[1].valueExpression: Required value: must not exceed 5120 bytes in length',
      'spec.auditAnnotations[1].key: Duplicate value: "a"',
      'spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified',
    ],
  ],
]

for (const [spec, wanted] of POLICIES) {
  test(`ValidatingAdmissionPolicy ${JSON.stringify(spec).slice(0, 120)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(policyKind, { spec }), wanted)
  })
}

test('a policy has a bounded number of notes, with keys behind its name', () => {
  const many = Array.from({ length: 21 }, (_, i) => ({ key: `k${i}`, valueExpression: '"x"' }))
  const [tooMany = ''] = complaints(policyKind, { spec: notes(...many) })
  assert.match(tooMany, /^spec\.auditAnnotations: Invalid value: .*: must not have more than 20 auditAnnotations$/)
  const [key = ''] = complaints(policyKind, { spec: notes({ key: 'a b', valueExpression: '"x"' }) })
  assert.match(key, /^spec\.auditAnnotations\[0\]\.key: Invalid value: "a\/a b": name part must consist/)
  const [kind = ''] = complaints(policyKind, { spec: policy({ paramKind: { apiVersion: 'v1', kind: 'A b' } }) })
  assert.match(kind, /^spec\.paramKind\.kind: Invalid value: "A b": may have mixed case, but should otherwise match: a DNS-1035 label must/)
})

const SELECTOR = { matchLabels: { a: 'b' } }
const binding = (more: object = {}) => ({ policyName: 'p', validationActions: ['Deny'], ...more })
const BOTH =
  'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'

const BINDINGS: readonly [spec: object, complaints: string[]][] = [
  [binding({ validationActions: ['Deny', 'Audit'] }), []],
  [binding({ paramRef: { selector: SELECTOR, parameterNotFoundAction: 'Allow' }, matchResources: {} }), []],
  [{}, ['spec.policyName: Required value', 'spec.validationActions: Required value: at least one validation action is required']],
  [
    binding({ validationActions: ['Pray', 'Deny', 'Deny'] }),
    [
      'spec.validationActions[0]: Unsupported value: "Pray": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions[2]: Duplicate value: "Deny"',
    ],
  ],
  [binding({ validationActions: ['Deny', 'Warn'] }), [`spec.validationActions: Invalid value: ["Deny","Warn"]: ${BOTH}`]],
  [
    binding({ paramRef: { name: 'a', selector: SELECTOR, parameterNotFoundAction: 'Deny' } }),
    [
      'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
    ],
  ],
  [
    binding({ paramRef: {} }),
    ['spec.paramRef: Required value: one of name or selector must be specified', 'spec.paramRef.parameterNotFoundAction: Required value'],
  ],
  [
    binding({ paramRef: { name: 'a/b', parameterNotFoundAction: 'Cry' } }),
    [
      `spec.paramRef.name: Invalid value: "a/b": may not contain '/'`,
      'spec.paramRef.parameterNotFoundAction: Unsupported value: "Cry": supported values: "Deny", "Allow"',
    ],
  ],
  [
    binding({ matchResources: { resourceRules: [{ ...RULE, scope: 'x' }] } }),
    ['spec.matchResources.resourceRules[0].scope: Unsupported value: "x": supported values: "*", "Cluster", "Namespaced"'],
  ],
]

for (const [spec, wanted] of BINDINGS) {
  test(`ValidatingAdmissionPolicyBinding ${JSON.stringify(spec)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(bindingKind, { spec }), wanted)
  })
}

test('policies and bindings get the defaults of Kubernetes', () => {
  const { spec } = stored(policyKind, { spec: policy() })
  assert.equal(spec?.failurePolicy, 'Fail')
  const matched = { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} }
  assert.deepEqual(spec?.matchConstraints, { ...matched, resourceRules: [{ ...RULE, scope: '*' }] })
  assert.deepEqual(stored(bindingKind, { spec: binding({ matchResources: {} }) }).spec?.matchResources, matched)
  assert.equal(stored(bindingKind, { spec: binding() }).spec?.matchResources, undefined)
})

test('what is odd about expressions says where and what', () => {
  const say = (warning: object) => statusComplaints(policyKind, {}, { status: { typeChecking: { expressionWarnings: [warning] } } })
  assert.deepEqual(say({ fieldRef: 'spec.validations[0].expression', warning: 'odd' }), [])
  const path = 'status.typeChecking.expressionWarnings[0]'
  assert.deepEqual(say({}), [`${path}.warning: Required value`, `${path}.fieldRef: Required value`])
})

test('kubectl get shows policies and bindings as with Kubernetes', () => {
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:01:00Z')
  assert.deepEqual(cells(policyKind, { metadata, spec: policy() }, now), { Name: 'a', Validations: 1, ParamKind: '<unset>', Age: '60s' })
  assert.equal(cells(policyKind, { spec: policy({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } }) }).ParamKind, 'v1/ConfigMap')
  const shown = { Name: 'a', PolicyName: 'p', ParamRef: '<unset>', Age: '60s' }
  assert.deepEqual(cells(bindingKind, { metadata, spec: binding() }, now), shown)
  const ref = (paramRef: object) => cells(bindingKind, { spec: binding({ paramRef }) }).ParamRef
  assert.equal(ref({ name: 'x' }), '*/x')
  assert.equal(ref({ name: 'x', namespace: 'n' }), 'n/x')
  assert.equal(ref({ selector: SELECTOR }), 'a=b')
})
