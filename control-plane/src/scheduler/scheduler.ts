/** Gives every pending pod a node: places by what nodes report and pods request, assumes at once, binds in the background. */

import { isDeepStrictEqual } from 'node:util'
import {
  type Client,
  type Clock,
  createEventRecorder,
  type EventRecorder,
  formatTime,
  type Informer,
  isPodFinished,
  isReason,
  key as keyOf,
  type Logger,
  type Node,
  nodeCondition,
  nodeKind,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podCondition,
  podKind,
  type StorageClass,
  startInformer,
  storageClassKind,
  UNSUITABLE_IMAGES,
} from '@davit/api'
import { ClusterState } from './node-info.ts'
import { PendingPods } from './pending-pods.ts'
import { place } from './place.ts'
import { gatherVolumes, type VolumeChoice } from './pod-volumes.ts'
import { VolumeBinder } from './volume-binder.ts'

export interface SchedulerOptions {
  client: Client
  clock: Clock
  log: Logger
  signal: AbortSignal
  /** Breaks ties, 0 to 1. */
  random?: () => number
}

const SCHEDULER_NAME = 'default-scheduler'
/** Bindings on their way at once. */
const BINDINGS_MAX = 32
/** The event loop gets a turn after so long, milliseconds. */
const SLICE_MS = 5

/** Schedules until `signal` aborts; settles once every binding under way has. */
export async function startScheduler(options: SchedulerOptions): Promise<void> {
  const { client, clock, log, signal } = options
  const pods = startInformer(client, podKind, { signal, log, clock })
  const nodes = startInformer(client, nodeKind, { signal, log, clock })
  const storage = {
    claims: startInformer(client, persistentVolumeClaimKind, { signal, log, clock }),
    volumes: startInformer(client, persistentVolumeKind, { signal, log, clock }),
    classes: startInformer(client, storageClassKind, { signal, log, clock }),
  }
  await Promise.all([pods, nodes, ...Object.values(storage)].map(({ synced }) => synced))
  const events = createEventRecorder(client, { component: SCHEDULER_NAME, clock, log, signal })
  await new Scheduler(options, { pods, nodes, ...storage }, events).run()
}

interface Informers {
  pods: Informer<Pod>
  nodes: Informer<Node>
  claims: Informer<PersistentVolumeClaim>
  volumes: Informer<PersistentVolume>
  classes: Informer<StorageClass>
}

class Scheduler {
  readonly #options: SchedulerOptions
  readonly #pods: Informer<Pod>
  readonly #events: EventRecorder
  readonly #state = new ClusterState()
  readonly #pending: PendingPods
  /** Pods we decided on whose binding the informer has not shown yet. */
  readonly #assumed = new Set<string>()
  readonly #bindings = new Set<Promise<void>>()
  readonly #volumes: VolumeBinder
  /** Pods that have a node chosen and wait for their volumes; they take no binding's place. */
  readonly #preparing = new Set<Promise<void>>()
  #wake: () => void = () => {}

