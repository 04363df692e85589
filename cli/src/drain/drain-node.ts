import { isReason, type Pod, podKind, systemClock } from '@davit/api'
import type { DryRun } from '../command-line/index.ts'
import { waitUntilGone } from '../deletion/index.ts'
import type { ResourceType, Session } from '../session/index.ts'
import { type ChooseOptions, choosePods } from './choose.ts'

export interface DrainOptions extends ChooseOptions {
  /** Asks through the eviction API; otherwise deletes. */
  evicts: boolean
  gracePeriodSeconds?: number
  podSelector?: string
  dryRun: DryRun
  /** Gives up when it aborts. */
  signal?: AbortSignal
  /** How long that takes, for the message. */
  timeoutText?: string
  print: (text: string) => void
  warn: (text: string) => void
}

/** Between two tries to evict a pod whose disruption budget does not allow it yet. */
const RETRY_MS = 5_000

/** Evicts the pods of a cordoned node and waits until all are gone. Throws, saying why, when some may not go. */
export async function drainNode(session: Session, node: string, options: DrainOptions): Promise<void> {
  const { podSelector, dryRun } = options
  const list = await session.client
    .resource(podKind)
    .list({ fieldSelector: `spec.nodeName=${node}`, ...(podSelector && { labelSelector: podSelector }) })
  const { evict, warnings, errors } = choosePods(list.items, options)
  if (errors.length > 0) {
    options.warn(
      `error: unable to drain node "${node}" due to error: ${errorText(errors)}, continuing command...\nThere are pending nodes to be drained:\n ${node}\n`,
    )
    throw new Error(errors.join(', '))
  }
  if (warnings.length > 0) options.warn(`Warning: ${warnings.join('; ')}\n`)
  if (dryRun !== 'none') {
    for (const pod of evict) options.print(`evicting pod ${nameOf(pod)} (${dryRun === 'server' ? 'server dry run' : 'dry run'})\n`)
    return
  }
  const type = await session.types.byName('pods')
  try {
    await Promise.all(evict.map(pod => remove(session, pod, { type, options })))
  } catch (err) {
    if (options.signal?.aborted) throw new Error(`error when evicting pods: global timeout reached: ${options.timeoutText}`)
    throw err
  }
}

function errorText(errors: readonly string[]): string {
  return errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`
}

async function remove(session: Session, pod: Pod, { type, options }: { type: ResourceType; options: DrainOptions }): Promise<void> {
  const { signal, evicts } = options
  const name = pod.metadata.name ?? ''
  const { namespace, uid } = pod.metadata
  const target = { type, namespace, name }
  for (;;) {
    signal?.throwIfAborted()
    options.print(`${evicts ? 'evicting' : 'deleting'} pod ${nameOf(pod)}\n`)
    try {
      await send(session, target, options)
      break
    } catch (err) {
      if (isReason(err, 'NotFound')) break
      if (!isReason(err, 'TooManyRequests')) throw err
      options.warn(`error when evicting pods/"${name}" -n "${namespace}" (will retry after 5s): ${err.message}\n`)
      await systemClock.sleep(RETRY_MS, signal)
    }
  }
  await waitUntilGone(session, target, uid, signal)
  options.print(`pod/${name} ${evicts ? 'evicted' : 'deleted'}\n`)
}

async function send(
  session: Session,
  { type, namespace, name }: { type: ResourceType; namespace: string | undefined; name: string },
  { evicts, gracePeriodSeconds, signal }: DrainOptions,
): Promise<void> {
  const deleteOptions = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
  const own = signal ? { signal } : {}
  if (!evicts) {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...deleteOptions }
    await session.api.delete(type, { namespace, name }, { body, ...own })
    return
  }
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    ...(gracePeriodSeconds !== undefined && { deleteOptions }),
  }
  await session.api.create(type, { namespace, name, subresource: 'eviction' }, body, own)
}

function nameOf({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`
}
