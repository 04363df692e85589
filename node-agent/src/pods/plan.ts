/**
 * What to do next so that a pod's containers become what its spec asks for: a pure function of what is wanted, what Docker shows,
 * what is remembered and the time. Long work (pulls, starts, stops) runs as named tasks; the plan sees which are under way.
 */
import type { ContainerInfo, LimitsUpdate } from '../docker/index.ts'
import { SANDBOX } from '../docker/index.ts'
import type { Checkpoint, ContainerRecord } from './checkpoint.ts'
import { crashesAfter, hasOtherImage, networkShape, restartDelayMs, type SpecContainer, specContainers } from './containers.ts'
import type { Refusal } from './node-admission.ts'
import { resizeOf } from './resize.ts'

/** A start that failed and when it may be tried again. */
export interface StartProblem {
  reason: string
  message: string
  failures: number
  /** Monotonic milliseconds. */
  since: number
  retryAt: number
}

/** What the probes of a running container say. */
export interface ProbeState {
  started: boolean
  ready: boolean
  /** Set when it must be restarted: the words of the event. */
  failed?: string
  /** Own grace of the probe that failed. */
  graceSeconds?: number
}

export interface Observed {
  readonly checkpoint: Checkpoint
  /** The pod is to be stopped: being deleted, or gone from the API. */
  readonly leaving: boolean
  /** Address given, directories and volumes there. */
  readonly prepared: boolean
  /** The pod's containers as Docker shows them, oldest attempt first. */
  readonly containers: readonly ContainerInfo[]
  /** Names of tasks under way: `prepare`, `sandbox`, `terminate`, `finish`, `start:<container>`, `stop:<id>`. */
  readonly busy: ReadonlySet<string>
  /** By name of the task that failed. */
  readonly problems: ReadonlyMap<string, StartProblem>
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeState>
  /** When an ended attempt was seen to have ended, monotonic, by container id. */
  readonly endedAt: ReadonlyMap<string, number>
  /** Monotonic milliseconds. */
  readonly now: number
  /** Milliseconds until the pod's activeDeadlineSeconds have passed. */
  readonly deadlineInMs: number | undefined
  /** Why this node may not run the pod, of which nothing has begun. */
  readonly refusal?: Refusal | undefined
}

export type Network = { from: 'own' } | { from: 'host' } | { from: 'container'; id: string }

export type Action =
  | { kind: 'prepare' }
  | { kind: 'start-sandbox'; attempt: number }
  | { kind: 'start-container'; name: string; attempt: number; network: Network }
  /** `rerun`: it is started again whatever the restart policy says, and without back-off. */
  | { kind: 'stop-container'; id: string; name: string; why: string; graceSeconds?: number; rerun?: true }
  | { kind: 'update-container'; id: string; name: string; limits: LimitsUpdate; label: string }
  | { kind: 'remove-container'; id: string }
  /** Stops everything that runs, with drain, hooks and grace. */
  | { kind: 'terminate' }
  /** The pod has ended for good. */
  | { kind: 'conclude'; phase: 'Succeeded' | 'Failed'; reason?: string; message?: string; isRefused?: true }
  /** Takes away what is left of a stopped pod, here and in the API. */
  | { kind: 'finish' }
  | { kind: 'again'; afterMs: number }

export function planPod(observed: Observed): Action[] {
  const { checkpoint, busy, leaving } = observed
  if (busy.has('terminate') || busy.has('finish')) return []
  if (leaving) return planLeaving(observed)
  if (checkpoint.final) return planConcluded(observed)
  const ending = endingOf(observed)
  if (ending) return [ending]
  return planRunning(observed)
}

function planLeaving({ containers, busy, problems, now }: Observed): Action[] {
  if (containers.some(({ state }) => state === 'running')) return retried(problems.get('terminate'), now, { kind: 'terminate' })
  // A start under way may yet bring one to life: its end wakes this plan again.
  return busy.size > 0 ? [] : retried(problems.get('finish'), now, { kind: 'finish' })
}

/** Ended for good: nothing runs any more, its containers stay for their logs. */
function planConcluded({ containers, busy, problems, now }: Observed): Action[] {
  const running = containers.filter(({ state }) => state === 'running')
  if (running.some(({ container }) => container !== SANDBOX)) return retried(problems.get('terminate'), now, { kind: 'terminate' })
  if (busy.size > 0) return []
  return containers.filter(({ container }) => container === SANDBOX).map(({ id }) => ({ kind: 'remove-container', id }))
}

