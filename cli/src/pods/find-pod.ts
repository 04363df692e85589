import {
  type Container,
  isPodActive,
  isPodReady,
  type LabelSelector,
  type Pod,
  podKind,
  selectorFromLabelSelector,
  selectorFromMap,
} from '@davit/api'
import { parseResourceArguments } from '../resources/index.ts'
import { type AnyObject, isJsonObject, type Session, valueAt } from '../session/index.ts'

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

/** The pod that `NAME`, `pod/NAME` or `TYPE/NAME` stands for, and how many there were to choose from. */
export async function findPod(session: Session, argument: string): Promise<{ pod: Pod; count: number }> {
  const parsed = parseResourceArguments(argument.includes('/') ? [argument] : [`pods/${argument}`])
  if (parsed.form !== 'pairs') throw new Error(`want POD or TYPE/NAME, not "${argument}"`)
  const [{ type: typeName, name } = { type: '', name: '' }] = parsed.pairs
  const type = await session.types.byName(typeName)
  const { namespace } = session
  if (type.plural === 'pods') return { pod: await session.client.resource(podKind).get({ namespace, name }), count: 1 }
  const pods = await podsOf(session, await session.api.get(type, { namespace, name }), `${type.plural} "${name}"`)
  const [pod] = pods.toSorted(byUsefulness)
  if (!pod) throw new Error(`no pods found for ${type.plural} "${name}"; it has none at present`)
  return { pod, count: pods.length }
}

/** Pods that a workload's or Service's selector names. */
export async function podsOf(session: Session, object: AnyObject, what: string): Promise<Pod[]> {
  const selector = valueAt(object, 'spec', 'selector')
  if (!isJsonObject(selector)) throw new Error(`cannot find the pods of ${what}: it has no selector`)
  const isLabelSelector = 'matchLabels' in selector || 'matchExpressions' in selector
  const labelSelector = isLabelSelector
    ? selectorFromLabelSelector(selector as LabelSelector).toString()
    : selectorFromMap(selector as Record<string, string>).toString()
  const { items } = await session.client
    .resource(podKind)
    .list({ namespace: object.metadata.namespace ?? session.namespace, labelSelector })
  return items
}

/** Running and ready ones first, then those that started earlier. */
function byUsefulness(one: Pod, other: Pod): number {
  const rank = (pod: Pod) =>
    Number(Boolean(pod.spec.nodeName)) +
    2 * Number(isPodActive(pod)) +
    4 * Number(pod.status?.phase === 'Running') +
    8 * Number(isPodReady(pod))
  return rank(other) - rank(one) || (one.metadata.creationTimestamp ?? '').localeCompare(other.metadata.creationTimestamp ?? '')
}

/** All containers, in the order kubectl lists them. */
export function containersOf({ spec }: Pod): Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]
}

/** The container meant when none is named; `note` says so when there were others. */
export function defaultContainer(pod: Pod): { name: string; note?: string } {
  const preferred = pod.metadata.annotations?.[DEFAULT_CONTAINER]
  if (preferred && pod.spec.containers.some(({ name }) => name === preferred)) return { name: preferred }
  const name = pod.spec.containers[0]?.name ?? ''
  if (containersOf(pod).length <= 1) return { name }
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec
  const names = [
    ...containers.map(container => container.name),
    ...ephemeralContainers.map(container => `${container.name} (ephem)`),
    ...initContainers.map(container => `${container.name} (init)`),
  ]
  return { name, note: `Defaulted container "${name}" out of: ${names.join(', ')}` }
}
