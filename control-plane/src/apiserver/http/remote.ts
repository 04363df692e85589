/** Requests for versions of groups that other servers serve. */
import type { Aggregation } from '../aggregation/index.ts'
import { passOn } from './pass-on.ts'
import type { Dispatch } from './resources/dispatch.ts'

/** As long as Kubernetes gives a request that is no watch. */
const REQUEST_MS_MAX = 60_000
const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'log', 'portforward', 'proxy'])

export interface RemoteTarget {
  readonly aggregation: Aggregation
  readonly group: string
  readonly version: string
}

/** Undefined for a path that this server answers itself. */
export function remoteOf(aggregation: Aggregation | undefined, path: string): RemoteTarget | undefined {
  const [, root, group, version] = path.split('/', 4)
  if (!aggregation || root !== 'apis' || !group || !version || !aggregation.isRemote(group, version)) return undefined
  return { aggregation, group, version }
}

/** Answers with what the other server does; throws as `aggregation.serve`. */
export async function serveRemotely({ aggregation, group, version }: RemoteTarget, call: Dispatch, stopped: AbortSignal): Promise<void> {
  const { info, user } = call
  const isLong = info.verb === 'watch' || LONG_SUBRESOURCES.has(info.resource?.subresource ?? '')
  const limits = isLong ? {} : { timeoutMs: REQUEST_MS_MAX }
  await passOn(call, stopped, (exchange, gone) => aggregation.serve(group, version, { user, ...exchange, ...limits }, gone))
}