/** Whether all that was to be done is done, by the restart policy, or its time is up. */
function endingOf({ checkpoint, deadlineInMs, refusal }: Observed): Action | undefined {
  const { pod, records } = checkpoint
  if (refusal) return { kind: 'conclude', phase: 'Failed', ...refusal, isRefused: true }
  if (deadlineInMs !== undefined && deadlineInMs <= 0) {
    const message = 'Pod was active on the node longer than the specified deadline'
    return { kind: 'conclude', phase: 'Failed', reason: 'DeadlineExceeded', message }
  }
  const policy = pod.spec.restartPolicy ?? 'Always'
  if (policy === 'Always') return undefined
  const failedInit = specContainers(pod).find(({ role, spec }) => role === 'init' && (records[spec.name]?.ended?.exitCode ?? 0) !== 0)
  if (failedInit && policy === 'Never') return { kind: 'conclude', phase: 'Failed' }
  const ends = pod.spec.containers.map(({ name }) => (records[name]?.rerun ? undefined : records[name]?.ended))
  if (ends.some(ended => !ended)) return undefined
  const succeeded = ends.every(ended => ended?.exitCode === 0)
  if (policy === 'OnFailure' && !succeeded) return undefined
  return { kind: 'conclude', phase: succeeded ? 'Succeeded' : 'Failed' }
}

function planRunning(observed: Observed): Action[] {
  const { checkpoint, containers, busy, prepared, problems, now } = observed
  const actions: Action[] = []
  const shape = networkShape(checkpoint.pod)
  const anchor = shape === 'host' ? undefined : anchorOf(containers)

  const stops = planStops(observed, anchor)
  actions.push(...stops)
  const stopping = new Set(stops.map(stop => (stop.kind === 'stop-container' ? stop.name : '')))

  const { starts, afterMs } = startable(observed)
  const wanted = starts.filter(({ spec }) => !stopping.has(spec.name))
  actions.push(...planUpdates(observed, stopping), ...planRemovals(observed))
  if (afterMs !== undefined) actions.push({ kind: 'again', afterMs })
  if (observed.deadlineInMs !== undefined) actions.push({ kind: 'again', afterMs: observed.deadlineInMs })
  if (wanted.length === 0) return actions

  if (!prepared) {
    if (!busy.has('prepare')) actions.push(...retried(problems.get('prepare'), now, { kind: 'prepare' }))
    return actions
  }
  if (shape !== 'host' && !anchor && !isFirstOfOwn(observed, shape, wanted)) {
    if (!busy.has('sandbox')) {
      actions.push(...retried(problems.get('sandbox'), now, { kind: 'start-sandbox', attempt: checkpoint.sandboxAttempt + 1 }))
    }
    return actions
  }
  for (const { spec, attempt } of wanted) {
    const network: Network = shape === 'host' ? { from: 'host' } : anchor ? { from: 'container', id: anchor.id } : { from: 'own' }
    actions.push(...retried(problems.get(`start:${spec.name}`), now, { kind: 'start-container', name: spec.name, attempt, network }))
  }
  return actions
}

/** The first attempt of a pod's only container holds the network itself, unless something else was there before it. */
function isFirstOfOwn({ checkpoint, busy }: Observed, shape: 'own' | 'sandbox', wanted: readonly Start[]): boolean {
  if (shape !== 'own' || checkpoint.sandboxAttempt >= 0 || busy.has('sandbox')) return false
  const first = wanted.find(({ role }) => role === 'main')
  return wanted.length === 1 && first?.attempt === 0
}

/** The running container whose network namespace the pod's others join. */
export function anchorOf(containers: readonly ContainerInfo[]): ContainerInfo | undefined {
  const running = containers.filter(({ state }) => state === 'running')
  const sandbox = running.findLast(({ container }) => container === SANDBOX)
  return sandbox ?? running.find(({ networkMode }) => networkMode !== 'host' && !networkMode.startsWith('container:'))
}

interface Start extends SpecContainer {
  attempt: number
}

/** Containers that should be started now, and after how long another one should. */
function startable(observed: Observed): { starts: Start[]; afterMs?: number } {
  const { checkpoint, busy, containers, probes } = observed
  const { pod, records } = checkpoint
  const starts: Start[] = []
  const delays: number[] = []
  const consider = (container: SpecContainer, restarts: boolean, rerun = false) => {
    const { name } = container.spec
    const record = records[name]
    if (busy.has(`start:${name}`) || (record && !record.ended)) return
    if (containers.some(c => c.container === name && c.state === 'running')) return
    const isRerun = rerun || record?.rerun === true
    if (record?.ended && !restarts && !isRerun) return
    const delayMs = isRerun ? 0 : restartInMs(record, observed)
    if (delayMs > 0) delays.push(delayMs)
    else starts.push({ ...container, attempt: record ? record.attempt + 1 : 0 })
  }

  const policy = pod.spec.restartPolicy ?? 'Always'
  const all = specContainers(pod)
  // Once the containers run their init containers are history, whatever sandbox they ran in.
  const begun = all.some(({ role, spec }) => role === 'main' && records[spec.name] && !records[spec.name]?.ended)
  let initialized = true
  let held = false
  for (const container of all) {
    const record = records[container.spec.name]
    const failed = record?.ended !== undefined && record.ended.exitCode !== 0
    if (container.role === 'init') {
      if (begun || !initialized) continue
      const stale =
        record !== undefined &&
        networkShape(pod) !== 'host' &&
        anchorOf(containers) !== undefined &&
        record.sandbox !== checkpoint.sandboxAttempt
      if (record?.ended?.exitCode === 0 && !stale) continue
      initialized = false
      consider(container, failed && policy !== 'Never', stale)
    } else if (container.role === 'sidecar') {
      if (!initialized) continue
      consider(container, true)
      if (begun) continue
      // What comes after a sidecar waits until it has started.
      const running = containers.find(({ id, state }) => id === record?.containerId && state === 'running')
      const isHooked = container.spec.lifecycle?.postStart !== undefined && busy.has(`start:${container.spec.name}`)
      initialized = running !== undefined && !isHooked && (probes.get(running.id)?.started ?? false)
    } else if (container.role === 'ephemeral') consider(container, false)
    else if (initialized && !held) {
      consider(container, policy === 'Always' || (policy === 'OnFailure' && failed))
      held = holdsOthers(container, starts, observed)
    }
  }
  return delays.length > 0 ? { starts, afterMs: Math.min(...delays) } : { starts }
}

