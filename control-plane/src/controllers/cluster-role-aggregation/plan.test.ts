import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterRole, PolicyRule } from '@davit/api'
import fc from 'fast-check'
import { planAggregation } from './controller.ts'

const rule = (verb: string): PolicyRule => ({ verbs: [verb], apiGroups: [''], resources: ['pods'] })
const role = (name: string, more: Partial<ClusterRole> = {}, labels: Record<string, string> = {}): ClusterRole => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  ...more,
})
const gathers = (...keys: string[]) => ({
  aggregationRule: { clusterRoleSelectors: keys.map(key => ({ matchLabels: { [key]: 'true' } })) },
})

test('planAggregation() gathers rules by name of their role, each once, and never its own', () => {
  const sum = role('sum', { ...gathers('a', 'b'), rules: [rule('mine')] }, { a: 'true' })
  const roles = [
    sum,
    role('z', { rules: [rule('get'), rule('list')] }, { a: 'true' }),
    role('c', { rules: [rule('get')] }, { a: 'true', b: 'true' }),
    role('n', { rules: [rule('delete')] }, { a: 'false' }),
  ]
  const planned = planAggregation(sum, roles)
  assert.deepEqual(planned?.rules, [rule('get'), rule('list')])
  assert.equal(planAggregation(planned ?? sum, roles), undefined)
  assert.equal(planAggregation(role('plain', { rules: [] }), roles), undefined)
})

test('planAggregation() comes to rest, also where roles gather each other', () => {
  const arbitrary = fc.array(
    fc.record({
      labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constant('true')),
      keys: fc.option(fc.subarray(['a', 'b'], { minLength: 1 }), { nil: undefined }),
      rules: fc.array(fc.constantFrom('get', 'list', 'watch').map(rule), { maxLength: 2 }),
    }),
    { maxLength: 5 },
  )
  fc.assert(
    fc.property(arbitrary, made => {
      let roles = made.map(({ labels, keys, rules }, i) => role(`r${i}`, { rules, ...(keys && gathers(...keys)) }, labels))
      let changes = 0
      for (;;) {
        const index = roles.findIndex(each => planAggregation(each, roles))
        if (index < 0) break
        roles = roles.with(index, planAggregation(roles[index]!, roles)!)
        assert.ok(++changes < 200, 'it goes on for ever')
      }
    }),
  )
})
