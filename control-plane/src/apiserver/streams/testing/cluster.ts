/** A server that speaks as the API server does for streams, one pod, and one agent behind a real tunnel. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import {
  type ApiError,
  type Clock,
  type Kind,
  type KubernetesObject,
  type Logger,
  notFound,
  type Pod,
  podKind,
  systemClock,
} from '@davit/api'
import { createWebSocketStream, WebSocket } from 'ws'
import { KindRegistry } from '../../../kind-registry.ts'
import { createDialer, type Lookups } from '../../dial/index.ts'
import type { ProxyCall, Streams } from '../../http/index.ts'
import type { Registry } from '../../registry/index.ts'
import { type AcceptingTunnels, createTunnels } from '../../tunnel/index.ts'
import { createStreams } from '../create-streams.ts'

export const NODE = 'node-1'
const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = systemClock

export type AgentHandler = (stream: ServerHttp2Stream, url: URL) => void | Promise<void>

export interface TestCluster {
  readonly port: number
  readonly streams: Streams
  readonly tunnels: AcceptingTunnels
  /** What the API holds; may be changed. */
  readonly pods: Map<string, Pod>
  /** And of other kinds. */
  readonly others: KubernetesObject[]
  /** What the agent does with a request; may be changed. */
  handler: AgentHandler
  /** Cuts the agent's tunnel. */
  cut(): void
  close(): Promise<void>
}

export function pod(
  name: string,
  change: { spec?: Partial<Pod['spec']>; phase?: 'Running' | 'Succeeded'; annotations?: Record<string, string> } = {},
): Pod {
  const { spec, phase = 'Running', annotations } = change
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...(annotations && { annotations }) },
    spec: { containers: [{ name: 'main', image: 'x' }], nodeName: NODE, ...spec },
    status: { phase },
  } as Pod
}

export async function startCluster(): Promise<TestCluster> {
  const pods = new Map<string, Pod>()
  const others: KubernetesObject[] = []
  const all = () => [...pods.values(), ...others]
  const registry = {
    kinds: new KindRegistry([podKind as unknown as Kind]),
    async get(_context: unknown, kind: Kind, { name }: { name: string }) {
      const object = pods.get(name) ?? (await lookups.find(kind, { name }))
      if (!object) throw notFound(kind, name)
      return { object }
    },
  } as unknown as Registry
  const tunnels = createTunnels({ clock, log })
  const lookups: Lookups = {
    async find(kind, { name }) {
      return all().find(each => each.kind === kind.kind && each.metadata.name === name) as never
    },
    async all(kind) {
      return all().filter(each => each.kind === kind.kind) as never
    },
  }
  const dialer = createDialer({ lookups, tunnels, clock })
  const streams = createStreams({ registry, tunnels, lookups, dialer, clock, log })
  /** `/proxy-of/RESOURCE/NAME/PATH` */
  const proxied = (url: string): ProxyCall => {
    const [, , resource, name = '', ...rest] = url.split('?')[0]!.split('/')
    const path = rest.length > 0 ? `/${rest.join('/')}` : ''
    return { user: { name: 'a', groups: [] }, resource: resource as ProxyCall['resource'], namespace: 'default', name, path }
  }
  const server: Server = createServer((request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Error('gone')))
    streams.proxy(proxied(request.url ?? ''), { request, response }, gone.signal).catch((err: ApiError) => {
      response.writeHead(err.status?.code ?? 500)
      response.end(JSON.stringify(err.status ?? { message: String(err) }))
    })
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    const url = new URL(request.url ?? '/', 'http://server')
    if (url.pathname === '/tunnel') return tunnels.accept(request, socket, head, NODE)
    const [, name = '', subresource = ''] = url.pathname.split('/')
    const refuse = (err: ApiError) => {
      const { status } = err
      socket.end(`HTTP/1.1 ${status.code} Error\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n${JSON.stringify(status)}`)
    }
    if (url.pathname.startsWith('/proxy-of/')) {
      return void streams.proxyUpgrade(proxied(request.url ?? ''), request, socket, head).catch(refuse)
    }
    const call = { user: { name: 'a', groups: [] }, namespace: 'default', name, subresource, query: url.searchParams }
    Promise.resolve(streams.upgrade(request, socket, head, call)).catch(refuse)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const cluster: TestCluster = {
    port,
    streams,
    tunnels,
    pods,
    others,
    handler: stream => stream.respond({ ':status': 404 }, { endStream: true }),
    cut: () => agent.terminate(),
    async close() {
      await tunnels.close()
      agent.terminate()
      server.closeAllConnections()
      server.close()
    },
  }
  const connected = new Promise<void>(resolve => tunnels.onChange(() => resolve()))
  const agent = await startAgent(port, (stream, url) => cluster.handler(stream, url))
  await connected
  return cluster
}

async function startAgent(port: number, handle: AgentHandler): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/tunnel`, { perMessageDeflate: false })
  const http = createHttp2Server()
  http.on('session', session => {
    session.on('error', () => {})
    // As a real agent's session, it ends with its tunnel.
    socket.once('close', () => session.destroy())
  })
  http.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    void handle(stream, new URL(String(headers[':path']), 'http://agent'))
  })
  socket.on('error', () => {})
  socket.once('open', () =>
    http.emit(
      'connection',
      createWebSocketStream(socket).on('error', () => {}),
    ),
  )
  await once(socket, 'open')
  return socket
}
