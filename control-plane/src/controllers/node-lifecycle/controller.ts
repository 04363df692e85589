import {
  formatTime,
  isReason,
  key as keyOf,
  leaseKind,
  NAMESPACES,
  type Node,
  nodeKind,
  type Outcome,
  type Pod,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  runController,
  WorkQueue,
} from '@davit/api'
import type { Tunnels } from '../../apiserver/tunnel/types.ts'
import type { ControllerContext } from '../context.ts'
import { boundBy } from './bound-by.ts'
import { judgeNodes, type Verdict } from './judge.ts'
import { KeptPods } from './kept-pods.ts'
import { planConditions, planEvictions, planTaints, podsToMarkNotReady } from './plan.ts'

/** How often every node is judged, milliseconds. */
const TICK_MS = 250
/** A tick so late means that this process slept: what it missed says nothing about the nodes. */
const SLEPT_MS = 1_000

/** Marks silent nodes, takes their endpoints away, evicts their pods, and clears pods of nodes that are gone. */
export async function runNodeLifecycleController(context: ControllerContext, tunnels?: Tunnels): Promise<void> {
  const { clock, log, signal } = context
  const nodes = context.informer(nodeKind)
  const pods = context.informer(podKind)
  const leases = context.informer(leaseKind)
  // Looked at when a node is lost: what is on it only.
  const storage = [context.informer(persistentVolumeClaimKind), context.informer(persistentVolumeKind)]
  await Promise.all([nodes, pods, leases, ...storage].map(({ synced }) => synced))
  const queue = new WorkQueue({ clock })
  const kept = new KeptPods()
  const signs = new Signs(context, tunnels)
  leases.onChange(({ type, object }) => {
    if (object.metadata.namespace === NAMESPACES.nodeLease && type !== 'deleted') signs.leaseRenewed(object.metadata.name ?? '')
  })
  nodes.onChange(({ key }) => queue.add(key))
  pods.onChange(({ object }) => object.spec?.nodeName && queue.add(object.spec.nodeName))
  const judging = (async () => {
    while (!signal.aborted) {
      for (const name of signs.judge()) queue.add(name)
      await clock.sleep(TICK_MS, signal).catch(() => {})
    }
  })()
  await Promise.all([judging, runController(queue, name => reconcile(name, signs.verdict, kept, context), { log, signal, workers: 8 })])
}

/** When each node last gave a sign of life, by our monotonic clock. */
class Signs {
  readonly #context: ControllerContext
  readonly #tunnels: Tunnels | undefined
  readonly #leases = new Map<string, number>()
  #since: number
  #lastTick: number
  verdict: Verdict = { suspects: new Set(), mayEvict: false }

  constructor(context: ControllerContext, tunnels: Tunnels | undefined) {
    this.#context = context
    this.#tunnels = tunnels
    this.#since = this.#lastTick = context.clock.monotonic()
  }

  leaseRenewed(node: string): void {
    this.#leases.set(node, this.#context.clock.monotonic())
  }

  /** Judges anew; gives the nodes whose verdict changed. */
  judge(): string[] {
    const now = this.#context.clock.monotonic()
    if (now - this.#lastTick > TICK_MS + SLEPT_MS) this.#since = now
    this.#lastTick = now
    const names = [...this.#context.informer(nodeKind).cache.list()].map(node => node.metadata.name ?? '')
    for (const name of this.#leases.keys()) if (!names.includes(name)) this.#leases.delete(name)
    const before = this.verdict
    this.verdict = this.#judge(names, now)
    if (this.verdict.mayEvict && !before.mayEvict) {
      // Nodes that were cut off together do not return in one moment: each gets the whole time again.
      this.#since = now
      this.verdict = this.#judge(names, now)
    }
    const { suspects, mayEvict } = this.verdict
    return names.filter(name => suspects.has(name) !== before.suspects.has(name) || (suspects.has(name) && mayEvict !== before.mayEvict))
  }

  #judge(names: readonly string[], now: number): Verdict {
    return judgeNodes(
      names.map(name => ({
        name,
        tunnel: this.#tunnels?.state(name),
        leaseSilentMs: now - (this.#leases.get(name) ?? this.#since),
        observedMs: now - this.#since,
      })),
    )
  }
}

async function reconcile(name: string, verdict: Verdict, kept: KeptPods, context: ControllerContext): Promise<Outcome | undefined> {
  const { client, clock, events, signal } = context
  const nodes = context.informer(nodeKind)
  const pods = context.informer(podKind).cache.byIndex('node', name)
  const found = nodes.cache.get(name)
  if (!found) {
    kept.tell(name, [], context)
    await clearPodsOfMissingNode(name, pods, context)
    return undefined
  }
  let node: Node = found
  const observe = () => ({ node, suspect: verdict.suspects.has(name), mayEvict: verdict.mayEvict, now: clock.now() })

  const conditions = planConditions(observe())
  if (conditions) {
    node = await client.resource(nodeKind).update({ ...node, status: { ...node.status, conditions } }, { subresource: 'status', signal })
    events.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
  }
  await Promise.all(podsToMarkNotReady(observe(), pods).map(pod => markNotReady(pod, context)))
  const { taints, againAfterMs: taintsAfterMs } = planTaints(observe())
  if (taints) node = await client.resource(nodeKind).update({ ...node, spec: { ...node.spec, taints } }, { signal })
  if (node !== found) await nodes.reached(node.metadata.resourceVersion ?? '', signal)

  const { evict, remove, keep, againAfterMs: evictionsAfterMs } = planEvictions(observe(), pods, pod => boundBy(pod, node, context))
  await Promise.all([...evict.map(pod => deletePod(pod, context)), ...remove.map(pod => deletePod(pod, context, 0))])
  kept.tell(name, keep, context)
  for (const pod of evict) events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`)
  const next = Math.min(taintsAfterMs ?? Number.POSITIVE_INFINITY, evictionsAfterMs ?? Number.POSITIVE_INFINITY)
  return Number.isFinite(next) ? { againAfterMs: next } : undefined
}

async function markNotReady(pod: Pod, { client, clock, events, signal }: ControllerContext): Promise<void> {
  const conditions = (pod.status?.conditions ?? []).map(condition =>
    condition.type === 'Ready'
      ? { ...condition, status: 'False' as const, reason: 'NodeNotReady', lastTransitionTime: formatTime(clock.now()) }
      : condition,
  )
  try {
    await client.resource(podKind).update({ ...pod, status: { ...pod.status, conditions } }, { subresource: 'status', signal })
    events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
  } catch (error) {
    // A conflict brings a newer pod, and that brings this key back.
    if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound')) throw error
  }
}

/** Pods whose Node was deleted have nobody left to end them. A fresh read decides: the cache of nodes may be behind. */
async function clearPodsOfMissingNode(name: string, pods: readonly Pod[], context: ControllerContext): Promise<void> {
  if (pods.length === 0) return
  const fresh = await context.client
    .resource(nodeKind)
    .get({ name }, { signal: context.signal })
    .catch(error => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
  if (!fresh) await Promise.all(pods.map(pod => deletePod(pod, context, 0)))
}

async function deletePod({ metadata }: Pod, { client, signal }: ControllerContext, gracePeriodSeconds?: number): Promise<void> {
  const { name = '', namespace = '', uid = '' } = metadata
  const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
  await client
    .resource(podKind)
    .delete({ name, namespace }, { preconditions: { uid }, ...grace, signal })
    .catch(error => {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    })
}
