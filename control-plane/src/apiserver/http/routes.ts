/** Which handler answers a path. Resources are told apart by `dispatch`; everything else is listed here. */
import { GROUPS, isNodeReady, type Kind, type Node, nodeKind, PATHS, REVIEW_KINDS } from '@davit/api'
import type { RemoteVersion } from '../aggregation/index.ts'
import { createDrains, drainRequestOf } from '../drain/index.ts'
import type { User } from '../registry/index.ts'
import { createReviews } from '../reviews/index.ts'
import { bearerToken } from './authentication.ts'
import { parseBody, parseJson } from './body/parse-body.ts'
import { backupSecretOf, mustBeMaster, sendBackup } from './davit/backup.ts'
import { imageUpload } from './davit/images.ts'
import { joinRequestOf } from './davit/join.ts'
import { discoveryAnswers } from './discovery/answers.ts'
import { answerHealth } from './health.ts'
import { openApiAnswers } from './openapi/answers.ts'
import type { ApiServerOptions } from './options.ts'
import { remoteOf, serveRemotely } from './remote.ts'
import { lifetimeOf, methodNotAllowed, resourceNotFound } from './resources/call.ts'
import { type Dispatch, dispatch, type KindLookup } from './resources/dispatch.ts'
import { sendJson, shapeOf } from './respond.ts'
import { VERSION_INFO } from './version.ts'

type Route = (call: Dispatch) => Promise<void>

/** For what the server looks up on its own behalf. */
const SYSTEM: User = { name: 'system:apiserver', groups: [GROUPS.masters] }

/** Gives the function that answers every request, or throws the ApiError to answer with. */
export function routeTable(options: ApiServerOptions, lookup: KindLookup): Route {
  const { registry, identity, metrics, checks, log, clusterInfo, tunnels, backups, clock, signal } = options
  const reviews = createReviews(options.authorizer, identity.authenticateToken)
  const remotes = () => options.aggregation?.remotes ?? NO_REMOTES
  const discovery = latest([() => registry.kinds.all, remotes], (kinds, others) => discoveryAnswers([...kinds, ...REVIEW_KINDS], others))
  const openApi = openApiAnswers(registry.kinds, options.aggregation)
  const handlers = { ...options, reviews }
  const drains = createDrains({ registry, tunnels, clock, log })

  const readyNodes = async () => {
    const { items } = await registry.list({ user: SYSTEM }, nodeKind as unknown as Kind, { resourceVersion: '0' })
    return items.flatMap(({ object }) => (isNodeReady(object as Node) ? [object.metadata.name ?? ''] : []))
  }

  const json = async ({ request, reply, query }: Dispatch, code: number, value: object) =>
    sendJson(reply, code, value, shapeOf(request, query, { views: false }))
  const bodyOf = async ({ request, body }: Dispatch) => parseBody(await body(), request.headers['content-type'])

  const openId = async ({ reply }: Dispatch, part: 'configuration' | 'keys', contentType: string) => {
    if (!identity.openId) throw resourceNotFound()
    reply.code(200).header('content-type', contentType).header('cache-control', 'public, max-age=3600')
    reply.send(Buffer.from(JSON.stringify(identity.openId[part])))
  }

  const exact: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
    '/version': { GET: call => json(call, 200, VERSION_INFO) },
    '/.well-known/openid-configuration': { GET: call => openId(call, 'configuration', 'application/json') },
    '/openid/v1/jwks': { GET: call => openId(call, 'keys', 'application/jwk-set+json') },
    '/metrics': {
      GET: async ({ reply }) => {
        const { contentType, text } = await metrics.render()
        reply.code(200).header('content-type', contentType).send(text)
      },
    },
    '/': { GET: call => json(call, 200, { paths: [...discovery().paths, ...PATH_NAMES] }) },
    [PATHS.join]: {
      POST: async call => {
        const { headers, raw } = call.request
        const token = bearerToken(headers.authorization)
        // By whomever it is sent, so nothing is read but the one form that is quick to read.
        const joining = joinRequestOf(parseJson(await call.body()))
        // A node that has a certificate renews it with the one it has.
        const renews = token === undefined && call.user.groups.includes(GROUPS.nodes)
        const address = raw.socket.remoteAddress ?? ''
        const joined = renews ? identity.joins.renew(joining, call.user) : identity.joins.join(joining, token ?? '', address)
        await json(call, 200, await joined)
      },
    },
    [PATHS.cluster]: { GET: async call => json(call, 200, await clusterInfo()) },
    [PATHS.backup]: {
      POST: async call => {
        mustBeMaster(call.user)
        const secret = backupSecretOf(await bodyOf(call))
        await sendBackup({ backups, log }, secret, call.reply, lifetimeOf(call.reply, signal))
      },
    },
    [PATHS.drain]: {
      POST: async call =>
        json(call, 200, await drains.drain(drainRequestOf(await bodyOf(call)), call.user, lifetimeOf(call.reply, signal).signal)),
    },
    [PATHS.images]: {
      PUT: ({ request, reply }) => imageUpload({ tunnels, readyNodes, log }, request, reply, lifetimeOf(reply, signal).signal),
    },
  }

  return async call => {
    const { info, request, reply, query } = call
    const remote = remoteOf(options.aggregation, info.path.replace(/^\/openapi\/v3(?=\/apis\/)/, ''))
    if (remote) return serveRemotely(remote, call, signal)
    if (info.resource) return dispatch(handlers, lookup, call)
    const path = info.path.length > 1 && info.path.endsWith('/') ? info.path.slice(0, -1) : info.path
    const methods = Object.hasOwn(exact, path) ? exact[path] : undefined
    if (methods) {
      const route = methods[request.method === 'HEAD' ? 'GET' : request.method]
      if (!route) throw methodNotAllowed()
      return route(call)
    }
    const health = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (health && isRead) {
      return answerHealth(reply, checks, { endpoint: health[1] as 'healthz', name: health[2] ?? '', query }, log)
    }
    if (isRead && (await discovery().answer(path, call))) return
    if (isRead && (await openApi.answer(path, call))) return
    if (!isRead && (health || discovery().knows(path))) throw methodNotAllowed()
    throw resourceNotFound()
  }
}

/** What `make` makes of what the functions give, anew after that has changed. */
function latest<A, B, T>([first, second]: readonly [() => A, () => B], make: (first: A, second: B) => T): () => T {
  let made: { of: readonly [A, B]; value: T } | undefined
  return () => {
    const of = [first(), second()] as const
    if (made?.of[0] !== of[0] || made.of[1] !== of[1]) made = { of, value: make(...of) }
    return made.value
  }
}

const NO_REMOTES: readonly RemoteVersion[] = []

const PATH_NAMES = [
  '/.well-known/openid-configuration',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
]
