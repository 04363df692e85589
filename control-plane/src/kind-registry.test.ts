import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMapKind, customKindsOf, type Kind } from '@davit/api'
import { KindRegistry } from './kind-registry.ts'

const BUILT_IN = [configMapKind as unknown as Kind]

function kindsOf(plural: string, group = 'example.com'): Kind[] {
  const names = { plural, kind: plural.toUpperCase() }
  return customKindsOf({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { group, names, scope: 'Cluster', versions: [{ name: 'v1', served: true, storage: true }] },
    status: { acceptedNames: names },
  })
}

test('kinds come and go, each change is told, and without one the list stays the very same', () => {
  const kinds = new KindRegistry(BUILT_IN)
  let changes = 0
  const stop = kinds.onChange(() => changes++)
  kinds.define('bs.example.com', kindsOf('bs'))
  kinds.define('as.example.com', kindsOf('as'))
  assert.deepEqual(
    kinds.all.map(({ plural }) => plural),
    ['configmaps', 'as', 'bs'],
  )
  assert.equal(kinds.all, kinds.all)
  assert.equal(kinds.find('example.com', 'v1', 'as')?.kind, 'AS')
  assert.equal(kinds.findCustom('example.com/v1', 'AS')?.plural, 'as')
  assert.equal(kinds.findCustom('v1', 'ConfigMap'), undefined)
  kinds.undefine('as.example.com')
  kinds.undefine('as.example.com')
  assert.equal(kinds.find('example.com', 'v1', 'as'), undefined)
  assert.equal(changes, 3)
  stop()
  kinds.undefine('bs.example.com')
  assert.deepEqual(kinds.all, BUILT_IN)
  assert.equal(changes, 3)
})

test('what is always there cannot be taken over', () => {
  const kinds = new KindRegistry(BUILT_IN)
  const [made] = kindsOf('configmaps')
  kinds.define('configmaps.', [{ ...(made as Kind), group: '' }])
  assert.equal(kinds.find('', 'v1', 'configmaps'), BUILT_IN[0])
  assert.deepEqual(kinds.all, BUILT_IN)
})
