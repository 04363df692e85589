import { apiError, type Kind, type KubernetesObject, type Scale } from '@davit/api'

/** What every workload with replicas looks like to a scaler. Throws NotFound for kinds without `scale`. */
export function scaleOf(kind: Kind, object: KubernetesObject): Scale {
  const { replicas, statusReplicas, selector } = numbersOf(kind)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: { replicas: replicas(object) },
    status: { replicas: statusReplicas(object), selector: selector(object) },
  }
}

/** How the kind counts its replicas. Throws NotFound for kinds without `scale`. */
export function numbersOf(kind: Kind): NonNullable<Kind['scale']> {
  if (!kind.scale) throw apiError('NotFound', 'the server could not find the requested resource')
  return kind.scale
}
