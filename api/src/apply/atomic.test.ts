import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deploymentKind } from '../kinds/apps/deployment.ts'
import { describeSchema } from '../schema/describe.ts'
import { atomicPaths } from './atomic.ts'

const node = describeSchema(deploymentKind)

test('what is merged part by part is nothing to complain about', () => {
  const containers = [{ name: 'a', env: [{ name: 'X', value: 'y' }], ports: [{ containerPort: 80 }] }]
  const config = { metadata: { labels: { a: 'b' }, finalizers: ['x/y'] }, spec: { replicas: 1, template: { spec: { containers } } } }
  assert.deepEqual(atomicPaths(node, config), [])
})

test('lists and objects that are one thing are told, with their paths', () => {
  const containers = [{ name: 'a', command: ['sleep'] }]
  const config = { spec: { selector: { matchLabels: { a: 'b' } }, template: { spec: { containers, nodeSelector: { a: 'b' } } } } }
  const template = '.spec.template.spec'
  assert.deepEqual(atomicPaths(node, config), ['.spec.selector', `${template}.containers[name="a"].command`, `${template}.nodeSelector`])
})

test('without a schema lists are one thing and objects are not', () => {
  assert.deepEqual(atomicPaths(undefined, { spec: { replicas: 1, items: [{ a: 1 }] } }), ['.spec.items'])
})
