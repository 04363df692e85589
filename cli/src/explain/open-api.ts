/** The server's OpenAPI v3 document of one group and version, as far as explaining needs it. */
import { apiVersionOf } from '@davit/api'
import type { Api, ResourceType } from '../session/index.ts'

export interface Schema {
  type?: string
  description?: string
  $ref?: string
  allOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  required?: string[]
  enum?: unknown[]
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

export interface SchemaDocument {
  /** The kind's own schema. */
  readonly root: Schema
  /** What a `$ref` stands for. */
  resolve(reference: string): Schema | undefined
}

const PREFIX = '#/components/schemas/'

/** Throws when the server does not describe the kind. */
export async function fetchSchema(api: Api, type: ResourceType): Promise<SchemaDocument> {
  const { paths } = (await api.request('GET', '/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> }
  const { group, version, kind } = type
  const path = group ? `apis/${group}/${version}` : `api/${version}`
  const url = paths[path]?.serverRelativeURL
  if (!url) throw new Error(`couldn't find resource for "${apiVersionOf(type)}, Kind=${kind}"`)
  const document = (await api.request('GET', url)) as { components: { schemas: Record<string, Schema> } }
  const { schemas } = document.components
  const root = Object.values(schemas).find(schema =>
    schema['x-kubernetes-group-version-kind']?.some(own => own.group === group && own.version === version && own.kind === kind),
  )
  if (!root) throw new Error(`the server does not describe "${apiVersionOf(type)}, Kind=${kind}"`)
  return { root, resolve: reference => (reference.startsWith(PREFIX) ? schemas[reference.slice(PREFIX.length)] : undefined) }
}

/** Type as kubectl writes it: `[]Container`, `map[string]string`. */
export function typeName(schema: Schema | undefined): string {
  if (!schema) return 'Object'
  if (schema.$ref) return schema.$ref.split(/[./]/).at(-1) ?? 'Object'
  const only = schema.allOf?.length === 1 ? schema.allOf[0] : undefined
  if (only) return typeName(only)
  if (schema.type === 'array') return `[]${typeName(schema.items)}`
  const { additionalProperties: values } = schema
  if (typeof values === 'object' && Object.keys(values).length > 0) return `map[string]${typeName(values)}`
  if (schema.type === 'object' || !schema.type) return 'Object'
  return schema.type
}

/** The object whose fields a schema has: itself, what it refers to, or what its elements are. */
export function objectOf(schema: Schema | undefined, document: SchemaDocument): Schema | undefined {
  if (!schema) return undefined
  if (schema.properties) return schema
  const inner =
    (schema.$ref && document.resolve(schema.$ref)) ||
    schema.allOf?.[0] ||
    schema.items ||
    (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined)
  return objectOf(inner || undefined, document)
}

/** A schema's own description and those of what it is made of. */
export function descriptionsOf(schema: Schema | undefined, document: SchemaDocument): string[] {
  if (!schema) return []
  const inner = [
    ...(schema.$ref ? [document.resolve(schema.$ref)] : []),
    ...(schema.allOf ?? []),
    ...(schema.items ? [schema.items] : []),
    ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []),
  ]
  return [...(schema.description ? [schema.description] : []), ...inner.flatMap(one => descriptionsOf(one, document))]
}
