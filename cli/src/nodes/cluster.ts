/** What a machine has to know of the cluster it joins. */
import { text } from 'node:stream/consumers'
import { type Clock, type ClusterInfo, endpointsKind, type HttpClient, NAMESPACES, PATHS } from '@davit/api'

export interface ClusterFacts extends ClusterInfo {
  /** Where nodes reach the API, sorted. */
  readonly servers: readonly string[]
  /** Seconds the API's clock is ahead of this machine's. */
  readonly clockAhead: number
}

const CALL_MS_MAX = 15_000

/** `given`: addresses above what the cluster says of itself. */
export async function readCluster(
  client: HttpClient,
  { server, given = [], clock }: { server: string; given?: readonly string[] | undefined; clock: Clock },
): Promise<ClusterFacts> {
  const before = clock.now()
  const answer = await client.raw({ method: 'GET', path: PATHS.cluster, signal: AbortSignal.timeout(CALL_MS_MAX) })
  const here = (before + clock.now()) / 2
  const body = await text(answer.body)
  if (answer.status !== 200)
    throw new Error(`The API at ${server} does not say what cluster it is: HTTP ${answer.status} ${body.slice(0, 200)}`)
  const there = Date.parse(String(answer.headers.date ?? ''))
  return {
    ...(JSON.parse(body) as ClusterInfo),
    servers: given.length > 0 ? given.map(one => one.replace(/\/+$/, '')) : await serversForNodes(client, server),
    clockAhead: Number.isNaN(there) ? 0 : secondsAhead(there, here),
  }
}

/** Every replica there is now; the address in the kubeconfig, too, unless it is one only its own machine can use. */
export async function serversForNodes(client: HttpClient, server: string): Promise<string[]> {
  const endpoints = await client
    .resource(endpointsKind)
    .get({ namespace: NAMESPACES.default, name: 'kubernetes' })
    .catch(() => undefined)
  const published = (endpoints?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    addresses.map(({ ip }) => `https://${ip.includes(':') ? `[${ip}]` : ip}:${ports[0]?.port ?? 6443}`),
  )
  const { hostname } = new URL(server)
  const isLocal = hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]'
  return [...new Set([...(isLocal && published.length > 0 ? [] : [server]), ...published])].sort()
}

/** HTTP tells whole seconds: less than one is none. */
function secondsAhead(thereMs: number, hereMs: number): number {
  const seconds = (thereMs + 500 - hereMs) / 1000
  return Math.abs(seconds) < 1 ? 0 : seconds
}
