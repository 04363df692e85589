/** Whether a webhook's selectors choose a request's namespace and object. */
import { apiError, type KubernetesObject, namespaceKind, selectorFromLabelSelector, type Webhook } from '@davit/api'
import type { ClusterLookups, Reviewed } from './types.ts'

/** Throws NotFound when the namespace is not there. */
export async function isSelected(
  webhook: Pick<Webhook, 'namespaceSelector' | 'objectSelector'>,
  request: Reviewed,
  lookups: ClusterLookups,
): Promise<boolean> {
  const objects = selectorFromLabelSelector(webhook.objectSelector)
  if (!objects.empty) {
    const isChosen = (object: KubernetesObject | undefined) => object !== undefined && objects.matches(object.metadata?.labels)
    if (!isChosen(request.object()) && !isChosen(request.old)) return false
  }
  const namespaces = selectorFromLabelSelector(webhook.namespaceSelector)
  if (namespaces.empty) return true
  const labels = await namespaceLabels(request, lookups)
  return labels === undefined || namespaces.matches(labels)
}

/** Undefined for what is in no namespace, which every selector chooses. A Namespace is judged by its own labels, as they will be. */
async function namespaceLabels(request: Reviewed, lookups: ClusterLookups): Promise<Readonly<Record<string, string>> | undefined> {
  const [{ kind }] = request.forms
  if (kind.group === '' && kind.plural === namespaceKind.plural) {
    const namespace = request.subresource === undefined ? request.object() : undefined
    return (namespace ?? request.old)?.metadata.labels ?? {}
  }
  if (!request.namespaced) return undefined
  const name = request.namespace ?? ''
  const namespace = await lookups.find(namespaceKind, { name }, request.context.signal)
  if (!namespace) throw apiError('NotFound', `namespaces "${name}" not found`, { name, kind: namespaceKind.plural })
  return namespace.metadata.labels ?? {}
}
