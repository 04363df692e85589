/** Paths and operations: kubectl looks here for what a server can do with a kind. */
import { describeSchema, type Kind, SPOKEN_KINDS } from '@davit/api'
import { type GroupVersionKind, groupVersions, type SubresourceEntry } from '../discovery/resources.ts'
import { DELETE_OPTIONS, STATUS } from './common.ts'
import { componentOf, referenceTo } from './components.ts'
import type { ComponentNames } from './names.ts'

export interface Operation {
  readonly [field: string]: unknown
  readonly parameters: readonly Parameter[]
}
export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path'
  readonly required?: boolean
  readonly description: string
  readonly schema: { readonly type: string }
}
/** Operations by method in small letters, and the parameters all of them have. */
export type PathItem = Readonly<Record<string, Operation | readonly Parameter[]>>

/** Of streams and proxies, and the verbs they stand for. */
const STREAM_METHODS = { get: 'get', post: 'create', put: 'update', patch: 'patch', delete: 'delete' }

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

const parameter = (name: string, description: string, type = 'string'): Parameter => ({ name, in: 'query', description, schema: { type } })
const PRETTY = parameter('pretty', 'Whether the answer is indented.')
const WRITE_PARAMETERS = [
  parameter('dryRun', 'All: everything is checked and nothing is stored.'),
  parameter('fieldManager', 'Name of who makes the change.'),
  parameter('fieldValidation', 'What becomes of unknown and duplicate fields: Ignore, Warn or Strict.'),
  PRETTY,
]
const PATCH_PARAMETERS = [...WRITE_PARAMETERS, parameter('force', 'Of an apply: takes fields from whoever owns them.', 'boolean')]
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
const NAME = pathParameter('name', 'Name of the object.')
const NAMESPACE = pathParameter('namespace', 'Namespace of the objects.')

/** Every path of a kind. */
export function pathsOf(kind: Kind, names: ComponentNames): Record<string, PathItem> {
  const base = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const collection = kind.namespaced ? `${base}/namespaces/{namespace}/${kind.plural}` : `${base}/${kind.plural}`
  const inNamespace = kind.namespaced ? [NAMESPACE] : []
  const { make, object, listed, status, options } = makerOf(kind, names)
  const can = (verb: Kind['verbs'][number], operation: PathItem): PathItem => (kind.verbs.includes(verb) ? operation : {})

  const list = () => make('list', { answer: listed, parameters: LIST_PARAMETERS })
  const paths: Record<string, PathItem> = {
    [collection]: {
      ...(inNamespace.length > 0 && { parameters: inNamespace }),
      ...can('list', { get: list() }),
      ...can('create', { post: make('post', { answer: object, body: content(object), parameters: WRITE_PARAMETERS }) }),
      ...can('deletecollection', {
        delete: make('deletecollection', {
          answer: status,
          body: content(options),
          parameters: [...LIST_PARAMETERS, ...DELETE_PARAMETERS],
        }),
      }),
    },
  }
  if (!kind.verbs.includes('get')) return paths
  paths[`${collection}/{name}`] = {
    parameters: [NAME, ...inNamespace],
    get: make('get', { answer: object, parameters: [PRETTY] }),
    ...can('update', { put: make('put', { answer: object, body: content(object), parameters: WRITE_PARAMETERS }) }),
    ...can('patch', { patch: make('patch', { answer: object, body: patchContent(kind), parameters: PATCH_PARAMETERS }) }),
    ...can('delete', { delete: make('delete', { answer: status, body: content(options), parameters: DELETE_PARAMETERS }) }),
  }
  if (kind.namespaced) paths[`${base}/${kind.plural}`] = { get: { ...list(), operationId: operationId(kind, 'list', 'ForAllNamespaces') } }
  for (const entry of groupVersions([kind])[0]?.resources[0]?.subresources ?? []) {
    paths[`${collection}/{name}/${entry.name}`] = { parameters: [NAME, ...inNamespace], ...subresourceOperations(kind, entry, names) }
  }
  return paths
}

/** Kinds that subresources of `kinds` speak and that have a schema. */
export function spokenBy(kinds: readonly Kind[]): Kind[] {
  const entries = groupVersions(kinds).flatMap(({ resources }) => resources.flatMap(({ subresources }) => subresources))
  return SPOKEN_KINDS.filter(spoken => entries.some(({ kind }) => isSame(kind, spoken)) && !kinds.some(kind => isSame(kind, spoken)))
}

