/** Schemas of kinds as OpenAPI components, under the names Kubernetes gives them. */
import {
  type CustomPart,
  deleteOptionsSchema,
  describeSchema,
  describeZod,
  type Kind,
  type ListNode,
  type ObjectNode,
  type SchemaNode,
} from '@davit/api'
import { commonComponents, LIST_META } from './common.ts'
import { type ComponentNames, packageOf } from './names.ts'

export type OpenApiSchema = Record<string, unknown>

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'

/** Every component that `kinds` and their lists need, and `spoken`, which have no lists. */
export function componentsOf(kinds: readonly Kind[], spoken: readonly Kind[], names: ComponentNames): Record<string, OpenApiSchema> {
  const components: Record<string, OpenApiSchema> = {}
  const write = (node: SchemaNode): OpenApiSchema => {
    switch (node.type) {
      case 'object':
        return referenceOrInline(node)
      case 'map':
        return { type: 'object', additionalProperties: write(node.values), ...mapTypeOf(node) }
      case 'list':
        return { type: 'array', items: write(node.items), ...listExtensions(node) }
      case 'int-or-string':
        components[INT_OR_STRING] ??= {
          description: 'A number, or a name or percentage in text.',
          format: 'int-or-string',
          oneOf: [{ type: 'integer' }, { type: 'string' }],
        }
        return { $ref: referenceTo(INT_OR_STRING) }
      case 'quantity':
        components[QUANTITY] ??= {
          description: 'An amount with a unit, such as `250m` or `64Mi`.',
          oneOf: [{ type: 'string' }, { type: 'number' }],
        }
        return { $ref: referenceTo(QUANTITY) }
      case 'any':
        return mapTypeOf(node)
      default:
        return { type: node.type, ...(node.format && { format: node.format }), ...(node.enum && { enum: node.enum }) }
    }
  }
  const property = (node: SchemaNode): OpenApiSchema => {
    const schema = write(node)
    // A reference may have no siblings in OpenAPI 3.0: what is said of this use stands around it.
    if ('$ref' in schema) return { ...describing(node.description), allOf: [schema], ...strategyOf(node), ...ownMapTypeOf(node) }
    return {
      ...schema,
      ...(node.meta.default !== undefined && { default: node.meta.default }),
      ...describing(node.description),
      ...strategyOf(node),
    }
  }
  const objectOf = (node: ObjectNode): OpenApiSchema => ({
    type: 'object',
    ...mapTypeOf(node),
    ...describing(node.componentDescription ?? node.description),
    properties: Object.fromEntries(Object.entries(node.fields).map(([name, field]) => [name, property(field)])),
    ...(node.required.length > 0 && { required: node.required }),
  })
  const referenceOrInline = (node: ObjectNode): OpenApiSchema => {
    const name = names.of(node)
    if (name === undefined) return objectOf(node)
    if (!components[name]) {
      // Before its fields: a schema that holds itself must find it there.
      const component: OpenApiSchema = {}
      components[name] = component
      Object.assign(component, objectOf(node))
    }
    return { $ref: referenceTo(name) }
  }

  /** A user's schema is published as it was given. */
  const customReference = (kind: Kind, { node, openApi }: CustomPart): OpenApiSchema => {
    const name = componentOf(kind, names)
    components[name] = { ...openApi() }
    if (node.fields.metadata?.type === 'object') referenceOrInline(node.fields.metadata)
    return { $ref: referenceTo(name) }
  }

  Object.assign(components, commonComponents())
  referenceOrInline(describeZod(deleteOptionsSchema()) as ObjectNode)
  for (const kind of [...kinds, ...spoken]) {
    const reference = kind.custom ? customReference(kind, kind.custom) : referenceOrInline(describeSchema(kind))
    const own = components[componentOf(kind, names)]
    if (own) own['x-kubernetes-group-version-kind'] = [gvkOf(kind)]
    if (isListed(kind)) components[`${componentOf(kind, names)}List`] = listOf(kind, reference)
  }
  return components
}

/** The component a kind is. */
export function componentOf(kind: Kind, names: ComponentNames): string {
  if (kind.custom) return `${kind.group.split('.').reverse().join('.')}.${kind.version}.${kind.kind}`
  return names.of(describeSchema(kind)) ?? `${packageOf(kind)}.${kind.kind}`
}

export function referenceTo(component: string): string {
  return `#/components/schemas/${component}`
}

function gvkOf({ group, version, kind }: Kind): { group: string; kind: string; version: string } {
  return { group, kind, version }
}

function describing(description: string | undefined): OpenApiSchema {
  return description === undefined ? {} : { description }
}

function listExtensions({ meta }: ListNode): OpenApiSchema {
  return {
    ...(meta.listType && { 'x-kubernetes-list-type': meta.listType }),
    ...(meta.listMapKeys && { 'x-kubernetes-list-map-keys': meta.listMapKeys }),
  }
}

function mapTypeOf({ meta }: SchemaNode): OpenApiSchema {
  return meta.mapType ? { 'x-kubernetes-map-type': meta.mapType } : {}
}

/** Of one use of a component, where it is not as the component is. */
function ownMapTypeOf(node: SchemaNode): OpenApiSchema {
  return node.meta.mapType === 'granular' ? mapTypeOf(node) : {}
}

function strategyOf({ meta }: SchemaNode): OpenApiSchema {
  return {
    ...(meta.mergeKey && { 'x-kubernetes-patch-merge-key': meta.mergeKey }),
    ...(meta.patchStrategy && { 'x-kubernetes-patch-strategy': meta.patchStrategy }),
  }
}

function isListed({ verbs }: Kind): boolean {
  return verbs.includes('list')
}

function listOf(kind: Kind, reference: OpenApiSchema): OpenApiSchema {
  return {
    description: `A list of ${kind.kind} objects.`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of the list.' },
      kind: { type: 'string', description: `${kind.kind}List.` },
      items: { type: 'array', items: reference, description: 'The objects.' },
      metadata: { description: 'Version of the list, and where it goes on.', allOf: [{ $ref: referenceTo(LIST_META) }] },
    },
    'x-kubernetes-group-version-kind': [{ group: kind.group, kind: kind.custom?.listKind ?? `${kind.kind}List`, version: kind.version }],
  }
}
