/** A pod's status from what is known of it: what `kubectl get pods` and `describe` show. Pure. */
import {
  type Container,
  type ContainerState,
  type ContainerStateTerminated,
  type ContainerStatus,
  formatTime,
  type Pod,
  type PodCondition,
  type PodPhase,
  type PodStatus,
  podQosClass,
} from '@davit/api'
import { type ContainerInfo, SANDBOX } from '../docker/index.ts'
import type { Checkpoint, ContainerRecord, Ended } from './checkpoint.ts'
import { crashesAfter, networkShape, restartDelayMs, type SpecContainer, specContainers } from './containers.ts'
import { anchorOf, type Observed, restartInMs } from './plan.ts'
import { limitsInForce, resizeOf, shownResources } from './resize.ts'

export interface StatusInput extends Observed {
  /** What the API shows; conditions that others set are kept. */
  readonly current: PodStatus | undefined
  readonly hostIp: string
  /** Wall clock. */
  readonly wallNow: number
  /** By image id: how the image is called in `imageID`. */
  readonly imageIds: ReadonlyMap<string, string>
}

/** How long an image error shows its first name before it is called a back-off. */
const FIRST_ERROR_MS = 1_500
/** Of all last words of a pod's containers together. */
const MESSAGE_BYTES_MAX = 12 * 1024
/** What an image error is called after that time. */
export const BACKING_OFF: Readonly<Record<string, string>> = { ErrImagePull: 'ImagePullBackOff', RegistryUnavailable: 'ImagePullBackOff' }

export function podStatus(input: StatusInput): PodStatus {
  const { checkpoint, hostIp } = input
  const { pod, final } = checkpoint
  // Of a pod that was refused nothing waits to be started.
  const containers = final?.isRefused ? [] : specContainers(pod)
  const bytesMax = Math.floor(MESSAGE_BYTES_MAX / Math.max(1, containers.length))
  const all = containers.map(container => ({ container, status: withShortWords(containerStatus(container, input), bytesMax) }))
  const of = (...roles: string[]) => all.filter(({ container }) => roles.includes(container.role)).map(({ status }) => status)
  const [init, main, ephemeral] = [of('init', 'sidecar'), of('main'), of('ephemeral')]
  const initialized = isInitialized(all)
  const address = pod.spec.hostNetwork ? hostIp : input.prepared || checkpoint.status?.podIP ? checkpoint.address : undefined
  const generation = pod.metadata.generation
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase: phaseOf(input, main, initialized),
    conditions: conditionsOf(input, { all, main, initialized }),
    // As in Kubernetes: why it ended is told once it has.
    ...(final?.reason && !isStillRunning(input.containers) && { reason: final.reason }),
    ...(final?.message && !isStillRunning(input.containers) && { message: final.message }),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(address && { podIP: address, podIPs: [{ ip: address }] }),
    startTime: formatTime(checkpoint.startedAt),
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...(main.length > 0 && { containerStatuses: main }),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    qosClass: podQosClass(pod),
  }
}

function phaseOf({ checkpoint, leaving, containers }: StatusInput, main: ContainerStatus[], initialized: boolean): PodPhase {
  // Whoever sees that a pod has ended takes it that nothing of it runs any more, sidecars included.
  if (checkpoint.final && !isStillRunning(containers)) return checkpoint.final.phase
  const ends = main.map(({ state, lastState }) => state?.terminated ?? lastState?.terminated)
  const runs = isStillRunning(containers)
  if (leaving && !runs && ends.every(ended => ended)) return ends.every(ended => ended?.exitCode === 0) ? 'Succeeded' : 'Failed'
  const begun = main.every(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated)
  return initialized && begun ? 'Running' : 'Pending'
}

function isStillRunning(containers: readonly ContainerInfo[]): boolean {
  return containers.some(({ state, container }) => state === 'running' && container !== SANDBOX)
}

interface Shown {
  container: SpecContainer
  status: ContainerStatus
}

function isInitialized(all: readonly Shown[]): boolean {
  // Once a container has run its pod stays initialized, whatever becomes of its sidecars.
  const hasRun = ({ state, restartCount }: ContainerStatus) => state?.running || state?.terminated || restartCount > 0
  if (all.some(({ container, status }) => container.role === 'main' && hasRun(status))) return true
  return all.every(({ container, status }) => {
    if (container.role === 'init') return status.state?.terminated?.exitCode === 0
    return container.role !== 'sidecar' || status.started === true
  })
}

