import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyRule } from '@davit/api'
import fc from 'fast-check'
import { countRights, formatRule, missingRules, missingRulesSlowly } from './covers.ts'

const on = (verbs: string, resources: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: [''],
  resources: resources.split(' '),
  ...more,
})
const at = (...nonResourceURLs: string[]): PolicyRule => ({ verbs: ['get'], nonResourceURLs })

const COVERED: readonly [held: PolicyRule[], wanted: PolicyRule][] = [
  [[on('*', '*', { apiGroups: ['*'] })], on('*', '*', { apiGroups: ['*'] })],
  [[on('*', '*', { apiGroups: ['*'] })], on('escalate', 'pods/exec')],
  [[on('get list', 'pods secrets')], on('list', 'secrets')],
  [[on('get', 'pods'), on('list', 'pods')], on('get list', 'pods')],
  [[on('get', 'secrets')], on('get', 'secrets', { resourceNames: ['a'] })],
  [[on('get', 'secrets', { resourceNames: ['a', 'b'] })], on('get', 'secrets', { resourceNames: ['b'] })],
  [[on('get', '*/scale')], on('get', 'pods/scale')],
  [[at('*')], at('/metrics', '/a/*')],
  [[at('/a/*')], at('/a/b', '/a/b/*', '/a/*')],
]
const UNCOVERED: readonly [held: PolicyRule[], wanted: PolicyRule, missing: string[]][] = [
  [[], on('get list', 'pods'), ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}']],
  [[on('get', 'pods')], on('*', 'pods'), ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}']],
  [[on('get', 'pods')], on('get', 'pods/log'), ['{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}']],
  [[on('get', 'pods secrets')], on('get', '*'), ['{APIGroups:[""], Resources:["*"], Verbs:["get"]}']],
  [[on('get', 'pods')], on('get', 'pods', { apiGroups: ['*'] }), ['{APIGroups:["*"], Resources:["pods"], Verbs:["get"]}']],
  [[on('get', 'secrets', { resourceNames: ['a'] })], on('get', 'secrets'), ['{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}']],
  [
    [on('get', 'secrets', { resourceNames: ['a'] })],
    on('get', 'secrets', { resourceNames: ['a', 'b'] }),
    ['{APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get"]}'],
  ],
  [[on('get', 'pods/scale')], on('get', '*/scale'), ['{APIGroups:[""], Resources:["*/scale"], Verbs:["get"]}']],
  [[at('/a/*')], at('/a', '/*'), ['{NonResourceURLs:["/a"], Verbs:["get"]}', '{NonResourceURLs:["/*"], Verbs:["get"]}']],
  // Rights on all resources are none on paths.
  [[on('*', '*', { apiGroups: ['*'] })], at('/metrics'), ['{NonResourceURLs:["/metrics"], Verbs:["get"]}']],
]

for (const [held, wanted] of COVERED) {
  test(`missingRules() lacks nothing of ${formatRule(wanted)} with ${held.map(formatRule).join()}`, () => {
    assert.deepEqual(missingRules(held, [wanted]), [])
  })
}
for (const [held, wanted, missing] of UNCOVERED) {
  test(`missingRules() lacks some of ${formatRule(wanted)} with ${held.map(formatRule).join() || 'nothing'}`, () => {
    assert.deepEqual(missingRules(held, [wanted]).map(formatRule), missing)
  })
}

const some = (...values: string[]) => fc.subarray(values, { minLength: 1 })
const ruleArbitrary: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: some('get', 'list', '*'),
    apiGroups: some('', 'apps', '*'),
    resources: some('pods', 'pods/log', '*/log', '*'),
    resourceNames: fc.subarray(['a', 'b']),
  }),
  fc.record({ verbs: some('get', '*'), nonResourceURLs: some('/a', '/a/*', '*') }),
)

test('missingRules() added to what is held lacks nothing any more, and lists no more rights than were wanted', () => {
  const rules = fc.array(ruleArbitrary, { maxLength: 4 })
  fc.assert(
    fc.property(rules, rules, (held, wanted) => {
      const missing = missingRules(held, wanted)
      assert.deepEqual(missingRules([...held, ...missing], wanted), [])
      assert.ok(countRights(missing) <= countRights(wanted))
      assert.deepEqual(missingRules(wanted, missing), [])
    }),
  )
})

test('missingRulesSlowly() finds the same, and lets others go on meanwhile', async () => {
  const names = (count: number, letter: string) => Array.from({ length: count }, (_, i) => `${letter}${i}`)
  const wanted = [{ verbs: names(20, 'v'), apiGroups: names(20, 'g'), resources: names(50, 'r') }]
  assert.equal(countRights(wanted), 20_000)
  let turns = 0
  const timer = setInterval(() => turns++, 0)
  const missing = await missingRulesSlowly([on('get', 'pods')], wanted)
  clearInterval(timer)
  assert.equal(missing.length, 1000)
  assert.ok(turns > 0)
})
