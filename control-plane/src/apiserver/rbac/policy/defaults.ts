/** The roles and bindings that every cluster has, as Kubernetes has them (its rbac bootstrap policy). */
import { aggregateRules, type ClusterRole, type ClusterRoleBinding, GROUPS, NAMESPACES, RBAC_GROUP, type Role } from '@davit/api'
import { ROLES_FOR_PARTS } from './for-parts.ts'
import { ROLES_FOR_PEOPLE } from './for-people.ts'
import { clusterRole, clusterRoleBinding, defaults, group, paths, READ, rule, user } from './make.ts'

/** The single checks, and HEAD where Kubernetes allows GET alone, are Davit's addition: they tell no more, and load balancers ask so. */
const HEALTH = '/healthz /healthz/* /livez /livez/* /readyz /readyz/*'

const ROLES_FOR_ALL = [
  clusterRole('cluster-admin', [rule('*', '*', '*'), paths('*', '*')]),
  clusterRole('system:discovery', [paths('get head', `${HEALTH} /api /api/* /apis /apis/* /openapi /openapi/* /version /version/`)]),
  clusterRole('system:basic-user', [
    rule('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    rule('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  clusterRole('system:public-info-viewer', [paths('get head', `${HEALTH} /version /version/`)]),
  clusterRole('system:service-account-issuer-discovery', [
    paths('get head', '/.well-known/openid-configuration /openid/v1/jwks /openid/v1/jwks/'),
  ]),
  clusterRole('system:cluster-trust-bundle-discovery', [rule(READ, 'certificates.k8s.io', 'clustertrustbundles')]),
]

/** Roles that others make up have their rules at once, before any controller runs. */
export const CLUSTER_ROLES: readonly ClusterRole[] = aggregated([...ROLES_FOR_ALL, ...ROLES_FOR_PEOPLE, ...ROLES_FOR_PARTS])

const { masters, authenticated, unauthenticated, serviceAccounts } = GROUPS

export const CLUSTER_ROLE_BINDINGS: readonly ClusterRoleBinding[] = [
  clusterRoleBinding('cluster-admin', [group(masters)]),
  clusterRoleBinding('system:discovery', [group(authenticated)]),
  clusterRoleBinding('system:basic-user', [group(authenticated)]),
  clusterRoleBinding('system:public-info-viewer', [group(authenticated), group(unauthenticated)]),
  clusterRoleBinding('system:service-account-issuer-discovery', [group(serviceAccounts)]),
  clusterRoleBinding('system:cluster-trust-bundle-discovery', [group(serviceAccounts)]),
  clusterRoleBinding('system:monitoring', [group('system:monitoring')]),
  clusterRoleBinding('system:node-proxier', [user('system:kube-proxy')]),
  clusterRoleBinding('system:kube-scheduler', [user('system:kube-scheduler')]),
  clusterRoleBinding('system:volume-scheduler', [user('system:kube-scheduler')]),
  clusterRoleBinding('system:kube-dns', [{ kind: 'ServiceAccount', name: 'kube-dns', namespace: NAMESPACES.system }]),
  // There to be bound to by name, and to nobody: nodes are judged one by one.
  clusterRoleBinding('system:node', []),
]

/** In kube-system: how an aggregated API server learns whom to trust. */
export const ROLES: readonly Role[] = [
  {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: 'Role',
    metadata: { namespace: NAMESPACES.system, ...defaults('extension-apiserver-authentication-reader') },
    rules: [rule('get list watch', '', 'configmaps', 'extension-apiserver-authentication')],
  },
]

function aggregated(roles: readonly ClusterRole[]): ClusterRole[] {
  let made = [...roles]
  // What view is made of, edit is made of, and admin: as many steps.
  for (let depth = 0; depth < 3; depth++) {
    made = made.map(role => {
      const rules = aggregateRules(role, made)
      return rules ? { ...role, rules } : role
    })
  }
  return made
}
