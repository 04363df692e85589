/** What a verdict means for a Node and its pods: pure. https://kubernetes.io/docs/concepts/architecture/nodes/#node-status */
import {
  formatTime,
  isNodeReady,
  type Node,
  type NodeCondition,
  nodeCondition,
  type Pod,
  podCondition,
  TAINTS,
  type Taint,
  type Toleration,
  tolerates,
} from '@davit/api'

export interface Observed {
  node: Node
  /** The node is silent. */
  suspect: boolean
  mayEvict: boolean
  /** Milliseconds since the epoch. */
  now: number
}

/**
 * A node whose agent lives but says it is not ready (Docker is being restarted, say) keeps its pods for so long: they may be
 * running all the while, and starting them elsewhere would be the greater harm.
 */
export const NOT_READY_PATIENCE_MS = 60_000

const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const

/** What keeps new pods away while it is true. */
const TAINT_OF: Readonly<Record<string, string>> = {
  NetworkUnavailable: TAINTS.networkUnavailable,
  MemoryPressure: TAINTS.memoryPressure,
  DiskPressure: TAINTS.diskPressure,
  PIDPressure: TAINTS.pidPressure,
}

/** The conditions a silent node gets; undefined when nothing changes. What an agent reports is left alone. */
export function planConditions({ node, suspect, now }: Observed): NodeCondition[] | undefined {
  if (!suspect) return undefined
  const conditions = node.status?.conditions ?? []
  const time = formatTime(now)
  const unknown = REPORTED.map(type => {
    const before = conditions.find(condition => condition.type === type)
    if (before?.status === 'Unknown') return before
    return {
      type,
      status: 'Unknown' as const,
      reason: before ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated',
      message: before ? 'Kubelet stopped posting node status.' : 'Kubelet never posted node status.',
      lastHeartbeatTime: before?.lastHeartbeatTime ?? node.metadata.creationTimestamp ?? time,
      lastTransitionTime: time,
    }
  })
  if (unknown.every(condition => conditions.includes(condition))) return undefined
  return [...conditions.filter(condition => !REPORTED.some(type => type === condition.type)), ...unknown]
}

/** The taints the node should carry, and when time alone changes them; `taints` is undefined when they are as they should be. */
export function planTaints(observed: Observed): { taints?: Taint[]; againAfterMs?: number } {
  const { node, suspect, mayEvict, now } = observed
  const present = node.spec?.taints ?? []
  const ready = nodeCondition(node, 'Ready')
  const wanted: Taint[] = []
  let againAfterMs: number | undefined
  const want = (key: string, effect: 'NoSchedule' | 'NoExecute') => {
    const before = present.find(taint => taint.key === key && taint.effect === effect)
    wanted.push(before ?? { key, effect, ...(effect === 'NoExecute' && { timeAdded: formatTime(now) }) })
  }
  if (suspect || ready?.status === 'Unknown') {
    want(TAINTS.unreachable, 'NoSchedule')
    const isTainted = present.some(taint => taint.key === TAINTS.unreachable && taint.effect === 'NoExecute')
    // Decided anew each time: the first of many nodes to fall silent is tainted before the others tell that the fault is ours.
    if (mayEvict && (suspect || isTainted)) want(TAINTS.unreachable, 'NoExecute')
  } else if (ready?.status !== 'True') {
    want(TAINTS.notReady, 'NoSchedule')
    const leftMs = (Date.parse(ready?.lastTransitionTime ?? '') || now) + NOT_READY_PATIENCE_MS - now
    if (leftMs <= 0 && mayEvict) want(TAINTS.notReady, 'NoExecute')
    else againAfterMs = Math.max(leftMs, 1_000)
  }
  if (node.spec?.unschedulable) want(TAINTS.unschedulable, 'NoSchedule')
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = TAINT_OF[type]
    if (key !== undefined && status === 'True') want(key, 'NoSchedule')
  }

  // Who taints a node by hand leaves the time out, and without it nobody knows when a pod has tolerated it for long enough. A whole
  // second that has not passed yet: no pod may lose a part of its time.
  const timeAdded = formatTime(Math.ceil(now / 1000) * 1000)
  const others = present
    .filter(taint => !Object.values(TAINTS).some(key => key === taint.key))
    .map(taint => (taint.effect === 'NoExecute' && taint.timeAdded === undefined ? { ...taint, timeAdded } : taint))
  const taints = [...others, ...wanted]
  const isSame = taints.length === present.length && taints.every(taint => present.includes(taint))
  return { ...(!isSame && { taints }), ...(againAfterMs !== undefined && { againAfterMs }) }
}

