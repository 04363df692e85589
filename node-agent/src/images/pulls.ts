/** Pulls under way: bounded in number, one for all who want the same, ended when nobody wants it or nothing moves. */
import type { Clock } from '@davit/api'
import type { Docker, RegistryAuth } from '../docker/index.ts'
import { type Progress, PullProgress } from './progress.ts'
import { createTurns } from './turns.ts'

export interface PullsOptions {
  docker: Pick<Docker, 'pullImage'>
  clock: Clock
  /** How many at once. */
  width: number
  /** How long a pull may stand still. */
  stallMs?: number
  /** Ends all. */
  signal: AbortSignal
  /** Called before Docker is asked, and, if that went well, after its pull has ended, well or not. */
  onBegin?: (reference: string) => Promise<void>
  onEnd?: (reference: string) => Promise<void>
}

export interface Wanted {
  signal: AbortSignal
  /** Looks at the progress of the pull, as often as it likes, while it runs; given once it is known. */
  onStart?: (progress: () => Progress) => void
}

export interface Pulls {
  /** Rejects with Docker's words, or with the signal's reason. Milliseconds without the wait for a turn. */
  pull(reference: string, auth: RegistryAuth | undefined, wanted: Wanted): Promise<{ tookMs: number }>
}

interface Running {
  wanted: number
  readonly progress: PullProgress
  readonly abort: AbortController
  readonly done: Promise<{ tookMs: number }>
}

const STALL_MS = 60_000

export function createPulls(options: PullsOptions): Pulls {
  const { clock, width, signal: agentSignal } = options
  const turn = createTurns(width)
  const running = new Map<string, Running>()

  const begin = (key: string, reference: string, auth: RegistryAuth | undefined): Running => {
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, agentSignal])
    const progress = new PullProgress()
    const done = (async () => {
      const leave = await turn(signal)
      const since = clock.monotonic()
      try {
        signal.throwIfAborted()
        await options.onBegin?.(reference)
        try {
          await pullMoving(reference, { auth, progress, signal, options })
        } finally {
          await options.onEnd?.(reference).catch(() => {})
        }
        return { tookMs: clock.monotonic() - since }
      } finally {
        leave()
        if (running.get(key)?.abort === abort) running.delete(key)
      }
    })()
    done.catch(() => {})
    const begun: Running = { wanted: 0, progress, abort, done }
    running.set(key, begun)
    return begun
  }

  return {
    async pull(reference, auth, { signal, onStart }) {
      signal.throwIfAborted()
      // With other credentials it is another pull: what one may have is no proof that the other may.
      const key = JSON.stringify([reference, auth ?? null])
      const shared = running.get(key) ?? begin(key, reference, auth)
      shared.wanted++
      onStart?.(() => shared.progress.now)
      try {
        return await whileWanted(shared.done, signal)
      } finally {
        shared.wanted--
        if (shared.wanted === 0) {
          // Who comes next begins anew instead of joining one that ends.
          if (running.get(key) === shared) running.delete(key)
          shared.abort.abort(new Error('The image is not wanted any more'))
        }
      }
    },
  }
}

async function pullMoving(
  reference: string,
  {
    auth,
    progress,
    signal,
    options: { docker, clock, stallMs = STALL_MS },
  }: { auth: RegistryAuth | undefined; progress: PullProgress; signal: AbortSignal; options: PullsOptions },
): Promise<void> {
  const stalled = new AbortController()
  const over = new AbortController()
  let movedAt = clock.monotonic()
  let lastWords = ''
  const watch = async () => {
    for (;;) {
      const leftMs = movedAt + stallMs - clock.monotonic()
      if (leftMs <= 0) break
      await clock.sleep(leftMs, over.signal)
    }
    const last = lastWords ? `; the last that Docker said is "${lastWords}"` : ''
    stalled.abort(new Error(`the pull made no progress for ${Math.round(stallMs / 1000)}s and was ended${last}`))
  }
  watch().catch(() => {})
  try {
    await docker.pullImage(reference, {
      ...(auth && { auth }),
      signal: AbortSignal.any([signal, stalled.signal]),
      onLine: line => {
        if (line.status && line.id) lastWords = line.status
        if (progress.see(line)) movedAt = clock.monotonic()
      },
    })
  } finally {
    over.abort()
  }
}

function whileWanted<R>(work: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
