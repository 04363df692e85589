/** A server that speaks as the API server does for streams, one pod, and one agent behind a real tunnel. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { ApiError, type Clock, type Kind, type Logger, type Pod, podKind, systemClock } from '@davit/api'
import { createWebSocketStream, WebSocket } from 'ws'
import { KindRegistry } from '../../../kind-registry.ts'
import type { Streams } from '../../http/index.ts'
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
  const registry = {
    kinds: new KindRegistry([podKind as unknown as Kind]),
    async get(_context: unknown, _kind: unknown, { name }: { name: string }) {
      const object = pods.get(name)
      if (!object)
        throw new ApiError({
          apiVersion: 'v1',
          kind: 'Status',
          metadata: {},
          status: 'Failure',
          message: `pods "${name}" not found`,
          code: 404,
        })
      return { object }
    },
  } as unknown as Registry
  const tunnels = createTunnels({ clock, log })
  const streams = createStreams({ registry, tunnels, clock, log })
  const server: Server = createServer()
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    const url = new URL(request.url ?? '/', 'http://server')
    if (url.pathname === '/tunnel') return tunnels.accept(request, socket, head, NODE)
    const [, name = '', subresource = ''] = url.pathname.split('/')
    const call = { user: { name: 'a', groups: [] }, namespace: 'default', name, subresource, query: url.searchParams }
    Promise.resolve(streams.upgrade(request, socket, head, call)).catch(err => {
      const { status } = err as ApiError
      socket.end(`HTTP/1.1 ${status.code} Error\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n${JSON.stringify(status)}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const cluster: TestCluster = {
    port,
    streams,
    tunnels,
    pods,
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
  http.on('session', session => session.on('error', () => {}))
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
