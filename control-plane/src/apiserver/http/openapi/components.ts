/** Schemas of kinds as OpenAPI components, under the names Kubernetes gives them. */
import { describeSchema, type Kind, type ListNode, type ObjectNode, type SchemaNode } from '@davit/api'

export type OpenApiSchema = Record<string, unknown>

const META_PREFIX = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
const META_COMPONENTS = new Set([
  'ObjectMeta',
  'OwnerReference',
  'ManagedFieldsEntry',
  'LabelSelector',
  'LabelSelectorRequirement',
  'ListMeta',
  'Status',
])
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'
const LIST_META = `${META_PREFIX}ListMeta`
export const STATUS = `${META_PREFIX}Status`
export const DELETE_OPTIONS = `${META_PREFIX}DeleteOptions`

/** Names are given once for all groups: a shared object keeps the name of the group that has it first. */
export class ComponentNames {
  readonly #names = new Map<object, string>()
  readonly #taken = new Set<string>()

  /** Core kinds come first, so that what others embed is named as core's. */
  constructor(kinds: readonly Kind[]) {
    const ordered = [...kinds].sort((a, b) => Number(a.group !== '') - Number(b.group !== ''))
    // Kinds before what they hold, so that no nested object takes a kind's name.
    for (const kind of ordered) this.#give(describeSchema(kind), kind)
    for (const kind of ordered) this.#walk(describeSchema(kind), kind)
  }

  of(node: ObjectNode): string | undefined {
    return this.#names.get(node.fields)
  }

  #walk(node: SchemaNode, kind: Kind): void {
    if (node.type === 'list') this.#walk(node.items, kind)
    else if (node.type === 'map') this.#walk(node.values, kind)
    else if (node.type === 'object' && (this.#give(node, kind) || node === describeSchema(kind))) {
      for (const field of Object.values(node.fields)) this.#walk(field, kind)
    }
  }

  /** True when the node had no name before; nodes without a component are written in place, and walked each time. */
  #give(node: ObjectNode, kind: Kind): boolean {
    if (!node.component) return true
    if (this.#names.has(node.fields)) return false
    const name = META_COMPONENTS.has(node.component) ? META_PREFIX + node.component : `${packageOf(kind)}.${node.component}`
    let free = name
    for (let n = 2; this.#taken.has(free); n++) free = `${name}${n}`
    this.#taken.add(free)
    this.#names.set(node.fields, free)
    return true
  }
}

/** `io.k8s.api.core.v1`: Kubernetes' Go package, turned round. */
export function packageOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  const name = group === '' ? 'core' : (group.split('.')[0] ?? group)
  return `io.k8s.api.${name}.${version}`
}

/** Every component that `kinds` and their lists need. */
export function componentsOf(kinds: readonly Kind[], names: ComponentNames): Record<string, OpenApiSchema> {
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

  components[LIST_META] = listMeta()
  components[STATUS] = {
    description: 'Answer to a request that gives no object.',
    type: 'object',
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
  }
  components[DELETE_OPTIONS] = { description: 'How an object is to be deleted.', type: 'object' }
  for (const kind of kinds) {
    const reference = referenceOrInline(describeSchema(kind))
    const own = components[componentOf(kind, names)]
    if (own) own['x-kubernetes-group-version-kind'] = [gvkOf(kind)]
    components[`${componentOf(kind, names)}List`] = listOf(kind, reference)
  }
  return components
}

/** The component a kind is. */
export function componentOf(kind: Kind, names: ComponentNames): string {
  return names.of(describeSchema(kind)) ?? `${packageOf(kind)}.${kind.kind}`
}

export function referenceTo(component: string): string {
  return `#/components/schemas/${component}`
}

export function gvkOf({ group, version, kind }: Kind): { group: string; kind: string; version: string } {
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

function listMeta(): OpenApiSchema {
  const text = { type: 'string' }
  return {
    description: 'What every list has.',
    type: 'object',
    properties: { continue: text, remainingItemCount: { type: 'integer', format: 'int64' }, resourceVersion: text, selfLink: text },
  }
}

function listOf(kind: Kind, reference: OpenApiSchema): OpenApiSchema {
  return {
    description: `A list of ${kind.kind} objects.`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      items: { type: 'array', items: reference },
      metadata: { allOf: [{ $ref: referenceTo(LIST_META) }] },
    },
    'x-kubernetes-group-version-kind': [{ group: kind.group, kind: `${kind.kind}List`, version: kind.version }],
  }
}