function conditionsOf(
  { checkpoint, current, wallNow, prepared, containers, problems }: StatusInput,
  { all, main, initialized }: { all: readonly Shown[]; main: readonly ContainerStatus[]; initialized: boolean },
): PodCondition[] {
  const { pod, final } = checkpoint
  const held = networkShape(pod) === 'host' ? prepared : anchorOf(containers) !== undefined
  const sidecars = all.filter(({ container }) => container.role === 'sidecar').map(({ status }) => status)
  const unready = [...main, ...sidecars].filter(({ ready }) => !ready).map(({ name }) => name)
  const uninitialized = all.filter(({ container, status }) => container.role === 'init' && status.state?.terminated?.exitCode !== 0)
  const finished: Verdict = { status: 'False', reason: final?.phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }

  const initializedIs: Verdict = initialized
    ? { status: 'True', ...(final?.phase === 'Succeeded' && { reason: 'PodCompleted' }) }
    : {
        status: 'False',
        reason: 'ContainersNotInitialized',
        message: `containers with incomplete status: [${uninitialized.map(({ status }) => status.name).join(' ')}]`,
      }
  const containersReady: Verdict = final
    ? finished
    : unready.length > 0
      ? { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
      : { status: 'True' }
  const closed = closedGates(pod, current)
  const ready: Verdict =
    containersReady.status === 'True' && closed.length > 0
      ? { status: 'False', reason: 'ReadinessGatesNotReady', message: closed.join(', ') }
      : containersReady

  const verdicts: Record<string, Verdict> = {
    PodReadyToStartContainers: { status: held ? 'True' : 'False' },
    Initialized: initializedIs,
    Ready: ready,
    ContainersReady: containersReady,
    PodScheduled: { status: 'True' },
    ...resizeConditions(checkpoint, containers, problems),
    ...(final?.isDisruption && {
      DisruptionTarget: { status: 'True', reason: 'TerminationByKubelet', ...(final.message && { message: final.message }) },
    }),
  }
  const before = new Map(
    [...(current?.conditions ?? []), ...(checkpoint.status?.conditions ?? [])].map(condition => [condition.type, condition]),
  )
  const { generation } = pod.metadata
  const observed = generation === undefined ? {} : { observedGeneration: generation }
  const ours = Object.entries(verdicts).map(([type, verdict]) => withTime({ type, ...observed, ...verdict }, before.get(type), wallNow))
  const others = (current?.conditions ?? []).filter(({ type }) => !(type in verdicts) && !RESIZE_CONDITIONS.includes(type))
  return [...ours, ...others]
}

/** Conditions that others must set to True before the pod is ready, in words for those that are not. */
function closedGates({ spec }: Pod, current: PodStatus | undefined): string[] {
  return (spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = current?.conditions?.find(({ type }) => type === conditionType)
    if (!found) return [`corresponding condition of pod readiness gate ${JSON.stringify(conditionType)} does not exist.`]
    if (found.status === 'True') return []
    return [`the status of pod readiness gate ${JSON.stringify(conditionType)} is not "True", but ${found.status}`]
  })
}

/** There only while they are true. */
export const RESIZE_CONDITIONS: readonly string[] = ['PodResizePending', 'PodResizeInProgress']

function resizeConditions(
  checkpoint: Checkpoint,
  containers: readonly ContainerInfo[],
  problems: StatusInput['problems'],
): Record<string, Verdict> {
  const { pod, records, pendingResize } = checkpoint
  const verdicts: Record<string, Verdict> = {}
  if (pendingResize) verdicts.PodResizePending = { status: 'True', ...pendingResize }
  const behind = containers.filter(info => resizeOf(checkpoint, info) !== undefined)
  const rerun = specContainers(pod).some(({ spec }) => records[spec.name]?.rerun)
  const problem = behind.map(({ id }) => problems.get(`update:${id}`)).find(found => found !== undefined)
  if (behind.length > 0 || rerun) {
    verdicts.PodResizeInProgress = { status: 'True', ...(problem && { reason: 'Error', message: problem.message }) }
  }
  return verdicts
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>

/** A condition keeps its time for as long as its status stays. */
function withTime(condition: PodCondition, before: PodCondition | undefined, wallNow: number): PodCondition {
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : undefined
  return { ...condition, lastTransitionTime: lastTransitionTime ?? formatTime(wallNow) }
}

function containerStatus(container: SpecContainer, input: StatusInput): ContainerStatus {
  const { checkpoint, containers, probes, imageIds } = input
  const { spec } = container
  const record = checkpoint.records[spec.name]
  const info = containers.find(({ id, state }) => id === record?.containerId && state === 'running')
  const shown = statesOf(container, { record, info, input })
  const runs = shown.state.running !== undefined
  const probe = info && probes.get(info.id)
  const started = runs && (probe?.started ?? false)
  const done = container.role === 'init' && shown.state.terminated?.exitCode === 0
  const id = runs || shown.state.terminated ? record?.containerId : (record?.ended ?? record?.last)?.containerId
  const tracksStart = container.role !== 'ephemeral'
  const granted = container.role === 'ephemeral' ? undefined : checkpoint.allocated?.[spec.name]
  return {
    name: spec.name,
    state: shown.state,
    ...(shown.lastState && { lastState: shown.lastState }),
    ready: done || (started && container.role !== 'init' && (probe?.ready ?? false) && container.role !== 'ephemeral'),
    restartCount: record?.attempt ?? 0,
    image: spec.image ?? '',
    imageID: record ? (imageIds.get(record.imageId) ?? record.imageId) : '',
    ...(id && { containerID: `docker://${id}` }),
    ...(tracksStart && { started }),
    ...(granted?.requests && { allocatedResources: granted.requests }),
    ...(granted && info && { resources: shownResources(granted, limitsInForce(record, info)) }),
  }
}

/** The last words of a container, cut to its share of what a pod may say. */
function withShortWords(status: ContainerStatus, bytesMax: number): ContainerStatus {
  const cut = (state: ContainerState | undefined): ContainerState | undefined => {
    const message = state?.terminated?.message
    if (!state?.terminated || message === undefined || Buffer.byteLength(message) <= bytesMax) return state
    return { ...state, terminated: { ...state.terminated, message: cutText(message, bytesMax) } }
  }
  const [state, lastState] = [cut(status.state), cut(status.lastState)]
  return { ...status, ...(state && { state }), ...(lastState && { lastState }) }
}

/** At most so many bytes, and no half of a character. */
function cutText(text: string, bytesMax: number): string {
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytesMax), { stream: true })
}

