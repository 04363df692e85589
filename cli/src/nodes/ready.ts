/** Waiting for a Node that works. */
import { type Client, type Clock, isReason, leaseKind, NAMESPACES, type Node, nodeKind } from '@davit/api'

export interface ReadyOptions {
  readonly client: Client
  readonly clock: Clock
  /** As leaseOf() gave it before the agent was started: one that did not change since is an earlier agent's. */
  readonly afterLease?: string | undefined
  /** `0.2.0`: the agent is of this version. */
  readonly version?: string | undefined
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Why it is not ready yet, every few seconds; rejects to give up. */
  readonly onWaiting: (why: string) => Promise<void>
}

const LOOK_MS = 500
const TELL_MS = 2_000

/** Resolves with the Node once it is Ready; rejects, saying what it lacks, after the time given. */
export async function untilReady(name: string, options: ReadyOptions): Promise<Node> {
  const { client, clock, timeoutMs, signal, onWaiting } = options
  const start = clock.monotonic()
  let told = start
  for (;;) {
    const found = await look(name, options)
    if (typeof found !== 'string') return found
    const now = clock.monotonic()
    if (now - start > timeoutMs) throw new Error(`it is not Ready after ${timeoutMs / 1000} s: ${found}`)
    if (now - told >= TELL_MS) {
      told = now
      await onWaiting(found)
    }
    await clock.sleep(LOOK_MS, signal)
  }
  async function look(node: string, { afterLease, version }: ReadyOptions): Promise<Node | string> {
    let found: Node
    try {
      found = await client.resource(nodeKind).get({ name: node })
    } catch (err) {
      return isReason(err, 'NotFound') ? 'its Node is not there yet' : `the API says: ${(err as Error).message}`
    }
    const why = whyNotReady(found, version)
    if (why !== undefined) return why
    if (afterLease !== undefined && (await leaseOf(client, node)) === afterLease) return 'its agent has not reported yet'
    return found
  }
}

/** Undefined when it is ready. */
export function whyNotReady({ status }: Node, version?: string): string | undefined {
  const running = status?.nodeInfo?.kubeletVersion ?? ''
  if (version !== undefined && !running.endsWith(`+davit-${version}`))
    return `its agent is ${running.split('+davit-')[1] ?? 'unknown'}, wanted ${version}`
  const conditions = status?.conditions ?? []
  const ready = conditions.find(({ type }) => type === 'Ready')
  const network = conditions.find(({ type, status: value }) => type === 'NetworkUnavailable' && value === 'True')
  if (ready?.status !== 'True') return ready?.message || 'its agent has not reported yet'
  return network && `the pod network is not there: ${network.message}`
}

/** Tells one renewal of a node's Lease from another; empty when there is none. */
export async function leaseOf(client: Client, name: string): Promise<string> {
  const lease = await client
    .resource(leaseKind)
    .get({ namespace: NAMESPACES.nodeLease, name })
    .catch(() => undefined)
  return lease?.spec?.renewTime ?? ''
}