  constructor(options: SchedulerOptions, { pods, nodes, claims, volumes, classes }: Informers, events: EventRecorder) {
    this.#options = options
    this.#pods = pods
    this.#volumes = new VolumeBinder({ ...options, claims, volumes, classes, placedPods: () => this.#placedPods() })
    this.#events = events
    this.#pending = new PendingPods(options.clock)
    nodes.onChange(({ type, object, old }) => {
      if (type === 'deleted') return this.#state.removeNode(object.metadata.name ?? '')
      this.#state.setNode(object)
      if (!old || mayHelp(object, old)) this.#retry()
    })
    pods.onChange(({ type, object }) => {
      this.#podChanged(object, type === 'deleted')
      if (this.#preparing.size > 0) this.#volumes.changed()
    })
    // Whatever becomes of claims, volumes and classes may be what a pod waits for.
    claims.onChange(() => this.#retry())
    volumes.onChange(() => this.#retry())
    classes.onChange(() => this.#retry())
  }

  async run(): Promise<void> {
    const { clock, signal } = this.#options
    while (!signal.aborted) {
      const due = this.#bindings.size < BINDINGS_MAX ? this.#pending.due() : []
      await this.#schedule(due)
      if (signal.aborted) break
      const changed = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      const waitMs = this.#bindings.size < BINDINGS_MAX ? this.#pending.nextMs() : Number.POSITIVE_INFINITY
      if (waitMs <= 0) continue
      const over = new AbortController()
      const timer = clock.sleep(Math.min(waitMs, 60_000), AbortSignal.any([signal, over.signal])).catch(() => {})
      await Promise.race([changed, timer])
      over.abort()
    }
    await Promise.all([...this.#bindings, ...this.#preparing])
  }

  #podChanged(pod: Pod, deleted: boolean): void {
    const uid = pod.metadata.uid ?? ''
    if (deleted || isPodFinished(pod)) {
      this.#pending.remove(uid)
      this.#assumed.delete(uid)
      this.#state.removePod(uid)
      if (pod.spec.nodeName) this.#retry()
    } else if (pod.spec.nodeName) {
      this.#pending.remove(uid)
      this.#assumed.delete(uid)
      this.#state.setPod(pod, pod.spec.nodeName)
    } else if (isOurs(pod) && !this.#assumed.has(uid)) {
      this.#pending.set(pod)
      this.#wake()
    } else if (!isOurs(pod)) this.#pending.remove(uid)
  }

  #retry(): void {
    this.#pending.wake()
    this.#wake()
  }

  async #schedule(due: readonly Pod[]): Promise<void> {
    const { clock, signal, random = Math.random } = this.#options
    let sliceEnd = clock.monotonic() + SLICE_MS
    for (const pod of due) {
      if (signal.aborted || this.#bindings.size >= BINDINGS_MAX) return
      if (clock.monotonic() > sliceEnd) {
        await new Promise(setImmediate)
        sliceEnd = clock.monotonic() + SLICE_MS
      }
      // The pod may have been deleted, or bound by someone else, while the loop gave way.
      const current = this.#pods.cache.get(keyOf(pod))
      if (!current || current.metadata.uid !== pod.metadata.uid || !isOurs(current)) continue
      const volumes = gatherVolumes(current, this.#volumes.view())
      if ('refused' in volumes) {
        if (volumes.soon) this.#pending.park(pod.metadata.uid ?? '')
        else this.#pending.failed(pod.metadata.uid ?? '')
        this.#track(this.#refuse(current, `0/${this.#state.size} nodes are available: ${volumes.refused}.`))
        continue
      }
      const placement = place(current, [...this.#state.nodes()], random, volumes)
      if (placement.node === undefined) {
        this.#pending.failed(pod.metadata.uid ?? '')
        this.#track(this.#refuse(current, placement.message))
        continue
      }
      this.#assume(current, placement.node)
      const node = this.#state.get(placement.node)?.node
      const choice = node && volumes.choose(node)
      if (choice && choice.bind.length + choice.provision.length > 0) this.#prepare(current, placement.node, choice)
      else this.#track(this.#bind(current, placement.node))
    }
  }

  #track(work: Promise<void>, among = this.#bindings): void {
    const tracked = work.finally(() => {
      among.delete(tracked)
      this.#wake()
    })
    among.add(tracked)
  }

  /** Binds the pod's claims, then the pod. */
  #prepare(pod: Pod, node: string, choice: VolumeChoice): void {
    const isWanted = () => {
      const current = this.#pods.cache.get(keyOf(pod))
      return current?.metadata.uid === pod.metadata.uid && current !== undefined && isOurs(current)
    }
    const { log, signal } = this.#options
    const work = this.#volumes.bind(pod, node, choice, isWanted).then(
      () => this.#track(this.#bind(pod, node)),
      err => {
        if (signal.aborted) return
        // Decided on what was no longer so: the pod is placed anew.
        const isOutdated = isReason(err, 'Conflict') || isReason(err, 'NotFound') || !isWanted()
        if (!isOutdated) {
          log.warn({ pod: keyOf(pod), node, err }, 'Cannot bind volumes')
          const why = `running PreBind plugin "VolumeBinding": binding volumes: ${(err as Error).message}`
          this.#events.event(pod, 'Warning', 'FailedScheduling', why)
        }
        this.#unassume(pod)
      },
    )
    this.#track(work, this.#preparing)
  }

  *#placedPods(): Generator<Pod> {
    for (const { pods } of this.#state.nodes()) yield* pods.values()
  }

  #assume(pod: Pod, node: string): void {
    const uid = pod.metadata.uid ?? ''
    this.#pending.remove(uid)
    this.#assumed.add(uid)
    this.#state.setPod(pod, node)
  }

  async #bind(pod: Pod, node: string): Promise<void> {
    const { client, log, signal } = this.#options
    const { name = '', namespace = '', uid = '' } = pod.metadata
    try {
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: node },
      }
      await client.resource(podKind).post({ name, namespace }, 'binding', binding, { signal })
      this.#events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`)
    } catch (err) {
      if (signal.aborted) return
      if (!isReason(err, 'NotFound') && !isReason(err, 'Conflict')) log.warn({ pod: keyOf(pod), node, err }, 'Cannot bind')
      this.#unassume(pod)
    }
  }

