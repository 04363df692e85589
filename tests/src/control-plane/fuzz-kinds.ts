/** What random requests are about: the kinds of Kubernetes, and two of users' own. */
import { describeSchema, KINDS, type Kind, type SchemaNode } from '@davit/api'

/** A kind, as far as a request for one needs it. */
export interface FuzzKind extends Pick<Kind, 'group' | 'version' | 'plural' | 'kind' | 'namespaced'> {
  readonly subresources: readonly string[]
  node(): SchemaNode
}

const GROUP = 'fuzz.example.com'
const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0, maximum: 50 } as const

/** With most of what a structural schema can say. */
const WIDGET_SCHEMA = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { ...text, enum: ['a', 'web', 'app', 'main'] },
        replicas: { ...count, default: 1 },
        code: { ...text, pattern: '^[a-z0-9./-]{0,20}$', maxLength: 20 },
        at: { ...text, format: 'date-time' },
        port: { 'x-kubernetes-int-or-string': true },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        labels: { type: 'object', additionalProperties: text },
        parts: {
          type: 'array',
          maxItems: 5,
          items: { type: 'object', required: ['name'], properties: { name: text, weight: { ...count, default: 3 } } },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
        tags: { type: 'array', items: { ...text, maxLength: 10 }, maxItems: 10, 'x-kubernetes-list-type': 'set' },
      },
      'x-kubernetes-validations': [{ rule: '!has(self.code) || self.code != self.size', message: 'code must not be the size' }],
    },
    status: { type: 'object', properties: { replicas: count, selector: text } },
  },
} as const

function definition(kind: string, plural: string, scope: 'Namespaced' | 'Cluster') {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: WIDGET_SCHEMA },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' },
          },
          additionalPrinterColumns: [{ name: 'Size', type: 'string', jsonPath: '.spec.size' }],
          selectableFields: [{ jsonPath: '.spec.size' }],
        },
      ],
    },
  }
}

/** What makes the kinds of `customKinds`. */
export const DEFINITIONS = [definition('Widget', 'widgets', 'Namespaced'), definition('Gadget', 'gadgets', 'Cluster')]

interface JsonSchema {
  readonly [extension: `x-${string}`]: unknown
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema
  readonly enum?: readonly string[]
  readonly format?: string
}

/** As far as the schema above goes. */
function nodeOf({ type, properties, required = [], items, additionalProperties, enum: values, format }: JsonSchema): SchemaNode {
  const meta = {}
  if (properties) {
    const fields = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, nodeOf(schema)]))
    return { type: 'object', meta, fields, required }
  }
  if (items) return { type: 'list', meta, items: nodeOf(items) }
  if (additionalProperties) return { type: 'map', meta, values: nodeOf(additionalProperties) }
  if (type === 'integer') return { type, meta }
  if (type === 'string') return { type, meta, ...(values && { enum: values }), ...(format && { format }) }
  return { type: 'any', meta }
}

function custom({ spec }: (typeof DEFINITIONS)[number]): FuzzKind {
  const { kind, plural } = spec.names
  const node = nodeOf(WIDGET_SCHEMA)
  const namespaced = spec.scope === 'Namespaced'
  return { group: GROUP, version: 'v1', plural, kind, namespaced, subresources: ['status', 'scale'], node: () => node }
}

/** Users' kinds as often as ten others. */
export const FUZZ_KINDS: readonly FuzzKind[] = [
  ...KINDS.map(kind => ({
    group: kind.group,
    version: kind.version,
    plural: kind.plural,
    kind: kind.kind,
    namespaced: kind.namespaced,
    subresources: kind.subresources,
    node: () => describeSchema(kind),
  })),
  ...Array.from({ length: 5 }, () => DEFINITIONS.map(custom)).flat(),
]