/** What comes after a container with a postStart hook is started when the hook has ended: proxies hold applications back so. */
function holdsOthers({ spec }: SpecContainer, starts: readonly Start[], { busy, problems, now }: Observed): boolean {
  if (!spec.lifecycle?.postStart) return false
  if (busy.has(`start:${spec.name}`)) return true
  const waits = (problems.get(`start:${spec.name}`)?.retryAt ?? now) > now
  return !waits && starts.some(start => start.spec.name === spec.name)
}

/** Milliseconds until an ended container may be started again; not positive when it may now. */
export function restartInMs(record: ContainerRecord | undefined, { endedAt, now }: Pick<Observed, 'endedAt' | 'now'>): number {
  if (!record?.ended) return 0
  const since = endedAt.get(record.containerId) ?? now
  return since + restartDelayMs(crashesAfter(record.crashes, record.ended)) - now
}

/** Running containers that must not run on as they are. */
function planStops({ checkpoint, containers, busy, probes, problems, now }: Observed, anchor: ContainerInfo | undefined): Action[] {
  const stops: Action[] = []
  for (const info of containers) {
    if (info.state !== 'running' || info.container === SANDBOX || busy.has(`stop:${info.id}`)) continue
    const restart = resizeOf(checkpoint, info)?.how === 'restart'
    const why =
      whyStop(checkpoint, info, { probe: probes.get(info.id), anchor }) ??
      (restart ? `Container ${info.container} resize requires restart` : undefined)
    if (!why) continue
    const graceSeconds = probes.get(info.id)?.graceSeconds
    const stop: Action = {
      kind: 'stop-container',
      id: info.id,
      name: info.container,
      why,
      ...(graceSeconds !== undefined && { graceSeconds }),
      ...(restart && { rerun: true }),
    }
    stops.push(...retried(problems.get(`stop:${info.id}`), now, stop))
  }
  return stops
}

function planUpdates({ checkpoint, containers, busy, problems, now }: Observed, stopping: ReadonlySet<string>): Action[] {
  return containers.flatMap(info => {
    if (stopping.has(info.container) || busy.has(`update:${info.id}`)) return []
    const step = resizeOf(checkpoint, info)
    if (step?.how !== 'update') return []
    const { limits, label } = step
    return retried(problems.get(`update:${info.id}`), now, { kind: 'update-container', id: info.id, name: info.container, limits, label })
  })
}

function whyStop(
  { pod, records }: Checkpoint,
  info: ContainerInfo,
  { probe, anchor }: { probe: ProbeState | undefined; anchor: ContainerInfo | undefined },
): string | undefined {
  const found = specContainers(pod).find(({ spec }) => spec.name === info.container)
  if (!found) return `Container ${info.container} is not part of the pod any more`
  const record = records[info.container]
  if (record && record.containerId !== info.id) return `Container ${info.container} was replaced by attempt ${record.attempt}`
  if (record?.ended) return `Container ${info.container} had ended before`
  if (hasOtherImage(info.hash, found.spec.image ?? '')) return `Container ${info.container} definition changed, will be restarted`
  if (probe?.failed) return probe.failed
  const joined = info.networkMode.startsWith('container:') ? info.networkMode.slice('container:'.length) : undefined
  // Its network namespace is nobody's any more: it can be reached only after a restart.
  if (joined && joined !== anchor?.id && found.role !== 'ephemeral') return 'Pod sandbox changed, it will be killed and re-created.'
  return undefined
}

/** Of each container the newest attempt and the one before stay, for their logs; dead sandboxes go. */
function planRemovals({ checkpoint, containers, busy }: Observed): Action[] {
  const removals: Action[] = []
  for (const info of containers) {
    if (info.state === 'running') continue
    if (info.container === SANDBOX) {
      if (!busy.has('sandbox')) removals.push({ kind: 'remove-container', id: info.id })
      continue
    }
    const newest = checkpoint.records[info.container]?.attempt
    if (newest !== undefined && info.attempt < newest - 1) removals.push({ kind: 'remove-container', id: info.id })
  }
  return removals
}

function retried(problem: StartProblem | undefined, now: number, action: Action): Action[] {
  return problem && problem.retryAt > now ? [{ kind: 'again', afterMs: problem.retryAt - now }] : [action]
}