interface States {
  state: ContainerState
  lastState?: ContainerState
}

function statesOf(
  container: SpecContainer,
  { record, info, input }: { record: ContainerRecord | undefined; info: ContainerInfo | undefined; input: StatusInput },
): States {
  const last = record?.last && { lastState: { terminated: terminatedState(record.last) } }
  // Until its postStart hook has ended a container counts as being created.
  const hooked = container.spec.lifecycle?.postStart !== undefined && input.busy.has(`start:${container.spec.name}`)
  if (record && !record.ended && info && !hooked) {
    return { state: { running: { startedAt: formatTime(info.startedAt ?? 0) } }, ...last }
  }
  if (record && !record.ended) return { state: { waiting: { reason: 'ContainerCreating' } }, ...last }
  const { checkpoint, leaving, problems, busy, now } = input
  const problem = problems.get(`start:${container.spec.name}`)
  if (!record?.ended) {
    if (leaving || checkpoint.final) return { state: { waiting: { reason: waitingReason(input) } } }
    return { state: { waiting: problem ? shownProblem(problem, container.spec, now) : { reason: waitingReason(input) } } }
  }
  const ended = { terminated: terminatedState(record.ended) }
  if (leaving || checkpoint.final || !restarts(container, record.ended, checkpoint.pod)) return { state: ended, ...last }
  if (problem) return { state: { waiting: shownProblem(problem, container.spec, now) }, lastState: ended }
  const delayMs = restartInMs(record, input)
  if (delayMs > 0 && !busy.has(`start:${container.spec.name}`))
    return { state: { waiting: crashLoop(checkpoint, container.spec, record) }, lastState: ended }
  return { state: ended, ...last }
}

function restarts({ role }: SpecContainer, { exitCode }: Ended, pod: Pod): boolean {
  const policy = pod.spec.restartPolicy ?? 'Always'
  if (role === 'ephemeral') return false
  if (role === 'sidecar') return true
  if (role === 'init') return policy !== 'Never' && exitCode !== 0
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

function waitingReason({ checkpoint }: StatusInput): string {
  const hasInit = (checkpoint.pod.spec.initContainers?.length ?? 0) > 0
  return hasInit ? 'PodInitializing' : 'ContainerCreating'
}

function shownProblem(
  problem: { reason: string; message: string; since: number },
  { image = '' }: Container,
  now: number,
): { reason: string; message: string } {
  const later = BACKING_OFF[problem.reason]
  if (!later || now - problem.since < FIRST_ERROR_MS) return { reason: problem.reason, message: problem.message }
  return { reason: later, message: `Back-off pulling image "${image}": ${problem.reason}: ${problem.message}` }
}

function crashLoop({ pod }: Checkpoint, { name }: Container, { crashes, ended }: ContainerRecord): { reason: string; message: string } {
  const delayMs = restartDelayMs(ended ? crashesAfter(crashes, ended) : crashes)
  const text = `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`
  return { reason: 'CrashLoopBackOff', message: `back-off ${goDuration(delayMs)} restarting failed container=${name} pod=${text}` }
}

/** As Go prints it: `10s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

function terminatedState({ exitCode, signal, reason, message, startedAt, finishedAt, containerId }: Ended): ContainerStateTerminated {
  return {
    exitCode,
    ...(signal !== undefined && { signal }),
    reason,
    ...(message && { message }),
    startedAt: formatTime(startedAt ?? finishedAt),
    finishedAt: formatTime(finishedAt),
    ...(containerId && { containerID: `docker://${containerId}` }),
  }
}
