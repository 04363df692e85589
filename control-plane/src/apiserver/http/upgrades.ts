/** Connections that leave HTTP: agents' tunnels, peers' ways through them, and exec, attach, port-forward and logs over WebSocket or SPDY. */

import type { IncomingMessage } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import type { Duplex } from 'node:stream'
import { apiError, badRequest, GROUPS, NODE_USER_PREFIX, PATHS, unavailable } from '@davit/api'
import { API_SERVER } from '@davit/api/pki'
import type { ConnectOptions, User } from '../registry/index.ts'
import { checkAccess } from './access.ts'
import { authenticate } from './authentication.ts'
import { connectOptions, proxyOptions } from './connect-options.ts'
import { impersonate } from './impersonate.ts'
import type { ApiServerOptions, ProxyCall } from './options.ts'
import { refuse } from './refuse.ts'
import { remoteOf } from './remote.ts'
import { parseRequestInfo, type RequestInfo } from './request-info.ts'
import { resourceNotFound } from './resources/call.ts'
import type { KindLookup } from './resources/dispatch.ts'
import { statusOf } from './respond.ts'
import { withWebSocketToken } from './web-socket-token.ts'

const STREAMS = new Set(['exec', 'attach', 'portforward', 'log'])

/** Serves the `upgrade` events of `server` until it closes. */
export function handleUpgrades(server: Http2SecureServer, options: ApiServerOptions, lookup: KindLookup): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Until a handler takes over nobody listens, and an error without a listener would end the process.
    const ignore = () => {}
    socket.on('error', ignore)
    upgrade(options, lookup, { request, socket, head }).catch(err => {
      if (statusOf(err).code === 500) options.log.error({ err, url: request.url }, 'An upgrade failed')
      refuse(socket, err)
    })
  })
}

interface Connection {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

async function upgrade(options: ApiServerOptions, lookup: KindLookup, connection: Connection): Promise<void> {
  const { authorizer, identity } = options
  const { request, socket, head } = connection
  if (options.signal.aborted) throw unavailable('The API server is shutting down')
  const isRemote = (group: string, version: string) => options.aggregation?.isRemote(group, version) ?? false
  const info = parseRequestInfo(request.method ?? 'GET', request.url ?? '/', isRemote)
  request.headers = withWebSocketToken(request.headers)
  const caller = await authenticate(request, identity)
  if (info.path === PATHS.tunnel) return options.tunnels.accept(request, socket, head, nodeNameOf(caller))
  const relayed = relayedNode(info.path)
  if (relayed !== undefined) {
    checkPeer(caller)
    return options.tunnels.relay(request, socket, head, relayed)
  }
  const user = await impersonate(authorizer, caller, request.rawHeaders)
  const remote = remoteOf(options.aggregation, info.path)
  if (remote) {
    await checkAccess(authorizer, { user, info })
    return remote.aggregation.serveUpgrade(remote.group, remote.version, { user, request, socket, head })
  }
  const connect = async ({ namespace, name }: { namespace: string; name: string }, subresource: string, asked: ConnectOptions) => {
    const kind = lookup(info.resource?.group ?? '', info.resource?.version ?? '', info.resource?.resource ?? '')
    const target = { name, ...(namespace && { namespace }) }
    if (kind) await options.registry.connect({ user, signal: options.signal }, kind, target, subresource, asked)
  }
  const proxied = proxiedBy(info, user, lookup)
  if (proxied) {
    await checkAccess(authorizer, { user, info })
    await connect(proxied, 'proxy', proxyOptions(proxied))
    return options.streams.proxyUpgrade(proxied, request, socket, head)
  }
  await checkAccess(authorizer, { user, info: streamInfo(info, lookup) })
  const { namespace = '', name = '', subresource = '' } = info.resource ?? {}
  const { searchParams: query } = new URL(request.url ?? '/', 'https://apiserver')
  const asked = connectOptions(subresource, query)
  if (asked) await connect({ namespace, name }, subresource, asked)
  await options.streams.upgrade(request, socket, head, { user, namespace, name, subresource, query })
}

/** The request as the authorizer judges it: opening a stream is `create`, whichever method the client's protocol takes; a log is only read. */
function streamInfo(info: RequestInfo, lookup: KindLookup): RequestInfo {
  const { resource } = info
  const kind = resource && lookup(resource.group, resource.version, resource.resource)
  const subresource = resource?.subresource
  if (!resource || kind?.kind !== 'Pod' || subresource === undefined || !STREAMS.has(subresource)) throw resourceNotFound()
  if (!resource.namespace) throw badRequest('namespace is required')
  return subresource === 'log' ? info : { ...info, verb: 'create' }
}

/** Undefined for what is no proxy subresource. */
function proxiedBy({ resource }: RequestInfo, user: User, lookup: KindLookup): ProxyCall | undefined {
  if (resource?.subresource !== 'proxy') return undefined
  const kind = lookup(resource.group, resource.version, resource.resource)
  if (!kind?.subresources.includes('proxy')) throw resourceNotFound()
  const { namespace = '', name = '', path = '' } = resource
  return { user, resource: kind.plural as ProxyCall['resource'], namespace, name, path }
}

/** The node a peer asks for; undefined for other paths. */
function relayedNode(path: string): string | undefined {
  return path.startsWith(`${PATHS.relay}/`) ? path.slice(PATHS.relay.length + 1) : undefined
}

/** A relay leads through our own tunnels only, so it is one hop and cannot go round. */
function checkPeer(user: User): void {
  if (user.name !== API_SERVER) throw apiError('Forbidden', `forbidden: User "${user.name}" cannot relay: only API servers can`)
}

function nodeNameOf(user: User): string {
  const isNode = user.groups.includes(GROUPS.nodes) && user.name.startsWith(NODE_USER_PREFIX)
  if (!isNode) throw apiError('Forbidden', `forbidden: User "${user.name}" cannot open a tunnel: only nodes can`)
  return user.name.slice(NODE_USER_PREFIX.length)
}
