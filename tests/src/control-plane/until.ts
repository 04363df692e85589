import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 50

/** Asks again and again until `find` gives something; throws after `timeoutMs`, naming `what` and how the last try failed. */
export async function until<R>(
  what: string,
  find: () => Promise<R | undefined | false> | R | undefined | false,
  timeoutMs = 20_000,
): Promise<R> {
  const deadline = performance.now() + timeoutMs
  let failure: unknown
  for (;;) {
    try {
      const found = await find()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for ${what}`, { cause: failure })
    await delay(POLL_MS)
  }
}