function subresourceOperations(kind: Kind, { name, verbs, kind: spoken }: SubresourceEntry, names: ComponentNames): PathItem {
  const known = isSame(spoken, kind) ? kind : SPOKEN_KINDS.find(each => isSame(each, spoken))
  const isObject = known !== undefined && name !== 'log'
  const { make, object } = makerOf(kind, names, { spoken, suffix: name, ...(isObject && { schema: known }) })
  if (!isObject) {
    // Streams and what others answer.
    const stream = (method: string) => ({
      ...make(method, { answer: { type: 'string' }, parameters: [], answerType: '*/*' }),
      ...(name !== 'log' && { 'x-kubernetes-action': 'connect' }),
    })
    const methods = Object.entries(STREAM_METHODS).filter(([, verb]) => verbs.includes(verb))
    return Object.fromEntries(methods.map(([method]) => [method, stream(method)]))
  }
  const write = (action: string, body: object) => make(action, { answer: object, body, parameters: WRITE_PARAMETERS })
  return {
    ...(verbs.includes('get') && { get: make('get', { answer: object, parameters: [PRETTY] }) }),
    ...(verbs.includes('create') && { post: write('post', content(object)) }),
    ...(verbs.includes('update') && { put: write('put', content(object)) }),
    ...(verbs.includes('patch') && { patch: make('patch', { answer: object, body: patchContent(kind), parameters: PATCH_PARAMETERS }) }),
  }
}

function isSame(a: GroupVersionKind, b: GroupVersionKind): boolean {
  return a.kind === b.kind && a.group === b.group && a.version === b.version
}

interface OperationParts {
  readonly answer: object
  readonly body?: object
  readonly parameters: readonly Parameter[]
  readonly answerType?: string
}

interface Spoken {
  readonly spoken: GroupVersionKind
  readonly suffix: string
  readonly schema?: Kind
}

/** Makes operations of `kind`, or of a subresource that speaks another kind. */
function makerOf(kind: Kind, names: ComponentNames, sub?: Spoken) {
  const component = names.of(describeSchema(sub?.schema ?? kind)) ?? componentOf(kind, names)
  const { group, version, kind: name } = sub?.spoken ?? kind
  const make = (action: string, { answer, body, parameters, answerType = 'application/json' }: OperationParts): Operation => ({
    operationId: operationId(kind, action, sub?.suffix ?? ''),
    tags: [tagOf(kind)],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, kind: name, version },
    parameters,
    ...(body && { requestBody: { content: body, required: action !== 'delete' && action !== 'deletecollection' } }),
    responses: {
      '200': { description: 'OK', content: { [answerType]: { schema: answer } } },
      ...(action === 'post' && { '201': { description: 'Created', content: { [answerType]: { schema: answer } } } }),
      '401': { description: 'Unauthorized' },
    },
  })
  return {
    make,
    object: { $ref: referenceTo(component) },
    listed: { $ref: referenceTo(`${component}List`) },
    status: { $ref: referenceTo(STATUS) },
    options: { $ref: referenceTo(DELETE_OPTIONS) },
  }
}

const ACTIONS: Readonly<Record<string, string>> = {
  get: 'read',
  list: 'list',
  post: 'create',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'deleteCollection',
}

/** Unique in all documents: `readCoreV1NamespacedPodStatus`. */
function operationId(kind: Kind, action: string, suffix: string): string {
  const scope = kind.namespaced && suffix !== 'ForAllNamespaces' ? 'Namespaced' : ''
  const end = suffix.charAt(0).toUpperCase() + suffix.slice(1)
  return `${ACTIONS[action] ?? action}${upperCamel(tagOf(kind))}${scope}${kind.kind}${end}`
}

/** `core_v1`, `rbacAuthorization_v1`. */
function tagOf({ group, version }: Kind): string {
  const name = (group || 'core').replace(/\.k8s\.io$/, '').replace(/[.-]([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return `${name}_${version}`
}

function upperCamel(text: string): string {
  return text.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function content(schema: object): object {
  return { '*/*': { schema } }
}

function patchContent({ custom }: Kind): object {
  const types = PATCH_TYPES.filter(type => !custom || !type.includes('strategic'))
  return Object.fromEntries(types.map(type => [type, { schema: { type: 'object' } }]))
}

function pathParameter(name: string, description: string): Parameter {
  return { name, in: 'path', required: true, description, schema: { type: 'string' } }
}
