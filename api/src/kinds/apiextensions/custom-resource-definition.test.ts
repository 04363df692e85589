import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeObject } from '../../decode.ts'
import { changeComplaints, complaints, stored } from '../testing.ts'
import { customKindsOf } from './custom-kind.ts'
import { customResourceDefinitionKind as kind } from './custom-resource-definition.ts'
import type { CustomResourceDefinition } from './types.ts'

const NAMES = { plural: 'foos', kind: 'Foo' }
const schema = (properties: object = {}) => ({ openAPIV3Schema: { type: 'object', properties } })
const version = (more: object = {}) => ({ name: 'v1', served: true, storage: true, schema: schema(), ...more })
const definition = (spec: object = {}, more: object = {}) => ({
  metadata: { name: 'foos.example.com' },
  spec: { group: 'example.com', scope: 'Namespaced', names: NAMES, versions: [version()], ...spec },
  ...more,
})
const STORAGE = 'must have exactly one version marked as storage version'

const CASES: readonly [why: string, definition: object, complaints: string[]][] = [
  ['a right one', definition(), []],
  [
    'another name',
    { ...definition(), metadata: { name: 'x' } },
    ['metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group'],
  ],
  [
    'a group that is no domain',
    { ...definition({ group: 'example' }), metadata: { name: 'foos.example' } },
    ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
  ],
  ['another scope', definition({ scope: 'World' }), ['spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"']],
  ['no stored version', definition({ versions: [version({ storage: false })] }), [`spec.versions: Invalid value: ${STORAGE}`]],
  [
    'the same version twice',
    definition({ versions: [version(), version({ storage: false })] }),
    ['spec.versions: Invalid value: must contain unique version names'],
  ],
  [
    'no schema',
    definition({ versions: [version({ schema: undefined })] }),
    ['spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required'],
  ],
  [
    'lists named as one',
    definition({ names: { ...NAMES, listKind: 'Foo' } }),
    ['spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same'],
  ],
  [
    'numbers that are elsewhere',
    definition({ versions: [version({ subresources: { scale: { specReplicasPath: '.status.a', statusReplicasPath: '.status.b' } } })] }),
    ['spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec'],
  ],
  [
    'a field that is not there',
    definition({ versions: [version({ selectableFields: [{ jsonPath: '.spec.color' }] })] }),
    ['spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.color": is an invalid path: does not refer to a valid field'],
  ],
  [
    'a webhook that nobody asks',
    definition({ conversion: { strategy: 'None', webhook: { conversionReviewVersions: ['v1'] } } }),
    ['spec.conversion.webhook: Forbidden: should not be set when strategy is not set to Webhook'],
  ],
  [
    'a third way to convert',
    definition({ conversion: { strategy: 'Hope' } }),
    ['spec.conversion.strategy: Unsupported value: "Hope": supported values: "None", "Webhook"'],
  ],
]
for (const [why, raw, wanted] of CASES) test(`CustomResourceDefinition with ${why}`, () => assert.deepEqual(complaints(kind, raw), wanted))

test('groups of Kubernetes itself need to be approved', () => {
  const raw = { ...definition({ group: 'x.k8s.io' }), metadata: { name: 'foos.x.k8s.io' } }
  assert.match(
    complaints(kind, raw)[0] ?? '',
    /^metadata\.annotations\[api-approved\.kubernetes\.io\]: Required value: protected groups must/,
  )
  const metadata = { name: 'foos.x.k8s.io', annotations: { 'api-approved.kubernetes.io': 'unapproved, a try' } }
  assert.deepEqual(complaints(kind, { ...raw, metadata }), [])
})

test('names that follow from others are filled in', () => {
  const { names, conversion } = stored<CustomResourceDefinition>(kind, definition()).spec
  assert.deepEqual(names, { ...NAMES, singular: 'foo', listKind: 'FooList' })
  assert.deepEqual(conversion, { strategy: 'None' })
})

test('scope and kind are fixed once established, the plural always', () => {
  const established = { status: { conditions: [{ type: 'Established', status: 'True' }] } }
  const before = definition({}, established)
  assert.deepEqual(changeComplaints(kind, before, definition({ scope: 'Cluster', names: { ...NAMES, kind: 'Bar' } }, established)), [
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Bar": field is immutable',
  ])
  assert.deepEqual(changeComplaints(kind, definition(), definition({ scope: 'Cluster' })), [])
  assert.deepEqual(changeComplaints(kind, definition(), definition({ names: { ...NAMES, plural: 'bars' } })), [
    'spec.names.plural: Invalid value: "bars": field is immutable',
  ])
})

test('a served kind decodes, converts and finds its numbers', () => {
  const scale = { specReplicasPath: '.spec.size.count', statusReplicasPath: '.status.count', labelSelectorPath: '.status.selector' }
  const versions = [
    version({ schema: schema({ spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }), subresources: { scale } }),
  ]
  const [made] = customKindsOf(
    stored<CustomResourceDefinition>(
      kind,
      definition({ versions: [...versions, version({ name: 'v2', storage: false })] }, { status: { acceptedNames: NAMES } }),
    ),
  )
  assert.ok(made?.custom && made.scale)
  const { object, unknownFields } = decodeObject(made, { metadata: { name: 'a', odd: 1 }, spec: { free: 1 }, other: 2 })
  assert.deepEqual(unknownFields, ['metadata.odd', 'other'])
  assert.deepEqual(object, { apiVersion: 'example.com/v1', kind: 'Foo', metadata: { name: 'a' }, spec: { free: 1 } })
  made.scale.setReplicas(object, 3)
  assert.equal(made.scale.replicas(object), 3)
  assert.deepEqual([made.scale.statusReplicas(object), made.scale.selector(object)], [0, ''])
  assert.equal(made.custom.fromStored({ ...object, apiVersion: 'example.com/v2' }).apiVersion, 'example.com/v1')
  assert.throws(() => decodeObject(made, { kind: 'Bar' }), /cannot be handled as a Foo/)
})

test('keywords that no schema has are unknown fields of the definition, and are left out', () => {
  const odd = {
    type: 'object',
    odd: 1,
    properties: { spec: { type: 'object', anyOf: [{ strange: 1 }], 'x-kubernetes-validations': [{ rule: 'true', no: 1 }] } },
  }
  const raw = { apiVersion: 'apiextensions.k8s.io/v1', ...definition({ versions: [version({ schema: { openAPIV3Schema: odd } })] }) }
  const at = 'spec.versions[0].schema.openAPIV3Schema'
  const { object, unknownFields } = decodeObject(kind, raw)
  const below = `${at}.properties.spec`
  assert.deepEqual(unknownFields.toSorted(), [`${at}.odd`, `${below}.anyOf[0].strange`, `${below}.x-kubernetes-validations[0].no`])
  kind.applyDefaults(object)
  assert.equal(JSON.stringify(object).includes('odd'), false)
})
