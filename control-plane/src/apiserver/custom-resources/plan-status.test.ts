import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CustomResourceDefinition, type CustomResourceDefinitionNames, KINDS } from '@davit/api'
import { planStatus } from './plan-status.ts'

const NOW = '2026-01-02T03:04:05Z'

function definition(
  names: Partial<CustomResourceDefinitionNames> & { plural: string; kind: string },
  accepted = false,
): CustomResourceDefinition {
  const group = 'example.com'
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${group}` },
    spec: { group, names, scope: 'Namespaced', versions: [] },
    ...(accepted && { status: { acceptedNames: names } }),
  }
}

const plan = (subject: CustomResourceDefinition, ...others: CustomResourceDefinition[]) =>
  planStatus({ definition: subject, all: [subject, ...others], builtIn: KINDS, now: NOW })
const verdicts = (status: ReturnType<typeof plan>) => status.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`)
const FOO = { plural: 'foos', singular: 'foo', kind: 'Foo', listKind: 'FooList', shortNames: ['f'], categories: ['all'] }

test('planStatus() accepts names that nobody has, and establishes the definition', () => {
  const status = plan(definition(FOO))
  assert.deepEqual(status.acceptedNames, FOO)
  assert.deepEqual(status.conditions, [
    { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found', lastTransitionTime: NOW },
    {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
      lastTransitionTime: NOW,
    },
  ])
})

test('planStatus() comes to rest', () => {
  const first = definition(FOO)
  const settled = { ...first, status: plan(first) }
  assert.equal(planStatus({ definition: settled, all: [settled], builtIn: KINDS, now: '2027-01-01T00:00:00Z' }), settled.status)
})

const CONFLICTS: readonly [names: Partial<CustomResourceDefinitionNames>, reason: string, word: string][] = [
  [{ singular: 'foo' }, 'SingularConflict', 'foo'],
  [{ shortNames: ['f'] }, 'ShortNamesConflict', 'f'],
  [{ shortNames: ['foos'] }, 'ShortNamesConflict', 'foos'],
  [{ kind: 'Foo' }, 'KindConflict', 'Foo'],
  [{ kind: 'FooList' }, 'KindConflict', 'FooList'],
]
for (const [names, reason, word] of CONFLICTS) {
  test(`planStatus() refuses names that another has: ${reason} of ${word}`, () => {
    const bar = definition({ plural: 'bars', kind: 'Bar', ...names })
    const status = plan(bar, definition(FOO, true))
    assert.deepEqual(verdicts(status), [`NamesAccepted=False ${reason}`, 'Established=False NotAccepted'])
    assert.equal(status.conditions?.[0]?.message, `"${word}" is already in use`)
  })
}

test('planStatus() keeps what was established when a later change of names is refused', () => {
  const bar = definition({ plural: 'bars', kind: 'Bar', singular: 'bar' })
  const before = { ...bar, status: plan(bar) }
  const after = { ...before, spec: { ...before.spec, names: { ...before.spec.names, singular: 'foo' } } }
  const status = plan(after, definition(FOO, true))
  assert.equal(status.acceptedNames?.singular, 'bar')
  assert.deepEqual(verdicts(status), ['NamesAccepted=False SingularConflict', 'Established=True InitialNamesAccepted'])
})

test('planStatus() does not mind names of other groups, or names that were not accepted themselves', () => {
  const elsewhere = definition(FOO, true)
  const other = { ...elsewhere, metadata: { name: 'foos.other.com' }, spec: { ...elsewhere.spec, group: 'other.com' } }
  assert.equal(verdicts(plan(definition(FOO), other, definition({ ...FOO, plural: 'bars' })))?.[0], 'NamesAccepted=True NoConflicts')
})
