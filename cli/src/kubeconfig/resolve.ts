import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { SERVERS_EXTENSION } from '@davit/api'
import type { LoadedKubeconfig } from './load.ts'
import type { Cluster, User } from './types.ts'

/** Flags that stand above the kubeconfig. */
export interface ConnectionFlags {
  context?: string
  cluster?: string
  user?: string
  server?: string
  token?: string
  certificateAuthority?: string
  clientCertificate?: string
  clientKey?: string
}

/** Where and as whom to connect. */
export interface ResolvedConnection {
  /** `https://host:port` */
  server: string
  /** All that are known, `server` first: any of them will do. */
  servers: readonly string[]
  /** PEM. */
  certificateAuthority: string
  certificate?: string
  key?: string
  token?: string
  /** The context's namespace, if it names one. */
  namespace?: string
}

/** What the current context, or the one asked for, says; files it names are read. Throws with what to do when there is none. */
export async function resolveConnection(loaded: LoadedKubeconfig, flags: ConnectionFlags = {}): Promise<ResolvedConnection> {
  const { config } = loaded
  const contextName = flags.context ?? config['current-context']
  const context = config.contexts?.find(({ name }) => name === contextName)?.context
  if (flags.context && !context) throw new Error(`context "${flags.context}" does not exist`)
  const clusterName = flags.cluster ?? context?.cluster
  const cluster: Cluster = config.clusters?.find(({ name }) => name === clusterName)?.cluster ?? {}
  const userName = flags.user ?? context?.user
  const user: User = config.users?.find(({ name }) => name === userName)?.user ?? {}
  const server = flags.server ?? cluster.server
  if (!server) throw new Error(noServer(loaded, contextName))

  const authority = await readPem(
    flags.certificateAuthority ?? cluster['certificate-authority'],
    flags.certificateAuthority ? undefined : cluster['certificate-authority-data'],
  )
  const certificate = await readPem(
    flags.clientCertificate ?? user['client-certificate'],
    flags.clientCertificate ? undefined : user['client-certificate-data'],
  )
  const key = await readPem(flags.clientKey ?? user['client-key'], flags.clientKey ? undefined : user['client-key-data'])
  const token = flags.token ?? (user.tokenFile ? (await readFile(user.tokenFile, 'utf8')).trim() : user.token)
  // A server that was asked for is the only one asked.
  const others = flags.server ? [] : learnedServers(cluster)
  return {
    server: normalizeServer(server),
    servers: [...new Set([server, ...others].map(normalizeServer))],
    certificateAuthority: authority ?? rootCertificates.join('\n'),
    ...(certificate && { certificate }),
    ...(key && { key }),
    ...(token && { token }),
    ...(context?.namespace && { namespace: context.namespace }),
  }
}

function noServer({ files, candidates }: LoadedKubeconfig, contextName: string | undefined): string {
  if (files.length === 0) {
    return `No kubeconfig found, looked for ${candidates.join(' and ')}\nStart a cluster with "npm run up", or name a kubeconfig with --kubeconfig`
  }
  const where = files.map(({ path }) => path).join(', ')
  if (!contextName) return `${where} has no current-context; choose one with --context or "davit config use-context NAME"`
  return `Context "${contextName}" of ${where} names no cluster with a server; see "davit config get-contexts"`
}

/** Data wins over a file, as in Kubernetes' clients. */
async function readPem(file: string | undefined, data: string | undefined): Promise<string | undefined> {
  if (data) return Buffer.from(data, 'base64').toString('utf8')
  if (!file) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (err) {
    throw new Error(`unable to read ${file}: ${(err as Error).message}`)
  }
}

/** What `davit init` wrote beside the one server that kubectl knows. */
function learnedServers({ extensions = [] }: Cluster): string[] {
  const found = extensions.find(({ name }) => name === SERVERS_EXTENSION)
  const { servers } = (found?.extension ?? {}) as { servers?: unknown }
  return Array.isArray(servers) ? servers.filter(server => typeof server === 'string') : []
}

function normalizeServer(server: string): string {
  const url = new URL(server.includes('://') ? server : `https://${server}`)
  return `${url.protocol}//${url.host}`
}
