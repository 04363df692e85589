/**
 * Asks running containers how they are. One loop a probe; startup comes first, liveness and readiness follow. What they find is read
 * by the plan, which alone decides.
 */
import type { Clock, Container, Logger, Pod, Probe } from '@davit/api'
import type { ContainerInfo, Docker } from '../docker/index.ts'
import type { Events } from './events.ts'
import { grpcHealth, type HandlerResult, httpGet, tcpSocket } from './handlers.ts'
import type { ProbeState } from './plan.ts'

type ProbeKind = 'Startup' | 'Liveness' | 'Readiness'

export interface ProberOptions {
  docker: Docker
  events: Events
  clock: Clock
  log: Logger
  /** Called with the pod's uid when a verdict changed. */
  onChange: (podUid: string) => void
  signal: AbortSignal
}

interface Watched {
  podUid: string
  state: ProbeState
  stop: AbortController
  /** Ends startup and liveness probing alone, when the pod is being stopped. */
  stopRestarts: AbortController
  /** The pod as the latest sync gave it. */
  pod: Pod
}

/** While a container is not yet ready (or started) it is asked more often than its period says, so that it serves sooner. */
const EAGER_MS = { first: 100, max: 1_000, total: 15_000 }

const FIRST_REGULAR_MS = 1_000

