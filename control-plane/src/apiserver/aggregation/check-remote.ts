/** One look at the server behind an APIService. */
import { endpointSliceKind, serviceKind } from '@davit/api'
import type { Lookups } from '../dial/index.ts'
import { type Availability, failedCheck, missingOf, PASSED } from './availability.ts'
import { resourcesIn } from './discovered.ts'
import { askRemote, type RemoteServers, serverNameOf } from './remote-server.ts'
import type { RemoteApi, RemoteResource } from './types.ts'

/** What can be seen without asking the server. */
export async function lookAt(remote: RemoteApi, lookups: Lookups, signal: AbortSignal): Promise<Availability | undefined> {
  const { namespace, name } = remote.service
  const service = await lookups.find(serviceKind, { namespace, name }, signal)
  const labelSelector = `kubernetes.io/service-name=${name}`
  return missingOf(remote, service, service ? await lookups.all(endpointSliceKind, { namespace, labelSelector }) : [])
}

export interface Checked {
  readonly availability: Availability
  /** Left out when the server did not say. */
  readonly resources?: readonly RemoteResource[]
  readonly openApiHash?: string
}

/** Asks it what it serves; never rejects. */
export async function checkRemote(remote: RemoteApi, servers: RemoteServers, signal: AbortSignal): Promise<Checked> {
  const { group, version, service } = remote
  const path = `/apis/${group}/${version}`
  const url = `https://${serverNameOf(remote)}:${service.port}${path}`
  try {
    const { code, text } = await askRemote(remote, path, servers, signal)
    if (code < 200 || code > 299) return { availability: failedCheck(url, `bad status from ${url}: ${code}`) }
    const resources = resourcesIn(text, remote)
    const openApiHash = await openApiHashOf(remote, servers, signal)
    return { availability: PASSED, ...(resources && { resources }), ...(openApiHash !== undefined && { openApiHash }) }
  } catch (err) {
    return { availability: failedCheck(url, `Get ${JSON.stringify(url)}: ${err instanceof Error ? err.message : String(err)}`) }
  }
}

/** Undefined for a server without OpenAPI of version 3. */
async function openApiHashOf(remote: RemoteApi, servers: RemoteServers, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { code, text } = await askRemote(remote, '/openapi/v3', servers, signal)
    if (code !== 200) return undefined
    const { paths = {} } = JSON.parse(text) as { paths?: Record<string, { serverRelativeURL?: string }> }
    const url = paths[`apis/${remote.group}/${remote.version}`]?.serverRelativeURL
    return url === undefined ? undefined : (/[?&]hash=([0-9A-Za-z]+)/.exec(url)?.[1] ?? '')
  } catch {
    return undefined
  }
}

/** Undefined when it does not answer with one. */
export async function askOpenApi(remote: RemoteApi, servers: RemoteServers, signal: AbortSignal): Promise<object | undefined> {
  try {
    const { code, text } = await askRemote(remote, `/openapi/v3/apis/${remote.group}/${remote.version}`, servers, signal)
    const document: unknown = code === 200 ? JSON.parse(text) : undefined
    return typeof document === 'object' && document !== null ? document : undefined
  } catch {
    return undefined
  }
}
