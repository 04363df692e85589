/** An API server on a free loopback port with real certificates, and a client for it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type Kind, systemClock } from '@davit/api'
import { loadOrCreatePki, type Pki } from '@davit/api/pki'
import { createMetrics } from '../../../metrics.ts'
import { createAuthorizer } from '../../authorization/index.ts'
import { createFlowControl } from '../../flow-control/index.ts'
import { defaultRoles } from '../../rbac/testing/index.ts'
import type { ApiServer, ApiServerOptions } from '../options.ts'
import { startApiServer } from '../server.ts'
import { createMemoryRegistry, type MemoryRegistry } from './memory-registry.ts'

export interface Answer {
  readonly code: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly bytes: Buffer
  readonly text: string
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any
}

export interface TestServer extends AsyncDisposable {
  readonly server: ApiServer
  readonly registry: MemoryRegistry
  readonly pki: Pki
  /** As the admin, over one HTTP/2 session. */
  call(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string | Buffer; as?: 'admin' | 'anonymous' },
  ): Promise<Answer>
  session(credentials: { cert?: string; key?: string }): ClientHttp2Session
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

export async function startTestServer(kinds: readonly Kind[], options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'davit-http-'))
  const pki = await loadOrCreatePki({ dir: directory, serverNames: [], clock: systemClock })
  const registry = createMemoryRegistry(kinds)
  const server = await startApiServer({
    registry,
    authorizer: createAuthorizer({ podsOnNode: async () => [], pod: async () => undefined, volume: async () => undefined }, defaultRoles()),
    flowControl: createFlowControl({ seats: 600, clock: systemClock }),
    identity: {
      certificates: () => ({ certificateAuthority: pki.ca.bundle, ...pki.server }),
      joins: {
        join: async ({ nodeName }, token, address) => ({
          certificate: `${nodeName} ${token} ${address}`,
          certificateAuthority: '',
          clusterId: '',
        }),
        renew: async () => ({ certificate: '', certificateAuthority: '', clusterId: '' }),
      },
    },
    tunnels: {
      state: () => ({ connected: false, silentMs: Number.POSITIVE_INFINITY }),
      nodes: () => [],
      session: async () => {
        throw new Error('no tunnel')
      },
      onChange: () => () => {},
      accept: (_request, socket) => void socket.destroy(),
      relay: (_request, socket) => void socket.destroy(),
    },
    streams: {
      upgrade: (_request, socket, _head, call) =>
        void socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${call.subresource} ${call.name}`),
      log: async () => {
        throw new Error('no log')
      },
      node: async () => {
        throw new Error('no node')
      },
      proxy: async () => {
        throw new Error('no proxy')
      },
      proxyUpgrade: async () => {
        throw new Error('no proxy')
      },
    },
    clusterInfo: async () => ({
      clusterId: 'c',
      podCidr: '',
      serviceCidr: '',
      dnsAddress: '',
      clusterDomain: '',
      certificateAuthority: pki.ca.bundle,
    }),
    backups: {
      cluster: { id: 'c', name: 'davit' },
      begin: async () => {
        throw new Error('no backup')
      },
    },
    checks: [],
    port: 0,
    bindAddress: '127.0.0.1',
    log: SILENT,
    clock: systemClock,
    metrics: createMetrics(),
    signal: new AbortController().signal,
    ...options,
  })
  const session = (credentials: { cert?: string; key?: string }) =>
    connect(`https://127.0.0.1:${server.port}`, { ca: pki.ca.certificate, ...credentials })
  const sessions = {
    admin: session({ cert: pki.admin.certificate, key: pki.admin.key }),
    anonymous: session({}),
  }
  return {
    server,
    registry,
    pki,
    session,
    call: (method, path, { headers = {}, body, as = 'admin' } = {}) => callOver(sessions[as], { method, path, headers, body }),
    [Symbol.asyncDispose]: async () => {
      for (const open of Object.values(sessions)) open.destroy()
      await server.close(0)
      await rm(directory, { recursive: true })
    },
  }
}

interface Call {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string | Buffer | undefined
}

/** One request; rejects when the session breaks. */
export async function callOver(session: ClientHttp2Session, { method, path, headers, body }: Call): Promise<Answer> {
  const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined })
  const answered = new Promise<Answer['headers']>((resolve, reject) => {
    stream.once('response', resolve)
    stream.once('error', reject)
  })
  if (body !== undefined) stream.end(body)
  const head = await answered
  const bytes = await buffer(stream)
  return {
    code: Number(head[':status']),
    headers: head,
    bytes,
    text: bytes.toString(),
    get json() {
      return JSON.parse(bytes.toString())
    },
  }
}