/** Set by an operator or a fence, who knows that the machine is down. https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/ */
export const OUT_OF_SERVICE_TAINT = 'node.kubernetes.io/out-of-service'
/** What a node carries because it is silent or says that it is not well: whether its pods still run nobody knows. */
const LOST: readonly string[] = [TAINTS.notReady, TAINTS.unreachable]

export interface Evictions {
  /** Asked to end as any deleted pod is. */
  evict: Pod[]
  /** Removed at once: their machine is known to be down, nobody is left to end them. */
  remove: Pod[]
  /** Would be evicted, but stay because of what they have on the node. */
  keep: { pod: Pod; why: string }[]
  againAfterMs?: number
}

/**
 * Pods to evict now for a NoExecute taint they do not tolerate (for longer), and when the next is due. `boundBy` says what ties a
 * pod to this node, such as data that is there only: two of it may never run, so time alone does not move it.
 */
export function planEvictions(
  { node, now }: Pick<Observed, 'node' | 'now'>,
  pods: readonly Pod[],
  boundBy: (pod: Pod) => string | undefined = () => undefined,
): Evictions {
  const plan: Evictions = { evict: [], remove: [], keep: [] }
  const all = node.spec?.taints ?? []
  const taints = all.filter(taint => taint.effect === 'NoExecute')
  const down = isNodeReady(node) ? undefined : all.find(taint => taint.key === OUT_OF_SERVICE_TAINT)
  let againAfterMs = Number.POSITIVE_INFINITY
  for (const pod of pods) {
    const tolerations = pod.spec?.tolerations ?? []
    if (down && !tolerations.some(toleration => tolerates(toleration, down))) {
      plan.remove.push(pod)
      continue
    }
    if (taints.length === 0 || pod.metadata.deletionTimestamp !== undefined) continue
    const why = boundBy(pod)
    const moving = why === undefined ? taints : taints.filter(({ key }) => !LOST.includes(key))
    const leftMs = shortestMs(tolerations, moving, now)
    if (leftMs <= 0) {
      plan.evict.push(pod)
      continue
    }
    const heldMs = why === undefined ? Number.POSITIVE_INFINITY : shortestMs(tolerations, taints, now)
    if (why !== undefined && heldMs <= 0) plan.keep.push({ pod, why })
    againAfterMs = Math.min(againAfterMs, leftMs, heldMs > 0 ? heldMs : Number.POSITIVE_INFINITY)
  }
  return { ...plan, ...(Number.isFinite(againAfterMs) && { againAfterMs }) }
}

function shortestMs(tolerations: readonly Toleration[], taints: readonly Taint[], now: number): number {
  return Math.min(...taints.map(taint => toleratedMs(tolerations, taint, now)))
}

/** How much longer the pod stands the taint: 0 when not at all, Infinity when for good. Its first toleration that matches counts. */
function toleratedMs(tolerations: readonly Toleration[], taint: Taint, now: number): number {
  const found = tolerations.find(toleration => tolerates(toleration, taint))
  if (!found) return 0
  if (found.tolerationSeconds === undefined) return Number.POSITIVE_INFINITY
  const since = Date.parse(taint.timeAdded ?? '') || now
  return Math.max(0, since + Math.max(0, found.tolerationSeconds) * 1000 - now)
}

/** Pods on a silent node that still count as ready: nobody can know, so they must not get traffic. */
export function podsToMarkNotReady({ node, suspect }: Pick<Observed, 'node' | 'suspect'>, pods: readonly Pod[]): Pod[] {
  const isLost = suspect || nodeCondition(node, 'Ready')?.status === 'Unknown'
  return isLost ? pods.filter(pod => podCondition(pod, 'Ready')?.status === 'True') : []
}
