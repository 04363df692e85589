/** A point in time, RFC 3339 in UTC with whole seconds: `2026-01-02T03:04:05Z`. */
export type Time = string
/** RFC 3339 with microseconds, as Leases use it. */
export type MicroTime = string
/** An amount with a unit, such as `250m` or `64Mi`; see `parseQuantity`. */
export type Quantity = string | number
/** A number, or a name or percentage in text, as in `targetPort` and `maxSurge`. */
export type IntOrString = number | string

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
export interface ObjectMeta {
  name?: string
  generateName?: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: Time
  deletionTimestamp?: Time
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
  managedFields?: unknown[]
  selfLink?: string
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** What every stored object has. An object read from the server has a name, uid, resourceVersion and creationTimestamp. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

export interface ListMeta {
  resourceVersion?: string
  continue?: string
  remainingItemCount?: number
}

export interface KubernetesList<T> {
  apiVersion: string
  kind: string
  metadata: ListMeta
  items: T[]
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/ */
export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: LabelSelectorRequirement[]
}

export interface LabelSelectorRequirement {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  values?: string[]
}

/** The parts of a Condition that all kinds share. */
export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: Time
}
