/** The documents of version 3 as one of version 2, for clients that know no other. */
import type { OpenApiSchema } from './components.ts'
import type { Operation, Parameter, PathItem } from './paths.ts'

export interface DocumentV3 {
  readonly openapi: string
  readonly info: object
  readonly paths: Readonly<Record<string, PathItem>>
  readonly components: { readonly schemas: Readonly<Record<string, OpenApiSchema>> }
}

const GROUP_VERSION_KIND = 'x-kubernetes-group-version-kind'

/** Pure; the documents are left as they are. `ofUsers`: schemas that are not made from version 3's, by their names. */
export function swaggerOf(documents: readonly DocumentV3[], info: object, ofUsers: ReadonlyMap<string, OpenApiSchema> = new Map()): object {
  const paths: Record<string, object> = {}
  const definitions: Record<string, OpenApiSchema> = {}
  for (const document of documents) {
    for (const [path, item] of Object.entries(document.paths)) paths[path] ??= pathOf(item)
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const own = ofUsers.get(name)
      definitions[name] ??= own ? { ...schemaOf(own), [GROUP_VERSION_KIND]: schema[GROUP_VERSION_KIND] } : schemaOf(schema)
    }
  }
  return { swagger: '2.0', info, paths: sorted(paths), definitions: sorted(definitions) }
}

/** Other servers' documents as far as they can be read: one that cannot does not take ours with it. Pure. */
export function readableOf(documents: readonly object[]): DocumentV3[] {
  return documents.flatMap(each => {
    try {
      const { openapi = '', info = {}, paths = {}, components } = each as Partial<DocumentV3>
      const document = { openapi, info, paths, components: { schemas: components?.schemas ?? {} } }
      swaggerOf([document], {})
      return [document]
    } catch {
      return []
    }
  })
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function pathOf(item: PathItem): object {
  const entries = Object.entries(item).map(([name, value]) =>
    name === 'parameters' ? [name, (value as readonly Parameter[]).map(parameterOf)] : [name, operationOf(value as Operation)],
  )
  return Object.fromEntries(entries)
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: OpenApiSchema }>>
  readonly description?: string
  readonly required?: boolean
}

function operationOf({ requestBody, responses = {}, parameters = [], ...operation }: Operation): object {
  const body = requestBody as Content | undefined
  const answers = Object.entries(responses as Record<string, Content>)
  return {
    ...operation,
    consumes: Object.keys(body?.content ?? { '*/*': true }),
    produces: ['application/json', 'application/yaml'],
    schemes: ['https'],
    parameters: [
      ...parameters.map(parameterOf),
      ...(body ? [{ name: 'body', in: 'body', required: body.required, schema: inContent(body) }] : []),
    ],
    responses: Object.fromEntries(
      answers.map(([code, answer]) => [code, { description: answer.description, ...(answer.content && { schema: inContent(answer) }) }]),
    ),
  }
}

function inContent({ content = {} }: Content): OpenApiSchema {
  return schemaOf(Object.values(content)[0]?.schema ?? {})
}

function parameterOf({ schema, ...parameter }: Parameter): object {
  return { uniqueItems: true, ...parameter, ...schema }
}

/** What version 2 cannot say in a schema is said as Kubernetes says it there. */
function schemaOf(schema: OpenApiSchema): OpenApiSchema {
  const { $ref, allOf, anyOf: _, oneOf, properties, items, additionalProperties, ...rest } = schema
  if (typeof $ref === 'string') return { ...rest, $ref: $ref.replace('#/components/schemas/', '#/definitions/') }
  // Of either type: text, with the format that tells of it.
  if (Array.isArray(oneOf)) return { ...rest, type: 'string' }
  // Around a reference, for what is said of one use of it.
  const [referred] = (allOf as OpenApiSchema[] | undefined) ?? []
  return {
    ...rest,
    ...(referred && schemaOf(referred)),
    ...(properties !== undefined && { properties: eachOf(properties) }),
    ...(items !== undefined && { items: schemaOf(items as OpenApiSchema) }),
    ...(additionalProperties !== undefined && { additionalProperties: schemaOf(additionalProperties as OpenApiSchema) }),
  }
}

function eachOf(properties: unknown): Record<string, OpenApiSchema> {
  const entries = Object.entries(properties as Record<string, OpenApiSchema>)
  return Object.fromEntries(entries.map(([name, schema]) => [name, schemaOf(schema)]))
}
