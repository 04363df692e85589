/** Whether an API is served, in Kubernetes' reasons and words. Pure. */
import type { ApiService, Condition, EndpointSlice, Service } from '@davit/api'
import type { Place } from '../dial/index.ts'
import { endpointPlaces } from '../dial/index.ts'
import type { RemoteApi } from './types.ts'

export type Availability = Pick<Condition, 'status' | 'reason' | 'message'>

export const LOCAL: Availability = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' }
export const PASSED: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' }

/** What can be seen from here to be missing; undefined when the server must be asked. */
export function missingOf(remote: RemoteApi, service: Service | undefined, slices: readonly EndpointSlice[]): Availability | undefined {
  const { namespace, name, port } = remote.service
  const what = `service/${name} in ${JSON.stringify(namespace)}`
  const not = (reason: string, message: string): Availability => ({ status: 'False', reason, message })
  if (!service) return not('ServiceNotFound', `${what} is not present`)
  if (service.spec.type === 'ExternalName') return undefined
  const found = service.spec.ports?.find(each => each.port === port)
  if (!found) return not('ServicePortError', `${what} is not listening on port ${port}`)
  if (slices.length === 0) return not('EndpointsNotFound', `cannot find endpointslices for ${what}`)
  const places: Place[] = endpointPlaces(slices, found.name ?? '')
  if (places.length > 0) return undefined
  return not('MissingEndpoints', `endpointslices for ${what} have no addresses with port name ${JSON.stringify(found.name ?? '')}`)
}

export function failedCheck(url: string, why: string): Availability {
  return { status: 'False', reason: 'FailedDiscoveryCheck', message: `failing or missing response from ${url}: ${why}` }
}

/** The status as it is to be; undefined when it says so already. */
export function planStatus(
  apiService: ApiService,
  { status, reason, message }: Availability,
  now: string,
): ApiService['status'] | undefined {
  const conditions = apiService.status?.conditions ?? []
  const present = conditions.find(({ type }) => type === 'Available')
  if (present && present.status === status && present.reason === reason && present.message === message) return undefined
  const since = present?.status === status ? (present.lastTransitionTime ?? now) : now
  const available = { type: 'Available', status, lastTransitionTime: since, reason, message } as Condition
  return { conditions: [...conditions.filter(({ type }) => type !== 'Available'), available] }
}
