import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, stored } from '../testing.ts'
import { mutatingWebhookConfigurationKind } from './mutating-webhook-configuration.ts'
import { validatingWebhookConfigurationKind } from './validating-webhook-configuration.ts'

const RULE = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
const HOOK = {
  name: 'hook.test.io',
  clientConfig: { url: 'https://host/path' },
  rules: [RULE],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
}
const hook = (more: object) => [{ ...HOOK, ...more }]
const rule = (more: object) => hook({ rules: [{ ...RULE, ...more }] })
const at = (url: string) => hook({ clientConfig: { url } })
const behind = (more: object) => hook({ clientConfig: { service: { namespace: 'default', name: 'web', ...more } } })
const SERVICE = 'webhooks[0].clientConfig.service'
const URL_AT = 'webhooks[0].clientConfig.url'
const FORM = '; desired format: https://host[/path]'
const AT = 'webhooks[0].rules[0]'

const CASES: readonly [webhooks: object[], complaints: string[]][] = [
  [[], []],
  [[HOOK, { ...HOOK, name: 'other.test.io' }], []],
  [rule({ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*', 'pods/log', '*/scale'], scope: 'Namespaced' }), []],
  [behind({ path: '/a/b/', port: 8443 }), []],
  [hook({ name: '' }), ['webhooks[0].name: Required value']],
  [hook({ name: 'a.b' }), ['webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots']],
  [[HOOK, HOOK], ['webhooks[1].name: Duplicate value: "hook.test.io"']],
  [hook({ sideEffects: undefined }), ['webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun']],
  [hook({ sideEffects: 'Some' }), ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"']],
  [hook({ failurePolicy: 'Hope' }), ['webhooks[0].failurePolicy: Unsupported value: "Hope": supported values: "Fail", "Ignore"']],
  [hook({ matchPolicy: 'Any' }), ['webhooks[0].matchPolicy: Unsupported value: "Any": supported values: "Equivalent", "Exact"']],
  [hook({ timeoutSeconds: 31 }), ['webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds']],
  [hook({ timeoutSeconds: 0 }), ['webhooks[0].timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds']],
  [
    hook({ objectSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }),
    [
      "webhooks[0].objectSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
  ],
  [hook({ admissionReviewVersions: [] }), ['webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1']],
  [
    hook({ admissionReviewVersions: ['v2', 'v2'] }),
    [
      'webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version',
      'webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
    ],
  ],
  [hook({ clientConfig: {} }), ['webhooks[0].clientConfig: Required value: exactly one of url or service is required']],
  [
    hook({ clientConfig: { url: 'https://a', service: { namespace: 'a', name: 'b' } } }),
    ['webhooks[0].clientConfig: Required value: exactly one of url or service is required'],
  ],
  [at('http://a'), [`${URL_AT}: Invalid value: "http": 'https' is the only allowed URL scheme${FORM}`]],
  [at('host/path'), [`${URL_AT}: Invalid value: "": 'https' is the only allowed URL scheme${FORM}`]],
  [at('https://'), [`${URL_AT}: Required value: url must be a valid URL: parse "https://": invalid URL${FORM}`]],
  [at('https://a:b@c'), [`${URL_AT}: Invalid value: "a:b": user information is not permitted in the URL`]],
  [at('https://a#b'), [`${URL_AT}: Invalid value: "b": fragments are not permitted in the URL`]],
  [at('https://a?b'), [`${URL_AT}: Invalid value: "b": query parameters are not permitted in the URL`]],
  [
    hook({ clientConfig: { service: {} } }),
    [`${SERVICE}.name: Required value: service name is required`, `${SERVICE}.namespace: Required value: service namespace is required`],
  ],
  [behind({ port: 70000 }), [`${SERVICE}.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive`]],
  [behind({ path: '//' }), [`${SERVICE}.path: Invalid value: "//": segment[0] may not be empty`]],
  [behind({ path: '/a//b' }), [`${SERVICE}.path: Invalid value: "/a//b": segment[1] may not be empty`]],
  [behind({ path: 'xab' }), [`${SERVICE}.path: Invalid value: "xab": must start with a '/'`]],
  [hook({ rules: [{}] }), ['operations', 'apiGroups', 'apiVersions', 'resources'].map(name => `${AT}.${name}: Required value`)],
  [
    rule({ operations: ['*', 'CREATE'], apiGroups: ['*', 'a'], apiVersions: ['*', 'v1'] }),
    [
      `${AT}.operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
      `${AT}.apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other API groups`,
      `${AT}.apiVersions: Invalid value: ["*","v1"]: if '*' is present, must not specify other API versions`,
    ],
  ],
  [
    rule({ operations: ['READ'] }),
    [`${AT}.operations[0]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`],
  ],
  [
    rule({ apiVersions: ['', 'v1'], resources: ['', 'pods'] }),
    [`${AT}.apiVersions[0]: Required value`, `${AT}.resources[0]: Required value`],
  ],
  [
    rule({ resources: ['pods/*', 'pods/log'] }),
    [`${AT}.resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log`],
  ],
  [
    rule({ resources: ['*/scale', 'a/scale'] }),
    [`${AT}.resources[1]: Invalid value: "a/scale": if '*/scale' is present, must not specify a/scale`],
  ],
  [
    rule({ resources: ['*/*', 'pods'] }),
    [`${AT}.resources: Invalid value: ["*/*","pods"]: if '*/*' is present, must not specify other resources`],
  ],
  [
    rule({ resources: ['*', 'pods'] }),
    [`${AT}.resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`],
  ],
  [rule({ scope: 'World' }), [`${AT}.scope: Unsupported value: "World": supported values: "*", "Cluster", "Namespaced"`]],
  [
    hook({ matchConditions: [{ name: 'a', expression: ' ' }, { expression: 'true' }, { name: 'a', expression: 'true' }] }),
    [
      'webhooks[0].matchConditions[0].expression: Required value',
      'webhooks[0].matchConditions[1].name: Required value',
      'webhooks[0].matchConditions[2].name: Duplicate value: "a"',
    ],
  ],
  [
    hook({ matchConditions: Array.from({ length: 65 }, (_, i) => ({ name: `n${i}`, expression: 'true' })) }),
    ['webhooks[0].matchConditions: Too many: 65: must have at most 64 items'],
  ],
]

for (const [webhooks, wanted] of CASES) {
  test(`webhooks ${JSON.stringify(webhooks).slice(0, 140)} are ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(mutatingWebhookConfigurationKind, { webhooks }), wanted)
    assert.deepEqual(complaints(validatingWebhookConfigurationKind, { webhooks }), wanted)
  })
}

test('webhooks get the defaults of Kubernetes', () => {
  const [mutating] = stored(mutatingWebhookConfigurationKind, { webhooks: behind({}) }).webhooks ?? []
  const { clientConfig, rules, failurePolicy, matchPolicy, namespaceSelector, objectSelector, timeoutSeconds } = mutating ?? {}
  assert.equal(clientConfig?.service?.port, 443)
  assert.equal(rules?.[0]?.scope, '*')
  assert.deepEqual([failurePolicy, matchPolicy, namespaceSelector, objectSelector, timeoutSeconds], ['Fail', 'Equivalent', {}, {}, 10])
  assert.equal(mutating?.reinvocationPolicy, 'Never')
  const [validating] = stored(validatingWebhookConfigurationKind, { webhooks: [HOOK] }).webhooks ?? []
  assert.equal(validating && 'reinvocationPolicy' in validating, false)
})

test('only webhooks that change objects are asked again', () => {
  const webhooks = hook({ reinvocationPolicy: 'Always' })
  assert.deepEqual(complaints(mutatingWebhookConfigurationKind, { webhooks }), [
    'webhooks[0].reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"',
  ])
  assert.deepEqual(complaints(validatingWebhookConfigurationKind, { webhooks }), [])
})

test('kubectl get counts webhooks', () => {
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  const shown = cells(validatingWebhookConfigurationKind, { metadata, webhooks: [HOOK] }, Date.parse('2026-01-01T00:01:00Z'))
  assert.deepEqual(shown, { Name: 'a', Webhooks: 1, Age: '60s' })
  assert.equal(cells(mutatingWebhookConfigurationKind, {}).Webhooks, 0)
})
