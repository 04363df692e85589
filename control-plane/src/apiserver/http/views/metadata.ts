import type { KubernetesObject } from '@davit/api'

/** An object's metadata by itself: `PartialObjectMetadata` as JSON; also the object in a table's row. */
export function metadataOf(object: KubernetesObject, version: 'v1' | 'v1beta1'): string {
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":${JSON.stringify(object.metadata)}}`
}
