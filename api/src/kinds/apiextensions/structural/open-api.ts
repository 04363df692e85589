/** A user's schema as OpenAPI publishes it. */
import { additionalOf, isEmbedded, isIntOrString, isObject, type JsonSchema, preservesUnknown } from './json-schema.ts'

const METADATA = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

const API_VERSION = {
  type: 'string',
  description:
    'Group and version of the kind, such as `apps/v1`, or `v1` for the core group. Servers convert what they know to the version they serve.',
}
const KIND = { type: 'string', description: 'Name of the kind, in CamelCase. It cannot be changed.' }

/** The component of a kind; a definition without a schema is published as one where anything goes. */
export function publishedSchema(schema: JsonSchema, description: string): Record<string, unknown> {
  const { properties, ...own } = publishedPart(schema) as { properties?: object }
  return {
    description,
    ...own,
    type: 'object',
    properties: {
      ...properties,
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { description: 'What every object has: name, labels, annotations, owners.', allOf: [{ $ref: METADATA }] },
    },
  }
}

function publishedPart(schema: JsonSchema): Record<string, unknown> {
  const published: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'properties') published.properties = mapped(value as Record<string, JsonSchema>)
    else if (name === 'items' || name === 'not') published[name] = publishedPart(value as JsonSchema)
    else if (name === 'additionalProperties') published[name] = isObject(value) ? publishedPart(value as JsonSchema) : value
    else if (name === 'allOf' || name === 'anyOf' || name === 'oneOf') published[name] = (value as JsonSchema[]).map(publishedPart)
    else if (name !== 'id' && name !== '$schema') published[name] = value
  }
  if (isIntOrString(schema) && !schema.anyOf) published.anyOf = [{ type: 'integer' }, { type: 'string' }]
  if (isEmbedded(schema)) {
    published.properties = { ...(published.properties as object | undefined), apiVersion: API_VERSION, kind: KIND }
  }
  return published
}

function mapped(properties: Record<string, JsonSchema>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, publishedPart(property)]))
}

/**
 * As `publishedSchema`, for version 2: its clients refuse fields that no schema knows, and know neither alternatives nor null. Where such
 * a schema would make them refuse what the server takes, it says less.
 */
export function publishedSchemaV2(schema: JsonSchema, description: string): Record<string, unknown> {
  return preservesUnknown(schema) ? { type: 'object' } : publishedSchema(simpler(schema), description)
}

function simpler(schema: JsonSchema): JsonSchema {
  const { allOf: _, anyOf: __, oneOf: ___, not: ____, properties, items, additionalProperties: _____, nullable, required, ...rest } = schema
  if (nullable || preservesUnknown(schema)) {
    const { type: ______, ...untyped } = rest
    return untyped
  }
  const additional = additionalOf(schema)
  const named = Object.entries(properties ?? {})
  const present = required?.filter(name => !(properties && Object.hasOwn(properties, name) && properties[name]?.nullable))
  return {
    ...rest,
    ...(properties && { properties: Object.fromEntries(named.map(([name, property]) => [name, simpler(property)])) }),
    ...(items && { items: simpler(items) }),
    ...(additional && { additionalProperties: simpler(additional) }),
    ...(present && present.length > 0 && { required: present }),
  }
}
