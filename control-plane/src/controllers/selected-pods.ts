import { type Informer, key as keyOf, type Pod, type Service, selectorFromMap } from '@davit/api'

/** Pods a Service selects; none when it has no selector. */
export function selectedPods(service: Service, pods: Informer<Pod>): Pod[] {
  const selector = service.spec?.selector
  if (!selector || Object.keys(selector).length === 0) return []
  const matcher = selectorFromMap(selector)
  return pods.cache.byIndex('namespace', service.metadata.namespace ?? '').filter(pod => matcher.matches(pod.metadata.labels ?? {}))
}

/** Calls `add` with the key of each Service that selects, or before the change selected, a pod that changed. */
export function onPodOfService(services: Informer<Service>, pods: Informer<Pod>, add: (key: string) => void): void {
  pods.onChange(({ object, old }) => {
    const versions = old ? [old, object] : [object]
    for (const service of services.cache.byIndex('namespace', object.metadata.namespace ?? '')) {
      const selector = service.spec?.selector
      if (!selector || Object.keys(selector).length === 0) continue
      const matcher = selectorFromMap(selector)
      if (versions.some(pod => matcher.matches(pod.metadata.labels ?? {}))) add(keyOf(service))
    }
  })
}
