/** Which cluster this node is in, and what it must know of it to begin. */
import { type HttpClient, type Logger, type Node, systemClock } from '@davit/api'
import { type ClusterFacts, fetchClusterInfo, loadFacts, saveFacts } from './cluster-facts.ts'
import type { Identity } from './identity/index.ts'
import type { RunningNode } from './node/index.ts'

/** How long the API is waited for when something is known from before. */
const ANSWER_MS_MAX = 5_000
const clock = systemClock

/** Compares the API's cluster with ours: until it was seen to be the same, nothing is removed. */
export function watchCluster(client: HttpClient, identity: Identity, { log, signal }: { log: Logger; signal: AbortSignal }) {
  let own = false
  const known: (() => void)[] = []
  const info = fetchClusterInfo(client, { clock, log, signal }).then(found => {
    own = found.clusterId === identity.clusterId
    if (!own)
      log.error({ found: found.clusterId, wanted: identity.clusterId }, 'The API server is of another cluster: nothing is removed here')
    for (const handler of known) handler()
    return found
  })
  info.catch(() => {})
  return { info, isOwn: () => own, onKnown: (handler: () => void) => void (own ? handler() : known.push(handler)) }
}

/** From the API when it answers soon or nothing is known yet; otherwise what was true last time. */
export async function settleFacts(
  path: string,
  { info, node, log }: { info: Promise<ClusterFacts['info']>; node: RunningNode; log: Logger },
): Promise<ClusterFacts> {
  const fresh = Promise.all([info, node.registered]).then(([found, registered]): ClusterFacts => {
    const podCidr = podCidrOf(registered)
    return { info: found, podCidr }
  })
  fresh.then(facts => saveFacts(path, facts)).catch((err: unknown) => log.debug({ err }, 'Cannot keep what is known of the cluster'))
  const kept = await loadFacts(path)
  if (!kept) return fresh
  return Promise.race([fresh, clock.sleep(ANSWER_MS_MAX).then(() => kept)])
}

function podCidrOf({ metadata, spec }: Node): string {
  if (!spec?.podCIDR)
    throw new Error(`Node "${metadata.name}" has no podCIDR: the cluster's pod range is used up, or it was registered by something else`)
  return spec.podCIDR
}
