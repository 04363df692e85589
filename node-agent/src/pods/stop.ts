/** Stopping containers as Kubernetes does: hook, drain, signal, grace, kill. */
import type { ContainerInfo } from '../docker/index.ts'
import { SANDBOX } from '../docker/index.ts'
import { failpoint } from '../failpoints/index.ts'
import { specContainer } from './containers.ts'
import { Deadline } from './deadline.ts'
import type { Deps } from './deps.ts'
import { runHook } from './hooks.ts'
import { anchorOf } from './plan.ts'
import type { PodRuntime } from './runtime.ts'
import { messageOf } from './start.ts'

const GRACE_SECONDS_DEFAULT = 30
/** After a preStop hook that used up the grace, as in Kubernetes. */
const EXTRA_MS = 2_000

/** Seconds the pod's containers get, by its deletion or its spec. */
export function graceSeconds({ pod, shown }: Pick<PodRuntime, 'pod' | 'shown'>): number {
  const metadata = shown?.metadata ?? pod.metadata
  return (
    metadata.deletionGracePeriodSeconds ??
    pod.metadata.deletionGracePeriodSeconds ??
    pod.spec.terminationGracePeriodSeconds ??
    GRACE_SECONDS_DEFAULT
  )
}

/** Stops everything that runs in the pod, sidecars after the others, the sandbox last. */
export async function terminatePod(runtime: PodRuntime, deps: Deps, signal: AbortSignal): Promise<void> {
  const { checkpoint, pod, uid } = runtime
  checkpoint.deletion ??= { since: deps.clock.now() }
  await deps.checkpoints.save(checkpoint)
  await failpoint('pods.stop.begun')
  const graceMs = graceSeconds(runtime) * 1000
  runtime.deadline ??= new Deadline(deps.clock, graceMs - Math.max(0, deps.clock.now() - checkpoint.deletion.since))
  const { deadline } = runtime

  const running = deps.containers.ofPod(uid).filter(({ state }) => state === 'running')
  const drained = drainOnce(runtime, { deps, graceMs, signal })
  const stop = (info: ContainerInfo) => {
    deps.events.normal(pod, 'Killing', `Stopping container ${info.container}`)
    return stopOne(runtime, info, { deps, deadline, drained, signal })
  }
  const roleOf = (info: ContainerInfo) => specContainer(pod, info.container)?.role
  await Promise.all(running.filter(info => info.container !== SANDBOX && roleOf(info) !== 'sidecar').map(stop))
  // Sidecars serve the others to the end, and each other in reverse of the order they started in.
  for (const sidecar of running.filter(info => roleOf(info) === 'sidecar').toReversed()) await stop(sidecar)
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
  await deps.checkpoints.save(checkpoint)
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
  await stopOne(runtime, info, { deps, deadline, drained: Promise.resolve(), signal })
}

async function stopOne(
  runtime: PodRuntime,
  info: ContainerInfo,
  { deps, deadline, drained, signal }: { deps: Deps; deadline: Deadline; drained: Promise<void>; signal: AbortSignal },
): Promise<void> {
  const { docker, containers, events } = deps
  const hooked = await Promise.all([preStop(runtime, info, { deps, deadline, signal }), drained]).then(([ran]) => ran)
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
    await deps.checkpoints.save(runtime.checkpoint)
    await failpoint('pods.stop.pre-stop-done')
  }
  return true
}
