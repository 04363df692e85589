/** Versions of API groups that other servers serve, as APIServices say. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ServicePort } from '../dial/index.ts'
import type { User } from '../registry/types.ts'

/** One that a server behind a Service serves. */
export interface RemoteApi {
  /** The APIService's name, VERSION.GROUP. */
  readonly name: string
  readonly group: string
  readonly version: string
  readonly service: ServicePort
  /** Authorities in PEM for its certificate; the system's when left out. */
  readonly ca?: string
  readonly insecure: boolean
  readonly groupPriority: number
  readonly versionPriority: number
}

/** What the server last said of a resource, in aggregated discovery's form. */
export interface RemoteResource {
  readonly resource: string
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly scope: 'Namespaced' | 'Cluster'
  readonly singularResource: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly subresources?: readonly {
    readonly subresource: string
    readonly responseKind: RemoteResource['responseKind']
    readonly verbs: readonly string[]
  }[]
}

/** A remote API as discovery and OpenAPI show it. */
export interface RemoteVersion extends Pick<RemoteApi, 'group' | 'version' | 'groupPriority' | 'versionPriority'> {
  readonly resources: readonly RemoteResource[]
  /** Whether the server itself said so when it was asked last. */
  readonly isFresh: boolean
  /** Of its OpenAPI document, where it has one. */
  readonly openApiHash?: string
}

/** A request for a remote API. */
export interface RemoteExchange {
  readonly user: User
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Where it has been read already. */
  readonly body?: Buffer
  /** Milliseconds the whole answer may take; left out: as long as it goes on. */
  readonly timeoutMs?: number
}

/** The APIs of others, from the side of those who ask. */
export interface Aggregation {
  /** Another array after every change. */
  readonly remotes: readonly RemoteVersion[]
  /** Whether another server serves it. */
  isRemote(group: string, version: string): boolean
  /** Its OpenAPI document of version 3; undefined when it has none, or does not answer. Kept as long as its hash is the same. */
  openApi(group: string, version: string): Promise<object | undefined>
  /** Passes a request on; throws ServiceUnavailable while the server is not available. */
  serve(group: string, version: string, exchange: RemoteExchange, signal: AbortSignal): Promise<void>
  /** The same for a connection that leaves HTTP. */
  serveUpgrade(
    group: string,
    version: string,
    connection: { user: User; request: IncomingMessage; socket: Duplex; head: Buffer },
  ): Promise<void>
}
