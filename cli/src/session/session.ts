import { connectHttp, type HttpClient } from '@davit/api'
import type { ResolvedConnection } from '../kubeconfig/index.ts'
import { type Api, createApi } from './api.ts'
import { createTypeFinder, type TypeFinder } from './type-finder.ts'

/** An open way to one cluster, as one user, in one namespace. */
export interface Session {
  /** The typed client, for kinds this program knows. */
  readonly client: HttpClient
  /** Requests on any kind. */
  readonly api: Api
  readonly types: TypeFinder
  /** Where things go that name no namespace. */
  readonly namespace: string
  /** True when the namespace was asked for with a flag, so that objects of others are refused. */
  readonly isNamespaceGiven: boolean
  /** `https://host:port` */
  readonly server: string
  close(): void
}

export interface SessionOptions {
  /** Above the context's own. */
  namespace?: string
  onWarning?: (text: string) => void
  trace?: (line: string) => void
}

/** Nothing is sent before the first call. */
export function openSession(connection: ResolvedConnection, options: SessionOptions = {}): Session {
  const { server, servers, namespace: ofContext, ...credentials } = connection
  const client = connectHttp({ servers, inOrder: true, ...credentials, userAgent: 'davit' })
  const api = createApi(client, { onWarning: options.onWarning ?? (() => {}), ...(options.trace && { trace: options.trace }) })
  return {
    client,
    api,
    types: createTypeFinder(api),
    namespace: options.namespace ?? ofContext ?? 'default',
    isNamespaceGiven: options.namespace !== undefined,
    server,
    close: () => client.close(),
  }
}
