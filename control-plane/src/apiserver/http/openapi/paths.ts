/** Paths and operations: kubectl looks here for what a server can do with a kind. */
import type { Kind, Subresource } from '@davit/api'
import { type ComponentNames, componentOf, DELETE_OPTIONS, gvkOf, referenceTo, STATUS } from './components.ts'

type Operation = Record<string, unknown>
export type PathItem = Record<string, unknown>

const PATCH_TYPES = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json']
const OBJECT_SUBRESOURCES: readonly Subresource[] = ['status', 'ephemeralcontainers', 'resize', 'approval']

const parameter = (name: string, description: string, type = 'string') => ({ name, in: 'query', description, schema: { type } })
const PRETTY = parameter('pretty', 'Whether the answer is indented.')
const WRITE_PARAMETERS = [
  parameter('dryRun', 'All: everything is checked and nothing is stored.'),
  parameter('fieldManager', 'Name of who makes the change.'),
  parameter('fieldValidation', 'What becomes of unknown and duplicate fields: Ignore, Warn or Strict.'),
  PRETTY,
]
const LIST_PARAMETERS = [
  parameter('labelSelector', 'Only objects with these labels.'),
  parameter('fieldSelector', 'Only objects with these field values.'),
  parameter('limit', 'At most so many items; the rest is had with continue.', 'integer'),
  parameter('continue', 'Where the list before ended.'),
  parameter('resourceVersion', 'How fresh the answer must be.'),
  parameter('resourceVersionMatch', 'Exact or NotOlderThan.'),
  parameter('watch', 'Changes as they happen instead of a list.', 'boolean'),
  parameter('allowWatchBookmarks', 'Whether the watch may carry bookmarks.', 'boolean'),
  parameter('sendInitialEvents', 'Whether the watch begins with what is there.', 'boolean'),
  parameter('timeoutSeconds', 'How long the watch lasts.', 'integer'),
  PRETTY,
]
const DELETE_PARAMETERS = [
  parameter('dryRun', 'All: everything is checked and nothing is stored.'),
  parameter('gracePeriodSeconds', 'Seconds the object has to end.', 'integer'),
  parameter('propagationPolicy', 'What becomes of dependents: Orphan, Background or Foreground.'),
  PRETTY,
]

/** Every path of a kind. */
export function pathsOf(kind: Kind, names: ComponentNames): Record<string, PathItem> {
  const base = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const collection = kind.namespaced ? `${base}/namespaces/{namespace}/${kind.plural}` : `${base}/${kind.plural}`
  const component = componentOf(kind, names)
  const object = { $ref: referenceTo(component) }
  const listed = { $ref: referenceTo(`${component}List`) }
  const status = { $ref: referenceTo(STATUS) }
  const options = { $ref: referenceTo(DELETE_OPTIONS) }
  const make = (action: string, parts: { answer: object; body?: object; parameters: readonly object[] }): Operation =>
    operation(kind, action, parts)

  const list = make('list', { answer: listed, parameters: LIST_PARAMETERS })
  const inNamespace = kind.namespaced ? [pathParameter('namespace')] : []
  const named = { parameters: [pathParameter('name'), ...inNamespace] }
  const objectOperations = {
    get: make('get', { answer: object, parameters: [PRETTY] }),
    put: make('put', { answer: object, body: content(object), parameters: WRITE_PARAMETERS }),
    patch: make('patch', { answer: object, body: patchContent(), parameters: WRITE_PARAMETERS }),
  }
  if (!kind.verbs.includes('get')) {
    const post = make('post', { answer: object, body: content(object), parameters: WRITE_PARAMETERS })
    return { [collection]: { ...(inNamespace.length > 0 && { parameters: inNamespace }), post } }
  }
  const paths: Record<string, PathItem> = {
    [collection]: {
      ...(inNamespace.length > 0 && { parameters: inNamespace }),
      get: list,
      post: make('post', { answer: object, body: content(object), parameters: WRITE_PARAMETERS }),
      delete: make('deletecollection', { answer: status, body: content(options), parameters: [...LIST_PARAMETERS, ...DELETE_PARAMETERS] }),
    },
    [`${collection}/{name}`]: {
      ...named,
      ...objectOperations,
      delete: make('delete', { answer: status, body: content(options), parameters: DELETE_PARAMETERS }),
    },
  }
  if (kind.namespaced) paths[`${base}/${kind.plural}`] = { get: list }
  for (const subresource of OBJECT_SUBRESOURCES) {
    if (kind.subresources.includes(subresource)) paths[`${collection}/{name}/${subresource}`] = { ...named, ...objectOperations }
  }
  return paths
}

interface OperationParts {
  readonly answer: object
  readonly body?: object
  readonly parameters: readonly object[]
}

function operation(kind: Kind, action: string, { answer, body, parameters }: OperationParts): Operation {
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkOf(kind),
    parameters,
    ...(body && { requestBody: { content: body } }),
    responses: { '200': { description: 'OK', content: { 'application/json': { schema: answer } } } },
  }
}

function content(schema: object): object {
  return { '*/*': { schema } }
}

function patchContent(): object {
  return Object.fromEntries(PATCH_TYPES.map(type => [type, { schema: { type: 'object' } }]))
}

function pathParameter(name: string): object {
  return { name, in: 'path', required: true, schema: { type: 'string' } }
}