export class Prober {
  readonly #options: ProberOptions
  readonly #watched = new Map<string, Watched>()

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** By container id; only running containers have one. */
  states(podUid: string): Map<string, ProbeState> {
    const found = [...this.#watched].filter(([, watched]) => watched.podUid === podUid)
    return new Map(found.map(([id, { state }]) => [id, state]))
  }

  /** Probes exactly these running containers of the pod. `before`: what an earlier agent had found, by container id. */
  sync(
    pod: Pod,
    running: readonly { info: ContainerInfo; spec: Container }[],
    options: { address: string; leaving: boolean; before: ReadonlyMap<string, ProbeState> },
  ): void {
    const podUid = pod.metadata.uid ?? ''
    const ids = new Set(running.map(({ info }) => info.id))
    for (const [id, watched] of this.#watched) if (watched.podUid === podUid && !ids.has(id)) this.#end(id, watched)
    for (const { info, spec } of running) {
      const watched = this.#watched.get(info.id) ?? this.#begin(pod, info, spec, options)
      watched.pod = pod
      if (options.leaving) watched.stopRestarts.abort()
    }
  }

  stop(podUid: string): void {
    for (const [id, watched] of this.#watched) if (watched.podUid === podUid) this.#end(id, watched)
  }

  #end(id: string, watched: Watched): void {
    watched.stop.abort()
    this.#watched.delete(id)
  }

  #begin(
    pod: Pod,
    info: ContainerInfo,
    spec: Container,
    { address, before }: { address: string; before: ReadonlyMap<string, ProbeState> },
  ): Watched {
    const { startupProbe, livenessProbe, readinessProbe } = spec
    const known = before.get(info.id)
    const state: ProbeState = { started: known?.started ?? !startupProbe, ready: known?.ready ?? !readinessProbe }
    const watched: Watched = {
      podUid: pod.metadata.uid ?? '',
      state,
      stop: new AbortController(),
      stopRestarts: new AbortController(),
      pod,
    }
    this.#watched.set(info.id, watched)
    const signal = AbortSignal.any([this.#options.signal, watched.stop.signal])
    const run = async () => {
      const restarts = AbortSignal.any([signal, watched.stopRestarts.signal])
      const target = { info, spec, address, watched, isKnown: known !== undefined }
      if (startupProbe && !state.started) await this.#loop('Startup', startupProbe, { ...target, signal: restarts })
      const loops: Promise<void>[] = []
      if (livenessProbe) loops.push(this.#loop('Liveness', livenessProbe, { ...target, signal: restarts }))
      if (readinessProbe) loops.push(this.#loop('Readiness', readinessProbe, { ...target, signal }))
      await Promise.all(loops)
    }
    run().catch((err: unknown) => {
      if (!signal.aborted && !watched.stopRestarts.signal.aborted)
        this.#options.log.error({ err, container: info.name }, 'A probe stopped working')
    })
    return watched
  }

  /** Ends when a startup probe has passed, or a container is to be restarted. */
  async #loop(
    kind: ProbeKind,
    probe: Probe,
    {
      info,
      spec,
      address,
      watched,
      isKnown,
      signal,
    }: { info: ContainerInfo; spec: Container; address: string; watched: Watched; isKnown: boolean; signal: AbortSignal },
  ): Promise<void> {
    const { clock, events } = this.#options
    const { initialDelaySeconds = 0, periodSeconds = 10, successThreshold = 1, failureThreshold = 3 } = probe
    const { state } = watched
    const sinceStartMs = Math.max(0, clock.now() - (info.startedAt ?? clock.now()))
    // An agent that comes back finds all its containers at once: what it already knows of them it asks at times of their own.
    const isSettled = isKnown && (kind === 'Liveness' || (kind === 'Readiness' && state.ready))
    const spreadMs = isSettled ? Math.random() * periodSeconds * 1000 : 0
    await clock.sleep(Math.max(spreadMs, initialDelaySeconds * 1000 - sinceStartMs), signal)
    const begunAt = clock.monotonic()
    // The first try comes at once; whether it finds a process that has not opened its port yet means nothing.
    let regularAt = begunAt + (kind === 'Liveness' ? 0 : Math.min(FIRST_REGULAR_MS, periodSeconds * 1000))
    let eagerMs = EAGER_MS.first
    let passes = 0
    let failures = 0
    for (;;) {
      const isRegular = clock.monotonic() >= regularAt
      if (isRegular) regularAt = clock.monotonic() + periodSeconds * 1000
      const result = await this.#ask(probe, { info, spec, address, signal })
      signal.throwIfAborted()
      if (result.ok) {
        passes++
        failures = 0
      } else {
        passes = 0
        // An eager try may find a container ready, never unhealthy.
        if (isRegular) {
          failures++
          events.warning(watched.pod, 'Unhealthy', `${kind} probe failed: ${result.message}`)
        }
      }
      if (passes >= successThreshold && kind === 'Startup') return this.#judge(watched, { started: true })
      if (passes >= successThreshold && kind === 'Readiness' && !state.ready) this.#judge(watched, { ready: true })
      if (failures >= failureThreshold && kind === 'Readiness' && state.ready) this.#judge(watched, { ready: false })
      if (failures >= failureThreshold && kind !== 'Readiness') {
        const failed = `Container ${spec.name} failed ${kind.toLowerCase()} probe, will be restarted`
        const grace = probe.terminationGracePeriodSeconds
        return this.#judge(watched, { failed, ...(grace !== undefined && { graceSeconds: grace }) })
      }
      const waits = kind === 'Startup' ? !state.started : kind === 'Readiness' && !state.ready
      const untilRegularMs = Math.max(0, regularAt - clock.monotonic())
      const eager = waits && passes === 0 && clock.monotonic() - begunAt < EAGER_MS.total
      await clock.sleep(eager ? Math.min(eagerMs, untilRegularMs) : untilRegularMs, signal)
      eagerMs = Math.min(EAGER_MS.max, eagerMs * 2)
    }
  }

  #judge(watched: Watched, verdict: Partial<ProbeState>): void {
    Object.assign(watched.state, verdict)
    this.#options.onChange(watched.podUid)
  }

  async #ask(
    { exec, httpGet: get, tcpSocket: tcp, grpc, timeoutSeconds = 1 }: Probe,
    { info, spec, address, signal }: { info: ContainerInfo; spec: Container; address: string; signal: AbortSignal },
  ): Promise<HandlerResult> {
    const timeoutMs = timeoutSeconds * 1000
    const target = { container: spec, address, timeoutMs, signal }
    try {
      if (get) return await httpGet(get, target)
      if (tcp) return await tcpSocket(tcp, target)
      if (grpc) return await grpcHealth(grpc, target)
      const command = exec?.command ?? []
      const { exitCode, output, timedOut } = await this.#options.docker.exec(info.id, command, { timeoutMs, signal })
      if (timedOut) return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutSeconds}s` }
      return { ok: exitCode === 0, message: output }
    } catch (err) {
      signal.throwIfAborted()
      return { ok: false, message: err instanceof Error ? err.message : String(err) }
    }
  }
}
