import type { Clock, Logger, Pod } from '@davit/api'
import { ImageFailure } from '../images/index.ts'
import type { DownwardContext } from '../volumes/index.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Deadline } from './deadline.ts'
import type { Deps } from './deps.ts'
import type { Refusal } from './node-admission.ts'
import type { StartProblem } from './plan.ts'
import { StartFailure } from './start-failure.ts'

/** The longest back-off: what ended before that may be started at once. */
const AGO_MS_MAX = 300_000
const RETRY_MS = { image: { first: 10_000, max: 300_000 }, other: { first: 500, max: 10_000 } }

/** One pod as this run of the agent has it: the checkpoint, and what need not outlive the process. */
export class PodRuntime {
  checkpoint: Checkpoint
  /** As the API last showed it; undefined while only the checkpoint speaks. */
  shown: Pod | undefined
  /** Nobody wants it any more. Then it goes to its end, also when somebody wants it again meanwhile. */
  gone = false
  prepared = false
  /** It has ended for good, and has given back its volumes. */
  volumesReleased = false
  /** Its host ports are kept for it. */
  hasPorts = false
  readonly busy = new Set<string>()
  readonly problems = new Map<string, StartProblem>()
  /** Monotonic time at which an attempt was seen to have ended, by container id. */
  readonly endedAt = new Map<string, number>()
  /** When `noteEnds` last looked, monotonic. */
  #lookedAt = Number.NEGATIVE_INFINITY
  /** Container ids whose back-off was told in an event. */
  readonly told = new Set<string>()
  /** Why this node cannot give it what it asks for; it fails, as nothing of it has begun. */
  refusal: Refusal | undefined
  deadline: Deadline | undefined
  /** Since when it is being stopped, monotonic. */
  stoppingAt: number | undefined
  /** Versions of its pull Secrets when it was last seen to wait for an image. */
  pullSecrets: string | undefined
  readonly #stop = new AbortController()

  constructor(checkpoint: Checkpoint, shown: Pod | undefined) {
    this.checkpoint = checkpoint
    this.shown = shown
  }

  get pod(): Pod {
    return this.checkpoint.pod
  }

  get uid(): string {
    return this.pod.metadata.uid ?? ''
  }

  /** Sets the time in `endedAt` of each attempt that is newly seen to have ended; gives the present one. */
  noteEnds(clock: Pick<Clock, 'now' | 'monotonic'>): number {
    const now = clock.monotonic()
    for (const { ended } of Object.values(this.checkpoint.records)) {
      if (!ended || this.endedAt.has(ended.containerId)) continue
      // It ran when this was last looked at, whatever the wall clock says.
      const agoMs = Math.min(AGO_MS_MAX, now - this.#lookedAt, Math.max(0, clock.now() - ended.finishedAt))
      this.endedAt.set(ended.containerId, now - agoMs)
    }
    this.#lookedAt = now
    return now
  }

  /** Aborts when what is being started for this pod is no longer wanted. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  abandonStarts(): void {
    this.#stop.abort(new Error('The pod is being stopped'))
  }

  /** Runs `work` as the task `name` unless one of that name runs already; `wake` is called when it has ended. */
  run(name: string, work: () => Promise<void>, { deps, wake }: { deps: Pick<Deps, 'clock'> & { log: Logger }; wake: () => void }): void {
    if (this.busy.has(name)) return
    this.busy.add(name)
    work()
      .then(
        () => void this.problems.delete(name),
        (err: unknown) => this.#failed(name, err, deps),
      )
      .finally(() => {
        this.busy.delete(name)
        wake()
      })
  }

  #failed(name: string, err: unknown, { clock, log }: { clock: Deps['clock']; log: Logger }): void {
    const before = this.problems.get(name)
    const failures = (before?.failures ?? 0) + 1
    const reason = err instanceof StartFailure || err instanceof ImageFailure ? err.reason : 'ContainerCreating'
    const message = err instanceof Error ? err.message : String(err)
    const { first, max } = err instanceof ImageFailure ? RETRY_MS.image : RETRY_MS.other
    const now = clock.monotonic()
    const retryAt = now + Math.min(max, first * 2 ** Math.min(failures - 1, 12))
    this.problems.set(name, { reason, message, failures, since: now, retryAt })
    if (!this.signal.aborted)
      log.warn({ pod: `${this.pod.metadata.namespace}/${this.pod.metadata.name}`, task: name, reason, err }, 'A task of a pod failed')
  }

  downward({ nodeName, hostIp, allocatable }: Pick<Deps, 'nodeName' | 'hostIp' | 'allocatable'>): DownwardContext {
    const podIp = this.pod.spec.hostNetwork ? hostIp : (this.checkpoint.address ?? '')
    return { nodeName, hostIp, podIp, allocatable }
  }
}
