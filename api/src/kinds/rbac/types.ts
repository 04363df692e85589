/** https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/ */
import type { KubernetesObject, LabelSelector } from '../../meta.ts'

/** The group of these kinds, which stands in references to roles, users and groups, too. */
export const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** What may be done. All fields but verbs are about resources, or nonResourceURLs stands alone. */
export interface PolicyRule {
  verbs: string[]
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  nonResourceURLs?: string[]
}

export interface Role extends KubernetesObject {
  rules?: PolicyRule[]
}

export interface ClusterRole extends KubernetesObject {
  rules?: PolicyRule[]
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] }
}

export interface RoleRef {
  apiGroup?: string
  kind: string
  name: string
}

export interface Subject {
  kind: string
  /** Empty for a ServiceAccount, otherwise `RBAC_GROUP`. */
  apiGroup?: string
  name: string
  /** Of a ServiceAccount. */
  namespace?: string
}

export interface RoleBinding extends KubernetesObject {
  subjects?: Subject[]
  roleRef: RoleRef
}

export type ClusterRoleBinding = RoleBinding
