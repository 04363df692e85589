import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RuleWithOperations } from '@davit/api'
import { matchingForm, type RuledRequest } from './match-rules.ts'
import type { AdmissionOperation, Form } from './types.ts'

const form = (group: string, version: string, plural: string): Form => ({
  kind: { group, version, kind: 'Any', plural },
  show: object => object,
})
const request = (
  operation: AdmissionOperation,
  [group, version, plural, subresource]: [string, string, string, string?],
  namespaced = true,
): RuledRequest => ({ operation, forms: [form(group, version, plural)], subresource, namespaced })
const rule = (operations: string[], apiGroups: string[], apiVersions: string[], resources: string[], scope = '*'): RuleWithOperations => ({
  operations,
  apiGroups,
  apiVersions,
  resources,
  scope,
})

const CASES: readonly [matches: boolean, rule: RuleWithOperations, request: RuledRequest][] = [
  [true, rule(['CREATE'], [''], ['v1'], ['pods']), request('CREATE', ['', 'v1', 'pods'])],
  [false, rule(['CREATE'], [''], ['v1'], ['pods']), request('UPDATE', ['', 'v1', 'pods'])],
  [false, rule(['CREATE'], [''], ['v1'], ['pods']), request('CREATE', ['', 'v1', 'services'])],
  [false, rule(['CREATE'], [''], ['v1'], ['pods']), request('CREATE', ['apps', 'v1', 'pods'])],
  [false, rule(['CREATE'], [''], ['v2'], ['pods']), request('CREATE', ['', 'v1', 'pods'])],
  [true, rule(['*'], ['*'], ['*'], ['*']), request('DELETE', ['apps', 'v1', 'deployments'])],
  [false, rule(['*'], ['*'], ['*'], ['*']), request('UPDATE', ['apps', 'v1', 'deployments', 'status'])],
  [true, rule(['*'], ['*'], ['*'], ['*/*']), request('UPDATE', ['apps', 'v1', 'deployments', 'status'])],
  [true, rule(['*'], ['*'], ['*'], ['*/status']), request('UPDATE', ['apps', 'v1', 'deployments', 'status'])],
  [false, rule(['*'], ['*'], ['*'], ['*/status']), request('UPDATE', ['apps', 'v1', 'deployments', 'scale'])],
  [true, rule(['*'], ['*'], ['*'], ['pods/*']), request('CONNECT', ['', 'v1', 'pods', 'attach'])],
  [false, rule(['*'], ['*'], ['*'], ['pods']), request('CONNECT', ['', 'v1', 'pods', 'attach'])],
  [false, rule(['*'], ['*'], ['*'], ['*'], 'Cluster'), request('CREATE', ['', 'v1', 'pods'])],
  [true, rule(['*'], ['*'], ['*'], ['*'], 'Cluster'), request('CREATE', ['', 'v1', 'nodes'], false)],
  [false, rule(['*'], ['*'], ['*'], ['*'], 'Namespaced'), request('CREATE', ['', 'v1', 'nodes'], false)],
]

test('rules match by operation, group, version, resource, subresource and scope', () => {
  for (const [matches, each, asked] of CASES) {
    assert.equal(matchingForm({ rules: [each] }, asked) !== undefined, matches, JSON.stringify([each, asked]))
  }
})

test('another version of the same objects matches unless it must be the very one', () => {
  const forms: [Form, Form] = [form('autoscaling', 'v1', 'horizontalpodautoscalers'), form('autoscaling', 'v2', 'horizontalpodautoscalers')]
  const asked: RuledRequest = { operation: 'CREATE', namespaced: true, forms }
  const rules = [rule(['CREATE'], ['autoscaling'], ['v2'], ['horizontalpodautoscalers'])]
  assert.equal(matchingForm({ rules, matchPolicy: 'Equivalent' }, asked), forms[1])
  assert.equal(matchingForm({ rules, matchPolicy: 'Exact' }, asked), undefined)
  assert.equal(matchingForm({ rules: [rule(['*'], ['*'], ['*'], ['*'])], matchPolicy: 'Equivalent' }, asked), forms[0])
})
