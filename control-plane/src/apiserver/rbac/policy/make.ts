/** Short ways to write down the roles and bindings that every cluster has. */
import { type ClusterRole, type ClusterRoleBinding, type PolicyRule, RBAC_GROUP, type Subject } from '@davit/api'

export const READ = 'get list watch'
export const WRITE = 'create delete deletecollection patch update'
export const ALL_VERBS = `${WRITE} ${READ}`
/** Whoever wants its own changes to such an object to stay sets this to `false`. */
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

const API_VERSION = `${RBAC_GROUP}/v1`

export function defaults(name: string, labels: Readonly<Record<string, string>> = {}) {
  return { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels }, annotations: { [AUTO_UPDATE]: 'true' } }
}

/** Verbs and resources are lists with spaces between. */
export function rule(verbs: string, group: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs).sort(),
    apiGroups: group.split(' '),
    resources: words(resources).sort(),
    ...(names && { resourceNames: words(names) }),
  }
}

/** Rights on paths. */
export function paths(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls).sort() }
}

export function clusterRole(name: string, rules: readonly PolicyRule[], labels?: Readonly<Record<string, string>>): ClusterRole {
  return { apiVersion: API_VERSION, kind: 'ClusterRole', metadata: defaults(name, labels), rules: [...rules] }
}

/** Put together from the roles that have the label. */
export function aggregatedRole(name: string, label: string, labels?: Readonly<Record<string, string>>): ClusterRole {
  return { ...clusterRole(name, [], labels), aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] } }
}

/** Gives the ClusterRole of the same name. */
export function clusterRoleBinding(name: string, subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRoleBinding',
    metadata: defaults(name),
    ...(subjects.length > 0 && { subjects: [...subjects] }),
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
  }
}

export function user(name: string): Subject {
  return { kind: 'User', apiGroup: RBAC_GROUP, name }
}

export function group(name: string): Subject {
  return { kind: 'Group', apiGroup: RBAC_GROUP, name }
}

function words(text: string): string[] {
  return text.split(' ')
}
