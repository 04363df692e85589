/** create, update, patch, delete, deletecollection and the writing subresources. */
import { apiError, badRequest, GROUPS, type JsonPatchOperation, type Patch, type Status } from '@davit/api'
import type { RequestContext, User } from '../../registry/index.ts'
import { checkAccess } from '../access.ts'
import { duplicateFields } from '../body/duplicate-fields.ts'
import { APPLY_PATCH, isJsonObject, mediaType, parseBody, parseJson, parseYamlOrJson, unsupportedMediaType } from '../body/parse-body.ts'
import { BODY_BYTES_MAX, SMALL_BODY_BYTES_MAX } from '../body/read-body.ts'
import { kindSpoken } from '../discovery/resources.ts'
import { beginStream, type Reply, sendJson, shapeOf } from '../respond.ts'
import { type Handlers, lifetimeOf, namespaceOf, type ResourceCall, targetOf } from './call.ts'
import { parseDeletion } from './delete-options.ts'
import { listOptions, writeContext } from './query.ts'
import { sendList, sendStored } from './read.ts'

const JSON_PATCH_OPERATIONS_MAX = 10_000

export async function createObject(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const { context, body } = await readWrite('CreateOptions', call)
  const stored = await withWarnings(call, context, () => handlers.registry.create(context, call.kind, namespaceOf(call), body))
  await sendStored(handlers, call, { code: 201, stored, shape })
}

/** Also of the subresources that are objects: status, scale, ephemeralcontainers, finalize. */
export async function updateObject(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const { context, body } = await readWrite('UpdateOptions', call)
  const { subresource } = call.resource
  const stored = await withWarnings(call, context, () => handlers.registry.update(context, call.kind, targetOf(call), body, subresource))
  await sendStored(handlers, call, { code: 200, stored, shape })
}

/** The object in the body, and how it is to be written. */
export async function readWrite(optionsKind: string, call: ResourceCall) {
  const context = writeContext(optionsKind, call)
  const bytes = await call.body()
  const wanted = kindSpoken(call.kind, call.resource.subresource)
  // Protobuf is for kinds whose messages are known.
  const isMessage = !call.kind.custom || wanted.kind !== call.kind.kind
  const body = parseBody(bytes, contentTypeOf(call), isMessage ? wanted.kind : undefined)
  // In YAML a field given twice is an error by itself, in protobuf it is none.
  const isJson = ['', 'application/json'].includes(mediaType(contentTypeOf(call)))
  return { context: { ...context, duplicateFields: isJson ? duplicateFields(bytes) : [] }, body }
}

export async function patchObject(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const type = patchTypeOf(call)
  const written = writeContext('PatchOptions', call, type)
  const bytes = await call.body()
  const patch = parsePatch(type, bytes, call.user)
  const context = type === 'apply' ? { ...written, ...applyContext(handlers, call, patch.body, bytes) } : written
  const { subresource } = call.resource
  const stored = await withWarnings(call, context, () => handlers.registry.patch(context, call.kind, targetOf(call), patch, subresource))
  await sendStored(handlers, call, { code: stored.created ? 201 : 200, stored, shape })
}

/** An apply may create: then its user must be one who may do that. In YAML a field given twice is an error by itself. */
function applyContext({ authorizer }: Handlers, { user, resource }: ResourceCall, body: unknown, bytes: Buffer) {
  return {
    duplicateFields: isJsonObject(bytes) ? duplicateFields(bytes) : [],
    mayCreate: async () => checkAccess(authorizer, { user, info: { verb: 'create', path: '', resource }, body }),
  }
}

const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'

const PATCH_TYPES = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  [STRATEGIC_PATCH]: 'strategic',
  [APPLY_PATCH]: 'apply',
} as const

/** Throws UnsupportedMediaType, with what would have been accepted. */
function patchTypeOf(call: ResourceCall): Patch['type'] {
  const type = mediaType(contentTypeOf(call))
  const accepted = Object.keys(PATCH_TYPES).filter(each => !call.kind.custom || each !== STRATEGIC_PATCH)
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted)
  return PATCH_TYPES[type as keyof typeof PATCH_TYPES]
}

