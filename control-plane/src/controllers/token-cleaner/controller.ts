/** Removes bootstrap tokens a day after their time is over: until then a machine that joins too late hears why it may not. */
import { isReason, JOIN_TOKEN_TYPE, NAMESPACES, readJoinTokenRecord, runController, secretKind, startInformer, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'

/** Timers count in 32 bits; who expires later is looked at again until then. */
const WAIT_MS_MAX = 24 * 60 * 60 * 1000
const KEPT_MS = 24 * 60 * 60 * 1000

/** Settles when the context's signal aborts. */
export async function runTokenCleaner({ client, clock, log, signal }: ControllerContext): Promise<void> {
  const scope = { namespace: NAMESPACES.system, fieldSelector: `type=${JOIN_TOKEN_TYPE}` }
  const secrets = startInformer(client, secretKind, { ...scope, signal, log, clock })
  await secrets.synced
  const queue = new WorkQueue({ clock })
  secrets.onChange(({ key }) => queue.add(key))
  const reconcile = async (key: string) => {
    const secret = secrets.cache.get(key)
    if (!secret) return {}
    const leftMs = readJoinTokenRecord(secret).expiresAt + KEPT_MS - clock.now()
    if (leftMs > 0) return Number.isFinite(leftMs) ? { againAfterMs: Math.min(leftMs, WAIT_MS_MAX) } : {}
    const { name = '', namespace = '', uid = '', resourceVersion = '' } = secret.metadata
    try {
      await client.resource(secretKind).delete({ name, namespace }, { preconditions: { uid, resourceVersion }, signal })
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    }
    return {}
  }
  await runController(queue, reconcile, { log, signal })
}
