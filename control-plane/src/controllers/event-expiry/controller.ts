import { eventKind, isReason } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { isExpired } from './plan.ts'

const SWEEP_MS = 120_000
/** Deletions on their way at once: sweeping is never urgent. */
const PARALLEL = 16

/** Deletes Events that are too old to explain anything. Settles when the context's signal aborts. */
export async function runEventExpiry({ client, clock, log, signal }: ControllerContext): Promise<void> {
  const events = client.resource(eventKind)
  while (!signal.aborted) {
    try {
      // From the cache: an Event that is missed now is found by the next sweep.
      const { items } = await events.list({ resourceVersion: '0', signal })
      const expired = items.filter(event => isExpired(event, clock.now()))
      for (let start = 0; start < expired.length; start += PARALLEL) {
        await Promise.all(
          expired.slice(start, start + PARALLEL).map(async ({ metadata: { name = '', namespace = '', resourceVersion = '' } }) => {
            await events.delete({ name, namespace }, { preconditions: { resourceVersion }, signal }).catch(error => {
              // Gone already, or it has just happened again.
              if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
            })
          }),
        )
      }
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'Cannot delete old Events')
    }
    await clock.sleep(SWEEP_MS, signal).catch(() => {})
  }
}