function parsePatch(kind: Patch['type'], body: Buffer, { groups }: User): Patch {
  if (kind === 'apply') {
    const yamlBytesMax = groups.includes(GROUPS.masters) ? BODY_BYTES_MAX : SMALL_BODY_BYTES_MAX
    return { type: kind, body: parseYamlOrJson(body, yamlBytesMax) }
  }
  const value = parseJson(body)
  if (kind !== 'json') {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw badRequest('error decoding patch: a JSON object is wanted')
    return { type: kind, body: value }
  }
  if (!Array.isArray(value) || !value.every(isJsonPatchOperation)) {
    throw badRequest('error decoding patch: a JSON array of operations with "op" and "path" is wanted')
  }
  if (value.length > JSON_PATCH_OPERATIONS_MAX) {
    throw apiError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${value.length}`,
    )
  }
  return { type: 'json', body: value }
}

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test'])

function isJsonPatchOperation(value: unknown): value is JsonPatchOperation {
  if (typeof value !== 'object' || value === null) return false
  const { op, path, from } = value as Record<string, unknown>
  if (typeof op !== 'string' || !OPERATIONS.has(op) || typeof path !== 'string') return false
  return (op !== 'move' && op !== 'copy') || typeof from === 'string'
}

export async function deleteObject(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const { request, dryRun } = parseDeletion(await call.body(), contentTypeOf(call), call.query)
  const context: RequestContext & { warnings: string[] } = {
    user: call.user,
    confirm: call.confirm,
    warnings: [],
    ...(dryRun && { dryRun }),
  }
  const { object, gone } = await withWarnings(call, context, () => handlers.registry.delete(context, call.kind, targetOf(call), request))
  if (!gone) return sendStored(handlers, call, { code: 200, stored: object, shape })
  const { uid, name = call.resource.name ?? '' } = object.object.metadata
  const { group, plural } = call.kind
  await sendJson(call.reply, 200, success({ name, ...(group && { group }), kind: plural, ...(uid && { uid }) }), shape)
}

export async function deleteCollection(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const { request, dryRun } = parseDeletion(await call.body(), contentTypeOf(call), call.query)
  const options = listOptions(call.query, namespaceOf(call))
  const context: RequestContext = { user: call.user, confirm: call.confirm, ...(dryRun && { dryRun }) }
  const items = await handlers.registry.deleteCollection(context, call.kind, options, request)
  const revision = items.reduce((newest, item) => Math.max(newest, item.revision), 0)
  await sendList(handlers, call, { result: { items, revision }, shape })
}

/** POST to a subresource: binding, eviction. */
export async function postSubresource(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: false })
  const { context, body } = await readWrite('CreateOptions', call)
  const subresource = call.resource.subresource ?? ''
  const answer = await withWarnings(call, context, () => handlers.registry.post(context, call.kind, targetOf(call), subresource, body))
  await sendJson(call.reply, 201, answer, shape)
}

/** Logs of a pod, as text, as long as they come. */
export async function streamLog(handlers: Handlers, call: ResourceCall): Promise<void> {
  const { name, namespace = '' } = targetOf(call)
  const { signal } = lifetimeOf(call.reply, handlers.signal)
  const stream = await handlers.streams.log({ user: call.user, namespace, name, subresource: 'log', query: call.query }, signal)
  const countOut = handlers.metrics.openLongRunning('GET', 'pods/log')
  stream.once('close', countOut)
  const answer = beginStream(call.reply, 'text/plain')
  // A log that breaks off is cut off for the client as well: after the head there is no other way to say so.
  stream.once('error', () => answer.destroy())
  answer.once('close', () => stream.destroy())
  stream.pipe(answer)
}

function contentTypeOf({ request }: ResourceCall): string | undefined {
  return request.headers['content-type']
}

/** Runs a write and puts what it warned of into headers, whether it went well or not. */
export async function withWarnings<R>({ reply, kind }: ResourceCall, context: { warnings: string[] }, run: () => Promise<R>): Promise<R> {
  try {
    return await run()
  } finally {
    sendWarnings(reply, [...(kind.custom?.warning ? [kind.custom.warning] : []), ...context.warnings])
  }
}

/** In headers; nothing for none. */
export function sendWarnings(reply: Reply, warnings: readonly string[]): void {
  if (warnings.length === 0) return
  reply.header(
    'warning',
    warnings.slice(0, 50).map(text => `299 - ${quoted(text)}`),
  )
}

/** A quoted-string of HTTP: one line of visible characters. */
function quoted(text: string): string {
  const line = text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 1024)
  return `"${line.replace(/[\\"]/g, '\\$&')}"`
}

function success(details: NonNullable<Status['details']>): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}
