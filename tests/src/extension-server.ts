/** A small extension API server of a test's own: HTTPS, one kind kept in memory, and trust in the API server that passes requests on to it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { json } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { configMapKind, type HttpClient, type KubernetesObject } from '@davit/api'
import { makeServerCertificate } from './server-certificate.ts'

export const GROUP = 'wardle.example.com'
export const VERSION = 'v1alpha1'
const BASE = `/apis/${GROUP}/${VERSION}`

export interface ExtensionServer {
  readonly server: Server
  /** As an APIService has it. */
  readonly caBundle: string
  /** Who asked for what, as the API server said. */
  readonly asked: { method: string; path: string; user: string; groups: string[]; extra: Record<string, unknown>; authorization?: string }[]
  /** Whether its own pages are there; may be changed. */
  isWell: boolean
  close(): void
}

/** Not listening yet. Its certificate is for the Service; it believes whom the cluster's ConfigMap names, and no one else. */
export async function makeExtensionServer(client: HttpClient, service: { name: string; namespace: string }): Promise<ExtensionServer> {
  const { data = {} } = await client.resource(configMapKind).get({ namespace: 'kube-system', name: 'extension-apiserver-authentication' })
  const allowed = JSON.parse(data['requestheader-allowed-names'] ?? '[]') as string[]
  const { authority, certificate: cert, key } = await makeServerCertificate([`${service.name}.${service.namespace}.svc`])
  const flunders = new Map<string, KubernetesObject>()
  const watchers = new Set<ServerResponse>()
  let version = 0

  const tell = (type: string, object: KubernetesObject) => {
    for (const watcher of watchers) watcher.write(`${JSON.stringify({ type, object })}\n`)
  }
  const answer = (response: ServerResponse, code: number, body: object) => {
    response.writeHead(code, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  const refuse = (response: ServerResponse, code: number, reason: string, message: string) =>
    answer(response, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message, code })

  async function serveFlunders(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [, namespace = '', name] = /\/namespaces\/([^/]+)\/flunders(?:\/([^/]+))?$/.exec(url.pathname) ?? []
    const key = `${namespace}/${name}`
    if (request.method === 'POST') {
      const body = (await json(request)) as KubernetesObject
      const metadata = { ...body.metadata, namespace, uid: `uid-${++version}`, resourceVersion: String(version) }
      const object = { ...body, metadata }
      flunders.set(`${namespace}/${metadata.name}`, object)
      tell('ADDED', object)
      return answer(response, 201, object)
    }
    if (name === undefined) {
      if (url.searchParams.get('watch')) {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.flushHeaders()
        watchers.add(response)
        response.once('close', () => watchers.delete(response))
        return
      }
      const items = [...flunders.values()].filter(({ metadata }) => !namespace || metadata.namespace === namespace)
      const metadata = { resourceVersion: String(version) }
      return answer(response, 200, { kind: 'FlunderList', apiVersion: `${GROUP}/${VERSION}`, metadata, items })
    }
    const object = flunders.get(key)
    if (!object) return refuse(response, 404, 'NotFound', `flunders.${GROUP} "${name}" not found`)
    if (request.method === 'DELETE') {
      flunders.delete(key)
      tell('DELETED', object)
    }
    answer(response, 200, object)
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://extension')
    const { headersDistinct: headers } = request
    const socket = request.socket as TLSSocket
    if (!socket.authorized || !allowed.includes(String(socket.getPeerCertificate().subject.CN)))
      return refuse(response, 401, 'Unauthorized', 'Unauthorized')
    const extra = Object.entries(headers).filter(([name]) => name.startsWith('x-remote-extra-'))
    state.asked.push({
      method: request.method ?? '',
      path: request.url ?? '',
      user: headers['x-remote-user']?.[0] ?? '',
      groups: headers['x-remote-group'] ?? [],
      extra: Object.fromEntries(extra),
      ...(request.headers.authorization !== undefined && { authorization: request.headers.authorization }),
    })
    if (url.pathname === BASE) {
      if (!state.isWell) return refuse(response, 500, 'InternalError', 'not well')
      return answer(response, 200, {
        kind: 'APIResourceList',
        apiVersion: 'v1',
        groupVersion: `${GROUP}/${VERSION}`,
        resources: [
          { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: VERBS, shortNames: ['fl'] },
          { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get', 'patch', 'update'] },
        ],
      })
    }
    if (url.pathname === '/openapi/v3')
      return answer(response, 200, { paths: { [BASE.slice(1)]: { serverRelativeURL: `/openapi/v3${BASE}?hash=ABC123` } } })
    if (url.pathname === `/openapi/v3${BASE}`) return answer(response, 200, OPEN_API)
    if (url.pathname === `${BASE}/redirect`) {
      response.writeHead(302, { location: 'https://elsewhere.example/' })
      return void response.end()
    }
    if (url.pathname.includes('/flunders')) return serveFlunders(request, response, url)
    refuse(response, 404, 'NotFound', 'the server could not find the requested resource')
  }

  const options = { cert, key, requestCert: true, rejectUnauthorized: false, ca: data['requestheader-client-ca-file'] ?? '' }
  const server = createServer(options, (request, response) => void serve(request, response))
  const state: ExtensionServer = {
    server,
    caBundle: Buffer.from(authority).toString('base64'),
    asked: [],
    isWell: true,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return state
}

const VERBS = ['create', 'delete', 'get', 'list', 'watch']

const OPEN_API = {
  openapi: '3.0.0',
  info: { title: 'wardle', version: '1' },
  paths: {
    [`${BASE}/namespaces/{namespace}/flunders`]: {
      get: {
        operationId: 'listFlunder',
        'x-kubernetes-action': 'list',
        'x-kubernetes-group-version-kind': { group: GROUP, version: VERSION, kind: 'Flunder' },
        responses: {},
      },
    },
  },
  components: {
    schemas: {
      'com.example.wardle.v1alpha1.Flunder': {
        type: 'object',
        description: 'A flunder, of which nobody knows what it is.',
        properties: { spec: { type: 'object', properties: { reference: { type: 'string', description: 'What it refers to.' } } } },
        'x-kubernetes-group-version-kind': [{ group: GROUP, version: VERSION, kind: 'Flunder' }],
      },
    },
  },
}
