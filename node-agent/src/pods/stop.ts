/** Stopping containers as Kubernetes does: hook, drain, signal, grace, kill. */
import type { ContainerInfo } from '../docker/index.ts'
import { SANDBOX } from '../docker/index.ts'
import { failpoint } from '../failpoints/index.ts'
import { specContainer, specContainers } from './containers.ts'
import { Deadline } from './deadline.ts'
import type { Deps } from './deps.ts'
import { runHook } from './hooks.ts'
import { anchorOf } from './plan.ts'
import type { PodRuntime } from './runtime.ts'
import { messageOf } from './start-failure.ts'

const GRACE_SECONDS_DEFAULT = 30
/** After a preStop hook that used up the grace, as in Kubernetes. */
const EXTRA_MS = 2_000

/** Seconds the pod's containers get, by its deletion or its spec. */
export function graceSeconds({ pod, shown, checkpoint }: Pick<PodRuntime, 'pod' | 'shown' | 'checkpoint'>): number {
  const metadata = shown?.metadata ?? pod.metadata
  const asked =
    metadata.deletionGracePeriodSeconds ??
    pod.metadata.deletionGracePeriodSeconds ??
    pod.spec.terminationGracePeriodSeconds ??
    GRACE_SECONDS_DEFAULT
  return Math.min(asked, checkpoint.final?.graceSeconds ?? asked)
}

