/**
 * Counts what namespaces hold for their ResourceQuotas: when a quota is new or limits something else, and every few minutes all over.
 * In between every write is charged as it is made; the recount finds what was written by a replica that did not know the quota yet.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  customResourceDefinitionKind,
  isReason,
  KINDS,
  type Kind,
  key as keyOf,
  type ResourceQuota,
  resourceQuotaKind,
  runController,
  WorkQueue,
} from '@davit/api'
import { isUpToDate, kindsCounted, recount } from '../../quota/index.ts'
import type { ControllerContext } from '../context.ts'
import { customKinds } from '../custom-kinds.ts'

const RECOUNT_MS = 300_000
/** Writes that are charged meanwhile make a count void: it begins again at once, a few times. */
const TRIES_MAX = 5

/** Settles when the context's signal aborts. */
export async function runResourceQuotaController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const quotas = context.informer(resourceQuotaKind)
  await Promise.all([quotas.synced, context.informer(customResourceDefinitionKind).synced])
  const queue = new WorkQueue({ clock })
  quotas.onChange(({ type, key, object, old }) => {
    // What is charged changes nothing here, nor does a status that somebody wrote: it stays until the next recount.
    const isOther = type === 'added' || (type === 'updated' && !isDeepStrictEqual(object.spec, old?.spec))
    if (isOther || (type === 'updated' && !object.status?.hard && !isUpToDate(object))) queue.add(key)
  })
  const recountAll = async () => {
    while (!signal.aborted) {
      await clock.sleep(RECOUNT_MS * (0.9 + 0.2 * Math.random()), signal).catch(() => {})
      if (!signal.aborted) for (const quota of quotas.cache.list()) queue.add(keyOf(quota))
    }
  }
  await Promise.all([runController(queue, key => reconcile(key, context), { log, signal }), recountAll()])
}

async function reconcile(key: string, context: ControllerContext): Promise<void> {
  const known = context.informer(resourceQuotaKind).cache.get(key)
  if (!known) return
  for (let tries = 1; ; tries++) {
    try {
      return await writeCount(known, context)
    } catch (error) {
      if (isReason(error, 'NotFound')) return
      if (!isReason(error, 'Conflict') || tries === TRIES_MAX) throw error
    }
  }
}

async function writeCount({ metadata }: ResourceQuota, context: ControllerContext): Promise<void> {
  const { client, signal } = context
  const { name = '', namespace = '' } = metadata
  const quotas = client.resource(resourceQuotaKind)
  // First the quota, then the count: if nothing was charged until the status is written, nothing was missed.
  const quota = await quotas.get({ name, namespace }, { signal })
  const counted = await Promise.all(
    kindsCounted(quota, [...KINDS, ...customKinds(context)]).map(async (kind: Kind) => {
      const { items } = await client.resource(kind).list({ namespace, signal })
      return { kind, objects: items }
    }),
  )
  const status = recount(quota, counted)
  if (isDeepStrictEqual(status, { hard: {}, ...quota.status })) return
  await quotas.update({ ...quota, status }, { subresource: 'status', signal })
}
