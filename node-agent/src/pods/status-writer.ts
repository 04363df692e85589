/** Reports pods' statuses to the API: only the latest of each pod, again and again until it lands. */
import { isDeepStrictEqual } from 'node:util'
import {
  type Client,
  type Clock,
  deadlineSignal,
  isNewer,
  isReason,
  type Logger,
  type Pod,
  type PodStatus,
  podKind,
  runController,
  WorkQueue,
} from '@davit/api'
import { failpoint } from '../failpoints/index.ts'
import { RESIZE_CONDITIONS } from './status.ts'

const WRITES_AT_ONCE = 8
/** That a pod is being started is told when it takes longer than this: most run before, and cost one write. */
const STARTING_MS = 3_000
/** Where many are in line it waits until none is being started, at most so long. */
const IN_LINE_MS = { max: 10_000, look: 500 }

interface Entry {
  pod: Pod
  status: PodStatus
  /** Monotonic milliseconds since when there is something to tell. */
  since: number
  waiting: (() => void)[]
}

export class StatusWriter {
  readonly #client: Client
  readonly #queue: WorkQueue
  readonly #entries = new Map<string, Entry>()
  /** resourceVersion and status of our newest write, by uid: the informer may not show it yet. */
  readonly #written = new Map<string, { resourceVersion: string; status: PodStatus }>()
  readonly stopped: Promise<void>
  readonly #clock: Clock
  readonly #isBusy: () => boolean

  /** `isBusy`: true while pods are being started. */
  constructor(client: Client, { isBusy, clock, log, signal }: { isBusy: () => boolean; clock: Clock; log: Logger; signal: AbortSignal }) {
    this.#client = client
    this.#clock = clock
    this.#isBusy = isBusy
    this.#queue = new WorkQueue({ clock, backoffMs: { min: 100, max: 10_000 } })
    this.stopped = runController(this.#queue, (uid, stop) => this.#write(uid, stop), { log, signal, workers: WRITES_AT_ONCE })
  }

  /** Writes `status` unless the API already shows it. `pod` is the pod as the API last showed it. */
  set(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? ''
    const pending = this.#entries.get(uid)
    if (!pending && this.#isShown(pod, status)) return
    if (pending && isDeepStrictEqual(pending.status, status)) {
      pending.pod = pod
      return
    }
    this.#entries.set(uid, { pod, status, since: pending?.since ?? this.#clock.monotonic(), waiting: pending?.waiting ?? [] })
    if (isMerelyStarting(status)) this.#queue.addAfter(uid, STARTING_MS)
    else this.#queue.add(uid)
  }

  /** Resolves once the latest status has landed or can land no more, and in any case with `signal`. */
  async flushed(uid: string, signal: AbortSignal): Promise<void> {
    const entry = this.#entries.get(uid)
    if (!entry || signal.aborted) return
    // A status that may wait otherwise does not hold up the pod's end.
    this.#queue.add(uid)
    await new Promise<void>(resolve => {
      entry.waiting.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  #isShown(pod: Pod, status: PodStatus): boolean {
    const written = this.#written.get(pod.metadata.uid ?? '')
    const isBehind = written !== undefined && isNewer(written.resourceVersion, pod.metadata.resourceVersion ?? '')
    return shows(isBehind ? written.status : pod.status, status)
  }

  forget(uid: string): void {
    this.#written.delete(uid)
    this.#settle(uid)
  }

  async #write(uid: string, signal: AbortSignal): Promise<undefined> {
    const entry = this.#entries.get(uid)
    if (!entry) return
    const { pod, status, since, waiting } = entry
    const isInLine = waiting.length === 0 && isMerelyStarting(status) && this.#isBusy()
    if (isInLine && this.#clock.monotonic() - since < IN_LINE_MS.max) {
      this.#queue.addAfter(uid, IN_LINE_MS.look)
      return
    }
    const { name = '', namespace = '' } = pod.metadata
    try {
      const deadline = deadlineSignal(15_000, signal)
      const body = { metadata: { uid }, status: patchOf(pod.status, status) }
      const written = await this.#client
        .resource(podKind)
        .patch({ name, namespace }, { type: 'strategic', body }, { subresource: 'status', signal: deadline })
      this.#written.set(uid, { resourceVersion: written.metadata.resourceVersion ?? '', status: written.status ?? {} })
      await failpoint('pods.start.status-written')
    } catch (err) {
      // Gone, or another pod of that name: there is nobody to report on.
      if (!isReason(err, 'NotFound') && !isReason(err, 'Conflict')) throw err
    }
    if (this.#entries.get(uid) !== entry) return undefined
    // While this was on its way another's write over it may have been shown already; nothing else would tell.
    if (entry.pod !== pod && !this.#isShown(entry.pod, status)) this.#queue.add(uid)
    else this.#settle(uid)
    return undefined
  }

  #settle(uid: string): void {
    const entry = this.#entries.get(uid)
    this.#entries.delete(uid)
    for (const resolve of entry?.waiting ?? []) resolve()
  }
}

/** True while there is nothing to say but that it is on its way. */
function isMerelyStarting({
  phase,
  initContainerStatuses = [],
  containerStatuses = [],
  ephemeralContainerStatuses = [],
}: PodStatus): boolean {
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]
  return phase === 'Pending' && all.every(({ state, restartCount }) => restartCount === 0 && isStarting(state?.waiting))
}

function isStarting(waiting: { reason?: string; message?: string } | undefined): boolean {
  return (waiting?.reason === 'ContainerCreating' || waiting?.reason === 'PodInitializing') && waiting.message === undefined
}

/** True when nothing we say differs from what is shown. */
export function shows(shown: PodStatus | undefined, status: PodStatus): boolean {
  if (!shown) return false
  return isDeepStrictEqual(ownFields(shown, status), ownFields(status, status))
}

const OWN = [
  'phase',
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'qosClass',
  'containerStatuses',
  'observedGeneration',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const

function ownFields(from: PodStatus, like: PodStatus): unknown {
  const types = new Set([...(like.conditions ?? []).map(({ type }) => type), ...RESIZE_CONDITIONS])
  const conditions = (from.conditions ?? [])
    .filter(({ type }) => types.has(type))
    .map(({ type, status, reason, message, lastTransitionTime, observedGeneration }) => ({
      type,
      status,
      reason,
      message,
      lastTransitionTime,
      observedGeneration,
    }))
    .sort((a, b) => a.type.localeCompare(b.type))
  return { ...Object.fromEntries(OWN.map(field => [field, from[field]])), conditions }
}

/** What is no longer said is taken away; the address list is replaced, not merged. */
function patchOf(shown: PodStatus | undefined, status: PodStatus): Record<string, unknown> {
  const patch: Record<string, unknown> = { ...status }
  for (const field of OWN) if (shown?.[field] !== undefined && status[field] === undefined) patch[field] = null
  for (const field of ['podIPs', 'hostIPs'] as const) {
    const list = status[field]
    if (list && shown?.[field] && !isDeepStrictEqual(list, shown[field])) patch[field] = [{ $patch: 'replace' }, ...list]
  }
  // A reason or message that went away must not stay in the merged condition.
  const said = new Set(status.conditions?.map(({ type }) => type))
  const over = (shown?.conditions ?? []).filter(({ type }) => RESIZE_CONDITIONS.includes(type) && !said.has(type))
  patch.conditions = [
    ...(status.conditions ?? []).map(condition => ({ reason: null, message: null, ...condition })),
    ...over.map(({ type }) => ({ $patch: 'delete', type })),
  ]
  return patch
}
