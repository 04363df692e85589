/** What the HTTP room needs from the others; `main` puts it together. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Clock, ClusterInfo, Logger } from '@davit/api'
import type { Backups } from '../../backup/index.ts'
import type { JoinService } from '../../pki/index.ts'
import type { AccountTokens, AuthenticateToken } from '../accounts/index.ts'
import type { Aggregation } from '../aggregation/index.ts'
import type { Authorizer } from '../authorization/index.ts'
import type { FlowControl } from '../flow-control/index.ts'
import type { Registry, User } from '../registry/index.ts'
import type { Tunnels } from '../tunnel/index.ts'

/** One pod's subresource that is a stream. */
export interface StreamCall {
  readonly user: User
  readonly namespace: string
  readonly name: string
  /** `exec`, `attach`, `portforward` or `log`. */
  readonly subresource: string
  readonly query: URLSearchParams
}

/** One question to a node's agent. */
export interface NodeCall {
  readonly user: User
  readonly name: string
  /** Without a slash in front. */
  readonly path: string
  readonly query: URLSearchParams
}

/** A request for what a pod, Service or node serves itself. */
export interface ProxyCall {
  readonly user: User
  readonly resource: 'pods' | 'services' | 'nodes'
  /** Empty for nodes. */
  readonly namespace: string
  /** With scheme and port, where the client says them: `https:NAME:PORT`. */
  readonly name: string
  /** As the client sent it: empty, or from a slash on. */
  readonly path: string
}

/** A request to be passed on, and where its answer goes. */
export interface ProxyExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Where it has been read already. */
  readonly body?: Buffer
}

export interface Streams {
  /** Passes a request on; throws ApiError as long as nothing is answered. */
  proxy(call: ProxyCall, exchange: ProxyExchange, signal: AbortSignal): Promise<void>
  /** The same for a connection that leaves HTTP. */
  proxyUpgrade(call: ProxyCall, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
  /** Takes over an upgraded connection whose user may do this; answers errors on the socket itself. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, call: StreamCall): void | Promise<void>
  /** The log's bytes; throws ApiError. Ends, or is destroyed, when `signal` aborts. */
  log(call: StreamCall, signal: AbortSignal): Promise<Readable>
  /** What a node's agent answers to a GET of `path`; throws ApiError. */
  node(call: NodeCall, signal: AbortSignal): Promise<{ contentType: string; body: Readable }>
}

/** PEM; `certificateAuthority` may hold several, one after the other. */
export interface ServerCertificates {
  readonly certificateAuthority: string
  readonly certificate: string
  readonly key: string
}

/** What the HTTP room needs of the PKI: its certificates, and who a token is. */
export interface ServerIdentity {
  certificates(): ServerCertificates
  /** Calls `listener` whenever `certificates` gives others than before. */
  onRenewal?(listener: () => void): void
  readonly joins: JoinService
  /** Whose bearer token this is. */
  readonly authenticateToken?: AuthenticateToken
  /** What others check our tokens by. */
  readonly openId?: AccountTokens['openId']
}

/** Takes over agents' tunnels, and what peers ask through them. */
export interface TunnelAcceptor extends Tunnels {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, nodeName: string): void
  /** Takes over a peer's way to a node; throws ApiError 503 when there is no tunnel to it here. */
  relay(request: IncomingMessage, socket: Duplex, head: Buffer, nodeName: string): void
}

export interface RequestRecord {
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly scope: 'cluster' | 'namespace' | 'resource' | ''
  readonly code: number
  readonly seconds: number
}

export interface ServerMetrics {
  observeRequest(record: RequestRecord): void
  /** Open watches and streams; gives back how to count it out. */
  openLongRunning(verb: string, resource: string): () => void
  render(): Promise<{ contentType: string; text: string }>
}

/** A named part of `/readyz` and `/livez`; rejects with why it is not well. */
export interface HealthCheck {
  readonly name: string
  /** Counts for `/livez` too: a failure means that a restart would help. */
  readonly live?: boolean
  readonly check: () => void | Promise<void>
}

export interface ApiServerOptions {
  readonly registry: Registry
  /** Awaited before a resource is said not to be there: another replica may have begun to serve it a moment ago. */
  readonly awaitKind?: (group: string, plural: string) => Promise<void>
  readonly authorizer: Authorizer
  readonly flowControl: FlowControl
  readonly identity: ServerIdentity
  readonly tunnels: TunnelAcceptor
  readonly streams: Streams
  /** What other servers serve; left out: nothing. */
  readonly aggregation?: Aggregation
  readonly clusterInfo: () => Promise<ClusterInfo>
  readonly backups: Backups
  readonly checks: readonly HealthCheck[]
  /** 0: any free port. */
  readonly port: number
  readonly bindAddress: string
  /** How long a client may take to begin a connection or a request (10 s), and to take something of a watch (30 s). */
  readonly patienceMs?: number
  readonly log: Logger
  readonly clock: Clock
  readonly metrics: ServerMetrics
  /** Ends watches and stops listening when it aborts. */
  readonly signal: AbortSignal
}

export interface ApiServer {
  readonly port: number
  /** Makes `/readyz` fail, so that load balancers and agents look elsewhere before `close`. */
  beginShutdown(): void
  /** Resolves once no connection is left; connections still busy after `graceMs` are cut. */
  close(graceMs?: number): Promise<void>
}
