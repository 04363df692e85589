/** From a request for a resource to its handler. */
import { badRequest, type Kind, REVIEW_KINDS, type Subresource } from '@davit/api'
import type { KindRegistry } from '../../../kind-registry.ts'
import type { RequestInfo } from '../request-info.ts'
import { type Handlers, methodNotAllowed, type RequestCall, type ResourceCall, resourceNotFound } from './call.ts'
import { proxyResource } from './proxy.ts'
import { getObject, getScale, listObjects } from './read.ts'
import { answerReview, isReview } from './review.ts'
import { watchObjects } from './watch.ts'
import {
  createObject,
  deleteCollection,
  deleteObject,
  patchObject,
  postSubresource,
  sendWarnings,
  streamLog,
  updateObject,
} from './write.ts'

type Handler = (handlers: Handlers, call: ResourceCall) => Promise<void>

const VERBS: Readonly<Record<string, Handler>> = {
  get: getObject,
  list: listObjects,
  watch: watchObjects,
  create: createObject,
  update: updateObject,
  patch: patchObject,
  delete: deleteObject,
  deletecollection: deleteCollection,
}

const upgradeWanted: Handler = async () => {
  throw badRequest('Upgrade request required')
}

/** Whatever the method. */
const PROXY = Object.fromEntries(['get', 'create', 'update', 'patch', 'delete', 'options'].map(verb => [verb, proxyResource]))

const SUBRESOURCES: Readonly<Record<Subresource, Readonly<Record<string, Handler>>>> = {
  status: { get: getObject, update: updateObject, patch: patchObject },
  scale: { get: getScale, update: updateObject, patch: patchObject },
  ephemeralcontainers: { get: getObject, update: updateObject, patch: patchObject },
  resize: { get: getObject, update: updateObject, patch: patchObject },
  approval: { get: getObject, update: updateObject, patch: patchObject },
  finalize: { update: updateObject },
  binding: { create: postSubresource },
  eviction: { create: postSubresource },
  token: { create: postSubresource },
  log: { get: streamLog },
  exec: { get: upgradeWanted, create: upgradeWanted },
  attach: { get: upgradeWanted, create: upgradeWanted },
  portforward: { get: upgradeWanted, create: upgradeWanted },
  proxy: PROXY,
}

/** Finds kinds by group, version and plural. */
export type KindLookup = (group: string, version: string, plural: string) => Kind | undefined

/** Of stored kinds as they are at the moment, and of those that are questions. */
export function kindLookup(kinds: KindRegistry): KindLookup {
  const reviews = new Map(REVIEW_KINDS.map(kind => [`${kind.group}/${kind.version}/${kind.plural}`, kind]))
  return (group, version, plural) => kinds.find(group, version, plural) ?? reviews.get(`${group}/${version}/${plural}`)
}

export interface Dispatch extends RequestCall {
  readonly info: RequestInfo
}

/** Answers a request for a resource, or throws the ApiError to answer with. */
export async function dispatch(handlers: Handlers, lookup: KindLookup, call: Dispatch): Promise<void> {
  const { info, user, query, body, confirm, begun, request, reply } = call
  const { resource, verb } = info
  if (!resource) throw resourceNotFound()
  const find = () => lookup(resource.group, resource.version, resource.resource)
  let kind = find()
  if (!kind) {
    await handlers.awaitKind?.(resource.group, resource.resource)
    kind = find()
  }
  if (!kind) throw resourceNotFound()
  checkScope(kind, info)
  const handler = handlerOf(kind, verb, resource.subresource)
  if (kind.custom?.warning) sendWarnings(reply, [kind.custom.warning])
  // Named one by one: to copy what is not known beforehand takes longer than all the rest here.
  await handler(handlers, { user, query, body, confirm, begun, request, reply, verb, kind, resource })
}

function handlerOf(kind: Kind, verb: string, subresource: string | undefined): Handler {
  let table = VERBS
  if (subresource !== undefined) {
    if (!(kind.subresources as readonly string[]).includes(subresource)) throw resourceNotFound()
    table = SUBRESOURCES[subresource as Subresource]
  } else if (isReview(kind)) table = { create: answerReview }
  const handler = Object.hasOwn(table, verb) ? table[verb] : undefined
  if (!handler) throw methodNotAllowed()
  return handler
}

function checkScope(kind: Kind, { resource, verb }: RequestInfo): void {
  const inNamespace = resource?.namespace !== undefined && resource.resource !== 'namespaces'
  if (!kind.namespaced && inNamespace) throw resourceNotFound()
  if (kind.namespaced && !inNamespace) {
    if (resource?.name !== undefined) throw resourceNotFound()
    if (verb !== 'list' && verb !== 'watch') throw methodNotAllowed()
  }
  // A verb on the collection with a name, or the other way round.
  const wantsName = verb === 'update' || verb === 'patch'
  if (wantsName && resource?.name === undefined) throw methodNotAllowed()
  if (verb === 'create' && resource?.name !== undefined && resource.subresource === undefined) throw methodNotAllowed()
}
