import { isReason } from '../status.ts'
import type { WorkQueue } from './work-queue.ts'

export interface Outcome {
  /** Look at this key again after so many milliseconds. */
  againAfterMs?: number
}

/** Reads the present state of `key` and acts on it; never told what happened. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Outcome | undefined> | Promise<void>

/** The part of a pino logger that rooms use. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface RunOptions {
  log: Logger
  signal: AbortSignal
  /** How many keys at once; default 1. */
  workers?: number
}

/** Hands keys to `reconcile` until `signal` aborts, and closes the queue; settles once every running reconcile has. A key never runs twice at once. */
export async function runController(queue: WorkQueue, reconcile: Reconcile, { log, signal, workers = 1 }: RunOptions): Promise<void> {
  const work = async () => {
    for await (const key of queue.take(signal)) {
      try {
        const outcome = await reconcile(key, signal)
        queue.forget(key)
        if (outcome && outcome.againAfterMs !== undefined) queue.addAfter(key, outcome.againAfterMs)
      } catch (err) {
        if (signal.aborted) return
        // Someone else was faster, which is ordinary: the next look at the key decides from what they wrote.
        if (isReason(err, 'Conflict')) log.debug({ key, err }, 'Cannot reconcile')
        else log.warn({ key, err }, 'Cannot reconcile')
        queue.addRateLimited(key)
      } finally {
        queue.done(key)
      }
    }
  }
  await Promise.all(Array.from({ length: workers }, work)).finally(() => queue.close())
}