/** Stops everything that runs in the pod, sidecars after the others, the sandbox last. */
export async function terminatePod(runtime: PodRuntime, deps: Deps, signal: AbortSignal): Promise<void> {
  const { checkpoint, pod, uid } = runtime
  // The wall clock tells only how long an earlier agent has been at it; from here on it may jump.
  runtime.stoppingAt ??= deps.clock.monotonic() - Math.max(0, deps.clock.now() - (checkpoint.deletion?.since ?? deps.clock.now()))
  checkpoint.deletion ??= { since: deps.clock.now() }
  await deps.checkpoints.saveIfRoom(checkpoint)
  await failpoint('pods.stop.begun')
  const graceMs = graceSeconds(runtime) * 1000
  runtime.deadline ??= new Deadline(deps.clock, runtime.stoppingAt + graceMs - deps.clock.monotonic())
  const { deadline } = runtime

  const running = deps.containers.ofPod(uid).filter(({ state }) => state === 'running')
  const drained = drainOnce(runtime, { deps, graceMs, signal })
  const stop = (info: ContainerInfo, turn: Promise<unknown>) => {
    deps.events.normal(pod, 'Killing', `Stopping container ${info.container}`)
    return stopOne(runtime, info, { deps, deadline, ready: Promise.all([drained, turn]), signal })
  }
  const isSidecar = ({ container }: ContainerInfo) => specContainer(pod, container)?.role === 'sidecar'
  const mains = running.filter(info => info.container !== SANDBOX && !isSidecar(info))
  const stops = mains.map(info => stop(info, Promise.resolve()))
  // Sidecars serve the others to the end, and each other in reverse of the order the spec gives them. Their hooks run at once.
  const order = specContainers(pod).map(({ spec }) => spec.name)
  const place = ({ container }: ContainerInfo) => order.indexOf(container)
  for (const sidecar of running.filter(isSidecar).sort((a, b) => place(b) - place(a))) {
    const turn = Promise.race([Promise.allSettled([...stops]), deadline.passed(signal)])
    stops.push(stop(sidecar, turn))
  }
  const failed = (await Promise.allSettled(stops)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  for (const sandbox of running.filter(({ container }) => container === SANDBOX)) {
    await deps.docker.killContainer(sandbox.id, 'SIGKILL')
    await deps.containers.ended(sandbox.id, signal)
    await failpoint('pods.stop.sandbox-stopped')
  }
}

/** The drain barrier, once per deletion also across restarts of the agent. */
async function drainOnce(
  runtime: PodRuntime,
  { deps, graceMs, signal }: { deps: Deps; graceMs: number; signal: AbortSignal },
): Promise<void> {
  const { checkpoint, pod, uid } = runtime
  const { deletion } = checkpoint
  const pid = anchorOf(deps.containers.ofPod(uid))?.pid ?? deps.containers.ofPod(uid).find(({ state }) => state === 'running')?.pid
  if (!deletion || deletion.drained || graceMs === 0 || pid === undefined || checkpoint.final) return
  try {
    const { address } = checkpoint
    const own = address !== undefined && !pod.spec.hostNetwork
    await deps.drain(pod, { pid, ...(own && { address }), graceMs, signal })
  } catch (err) {
    deps.log.warn({ pod: pod.metadata.name, err }, 'Cannot drain')
  }
  deletion.drained = true
  await deps.checkpoints.saveIfRoom(checkpoint)
  await failpoint('pods.stop.drained')
}

/** Stops one container that is to be restarted or no longer belongs. */
export async function stopContainer(
  runtime: PodRuntime,
  { id, why, graceSeconds: own }: { id: string; why: string; graceSeconds?: number },
  { deps, signal }: { deps: Deps; signal: AbortSignal },
): Promise<void> {
  const info = deps.containers.get(id)
  if (info?.state !== 'running') return
  const { terminationGracePeriodSeconds = GRACE_SECONDS_DEFAULT } = runtime.pod.spec
  deps.events.normal(runtime.pod, 'Killing', why)
  const deadline = new Deadline(deps.clock, (own ?? terminationGracePeriodSeconds) * 1000)
  await stopOne(runtime, info, { deps, deadline, ready: Promise.resolve(), signal })
}

async function stopOne(
  runtime: PodRuntime,
  info: ContainerInfo,
  { deps, deadline, ready, signal }: { deps: Deps; deadline: Deadline; ready: Promise<unknown>; signal: AbortSignal },
): Promise<void> {
  const { docker, containers, events } = deps
  const hooked = await Promise.all([preStop(runtime, info, { deps, deadline, signal }), ready]).then(([ran]) => ran)
  const ending = new AbortController()
  const over = AbortSignal.any([signal, ending.signal])
  const ended = containers.ended(info.id, over)
  ended.catch(() => {})
  const extra = hooked && deadline.leftMs < EXTRA_MS ? new Deadline(deps.clock, EXTRA_MS) : undefined
  try {
    if (deadline.leftMs > 0 || extra) {
      await docker.killContainer(info.id, info.stopSignal)
      await failpoint('pods.stop.signal-sent')
      await Promise.race([ended, (extra ?? deadline).passed(over)])
    }
    if (containers.get(info.id)?.state === 'running') await docker.killContainer(info.id, 'SIGKILL')
    await Promise.race([ended, deps.clock.sleep(60_000, over)])
    if (containers.get(info.id)?.state === 'running') {
      const message = `error killing container ${info.container}: it still runs a minute after SIGKILL`
      events.warning(runtime.pod, 'FailedKillPod', message)
      throw new Error(message)
    }
    await failpoint('pods.stop.container-stopped')
  } finally {
    ending.abort()
  }
}

/** True when a hook ran. Its failure is told and changes nothing. */
async function preStop(
  runtime: PodRuntime,
  info: ContainerInfo,
  { deps, deadline, signal }: { deps: Deps; deadline: Deadline; signal: AbortSignal },
): Promise<boolean> {
  const spec = specContainer(runtime.pod, info.container)?.spec
  const hook = spec?.lifecycle?.preStop
  const { deletion } = runtime.checkpoint
  if (!spec || !hook || deadline.leftMs <= 0 || deletion?.preStopped?.includes(info.id)) return false
  const stop = new AbortController()
  const over = AbortSignal.any([signal, stop.signal])
  try {
    await failpoint('pods.stop.pre-stop-begun')
    const address = runtime.downward(deps).podIp
    const { docker, clock } = deps
    const run = runHook(hook, { docker, clock, id: info.id, container: spec, address, timeoutMs: deadline.leftMs, signal: over })
    await Promise.race([run, deadline.passed(over).then(() => Promise.reject(new Error('it used up the grace period')))])
  } catch (err) {
    if (!signal.aborted) deps.events.warning(runtime.pod, 'FailedPreStopHook', `PreStopHook failed: ${messageOf(err)}`)
  } finally {
    stop.abort()
  }
  if (deletion) {
    deletion.preStopped = [...(deletion.preStopped ?? []), info.id]
    await deps.checkpoints.saveIfRoom(runtime.checkpoint)
    await failpoint('pods.stop.pre-stop-done')
  }
  return true
}