  /** The binding failed: what the informer knows counts again. */
  #unassume(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    if (!this.#assumed.delete(uid)) return
    this.#state.removePod(uid)
    const current = this.#pods.cache.get(keyOf(pod))
    if (current?.metadata.uid !== uid) return
    this.#podChanged(current, false)
    this.#pending.failed(uid)
    this.#pending.wake()
  }

  async #refuse(pod: Pod, message: string): Promise<void> {
    const { client, clock, log, signal } = this.#options
    this.#events.event(pod, 'Warning', 'FailedScheduling', message)
    const before = podCondition(pod, 'PodScheduled')
    const said = { type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable', message }
    if (before && isDeepStrictEqual({ type: before.type, status: before.status, reason: before.reason, message: before.message }, said))
      return
    const { name = '', namespace = '', uid = '' } = pod.metadata
    const lastTransitionTime = before?.status === 'False' && before.lastTransitionTime ? before.lastTransitionTime : formatTime(clock.now())
    const body = { metadata: { uid }, status: { conditions: [{ ...said, lastTransitionTime }] } }
    await client
      .resource(podKind)
      .patch({ name, namespace }, { type: 'strategic', body }, { subresource: 'status', signal })
      .catch(err => {
        if (!signal.aborted && !isReason(err, 'NotFound') && !isReason(err, 'Conflict'))
          log.warn({ pod: keyOf(pod), err }, 'Cannot note why a pod has no node')
      })
  }
}

function isOurs({ metadata, spec }: Pod): boolean {
  return (
    !spec.nodeName &&
    metadata.deletionTimestamp === undefined &&
    (spec.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME &&
    (spec.schedulingGates ?? []).length === 0
  )
}

/** Heartbeats change nothing for a pod that did not fit; these do. */
function mayHelp(node: Node, old: Node): boolean {
  const ready = (each: Node) => nodeCondition(each, 'Ready')?.status
  return (
    ready(node) !== ready(old) ||
    node.spec?.unschedulable !== old.spec?.unschedulable ||
    !isDeepStrictEqual(node.spec?.taints, old.spec?.taints) ||
    !isDeepStrictEqual(node.metadata.labels, old.metadata.labels) ||
    node.metadata.annotations?.[UNSUITABLE_IMAGES] !== old.metadata.annotations?.[UNSUITABLE_IMAGES] ||
    !isDeepStrictEqual(node.status?.allocatable, old.status?.allocatable)
  )
}
