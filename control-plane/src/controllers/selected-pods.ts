import { isDeepStrictEqual } from 'node:util'
import { type Change, type Informer, isPodFinished, isPodReady, key as keyOf, type Pod, type Service, selectorFromMap } from '@davit/api'

/** Pods a Service selects; none when it has no selector. */
export function selectedPods(service: Service, pods: Informer<Pod>): Pod[] {
  const selector = service.spec?.selector
  if (!selector || Object.keys(selector).length === 0) return []
  const matcher = selectorFromMap(selector)
  return pods.cache.byIndex('namespace', service.metadata.namespace ?? '').filter(pod => matcher.matches(pod.metadata.labels ?? {}))
}

/** Calls `add` with the key of each Service that selects, or before the change selected, a pod with an address that changed. */
export function onPodOfService(services: Informer<Service>, pods: Informer<Pod>, add: (key: string, change: Change<Pod>) => void): void {
  pods.onChange(change => {
    const { object, old } = change
    const versions = old ? [old, object] : [object]
    // Without an address it is nobody's endpoint.
    if (versions.every(pod => !pod.status?.podIP)) return
    for (const service of services.cache.byIndex('namespace', object.metadata.namespace ?? '')) {
      const selector = service.spec?.selector
      if (!selector || Object.keys(selector).length === 0) continue
      const matcher = selectorFromMap(selector)
      if (versions.some(pod => matcher.matches(pod.metadata.labels ?? {}))) add(keyOf(service), change)
    }
  })
}

/** True when whoever does not hear of it reaches as many pods as before: no pod has gone, moved or stopped to be ready. */
export function merelyJoins({ type, object, old }: Change<Pod>): boolean {
  if (type === 'deleted' || object.metadata.deletionTimestamp !== undefined || isPodFinished(object)) return false
  if (!old || !isPodReady(old)) return true
  return isPodReady(object) && old.status?.podIP === object.status?.podIP && isDeepStrictEqual(old.metadata.labels, object.metadata.labels)
}
