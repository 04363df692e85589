import { isReason } from '@davit/api'
import type { ResourceType, Session } from '../session/index.ts'
import { isJsonObject, valueAt } from '../session/index.ts'

export interface DeletionTarget {
  readonly type: ResourceType
  readonly namespace: string | undefined
  readonly name: string
  /** Manifest that names it. */
  readonly source?: string
}

export interface DeletionOptions {
  gracePeriodSeconds?: number | undefined
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  dryRun?: boolean
}

/** Asks the server to delete; gives the object's uid when the server tells it. */
export async function deleteObject(session: Session, target: DeletionTarget, options: DeletionOptions): Promise<string | undefined> {
  const { gracePeriodSeconds, propagationPolicy = 'Background', dryRun } = options
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy,
    ...(gracePeriodSeconds !== undefined && gracePeriodSeconds >= 0 && { gracePeriodSeconds }),
    ...(dryRun && { dryRun: ['All'] }),
  }
  const answer = await session.api.delete(target.type, target, { body })
  const uid = valueAt(answer, 'metadata', 'uid') ?? valueAt(answer, 'details', 'uid')
  return isJsonObject(answer) && typeof uid === 'string' ? uid : undefined
}

/**
 * Resolves when the object is gone, or another stands in its place. Rejects with the signal's reason when that aborts first.
 */
export async function waitUntilGone(
  session: Session,
  { type, namespace, name }: DeletionTarget,
  uid: string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const own = signal ? { signal } : {}
  for (;;) {
    const current = await session.api.get(type, { namespace, name }, own).catch((err: unknown) => {
      if (isReason(err, 'NotFound')) return undefined
      throw err
    })
    if (!current || (uid !== undefined && current.metadata.uid !== uid)) return
    const query = { fieldSelector: `metadata.name=${name}`, resourceVersion: current.metadata.resourceVersion }
    try {
      for await (const event of session.api.watch(type, { namespace }, { query, ...own })) {
        if (event.type === 'DELETED' || (uid !== undefined && event.object.metadata.uid !== uid)) return
      }
    } catch (err) {
      if (!isReason(err, 'Expired') && !isReason(err, 'Gone')) throw err
    }
  }
}
