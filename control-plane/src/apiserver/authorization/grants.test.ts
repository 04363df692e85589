import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClusterRole,
  clusterRoleBindingKind,
  clusterRoleKind,
  type Kind,
  type KubernetesObject,
  type PolicyRule,
  roleBindingKind,
  roleKind,
} from '@davit/api'
import { defaultRoles } from '../rbac/testing/index.ts'
import { createAuthorizer } from './authorizer.ts'
import { createAccessGuard } from './grants.ts'

const GROUP = 'rbac.authorization.k8s.io'
const USER = { name: 'bob', groups: ['system:authenticated'] }
const WHO = 'user "bob" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
const PODS: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }
const SECRETS: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] }

const make = (kind: Kind | { kind: string }, name: string, more: object, namespace?: string) =>
  ({ apiVersion: `${GROUP}/v1`, kind: kind.kind, metadata: { name, ...(namespace && { namespace }) }, ...more }) as KubernetesObject
const bind = (name: string, namespace?: string, kind = 'ClusterRole') => ({
  roleRef: { apiGroup: GROUP, kind, name },
  subjects: [{ kind: 'User', apiGroup: GROUP, name: namespace === undefined ? 'bob' : 'eve' }],
})
const role = (rules: PolicyRule[], more: object = {}) => make(roleKind, 'r', { rules, ...more }, 'a')
const clusterRole = (rules: PolicyRule[], more: object = {}) => make(clusterRoleKind, 'r', { rules, ...more })

/** Whoever holds `rules` everywhere. */
function guardFor(rules: PolicyRule[]) {
  const roles = defaultRoles([
    make(clusterRoleKind, 'own', { rules }),
    make(clusterRoleBindingKind, 'own', bind('own')),
    make(roleKind, 'reader', { rules: [PODS] }, 'a'),
  ])
  const authorizer = createAuthorizer({ podsOnNode: async () => [], pod: async () => undefined, volume: async () => undefined }, roles)
  const guard = createAccessGuard(() => ({ authorizer, roles }))
  return async (object: KubernetesObject, old?: KubernetesObject) => {
    const kinds = { Role: roleKind, ClusterRole: clusterRoleKind, RoleBinding: roleBindingKind, ClusterRoleBinding: clusterRoleBindingKind }
    const kind = kinds[object.kind as keyof typeof kinds] as unknown as Kind
    return guard.mayGrant({ context: { user: USER }, kind, object, ...(old && { old }) }).then(
      () => 'allowed',
      (error: Error) => error.message,
    )
  }
}

const SELECTS_ALL = { aggregationRule: { clusterRoleSelectors: [{}] } }
const binding = (roleRef: string, kind = 'ClusterRole') => make(roleBindingKind, 'b', bind(roleRef, 'a', kind), 'a')
const clusterBinding = (roleRef: string) => make(clusterRoleBindingKind, 'b', bind(roleRef))
const verb = (name: string, resource: string, names?: string[]): PolicyRule => ({
  verbs: [name],
  apiGroups: [GROUP],
  resources: [resource],
  ...(names && { resourceNames: names }),
})
const LACKS_ALL = `${WHO}{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}`

const CASES: readonly [what: string, held: PolicyRule[], object: KubernetesObject, outcome: string, old?: KubernetesObject][] = [
  ['a role with what one holds', [PODS], role([PODS]), 'allowed'],
  [
    'a role with more than one holds',
    [PODS],
    role([PODS, SECRETS]),
    `roles.${GROUP} "r" is forbidden: ${WHO}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
  ],
  [
    'a role that grows',
    [PODS],
    role([SECRETS]),
    `roles.${GROUP} "r" is forbidden: ${WHO}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
    role([PODS]),
  ],
  ['a role with more, with escalate', [verb('escalate', 'roles')], role([SECRETS]), 'allowed'],
  [
    'a role with more, with escalate on its name, when it is there',
    [verb('escalate', 'roles', ['r'])],
    role([SECRETS]),
    'allowed',
    role([PODS]),
  ],
  [
    'a cluster role, with escalate on roles alone',
    [verb('escalate', 'roles')],
    clusterRole([SECRETS]),
    `clusterroles.${GROUP} "r" is forbidden: ${WHO}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
  ],
  ['a cluster role that gathers all others', [PODS], clusterRole([], SELECTS_ALL), `clusterroles.${GROUP} "r" is forbidden: ${LACKS_ALL}`],
  [
    'a cluster role that gathers no more',
    [PODS],
    clusterRole([PODS]),
    `clusterroles.${GROUP} "r" is forbidden: ${LACKS_ALL}`,
    clusterRole([PODS], SELECTS_ALL),
  ],
  [
    'a role of everything by one who holds all resources',
    [{ verbs: ['*'], apiGroups: ['*'], resources: ['pods', 'secrets'] }],
    clusterRole([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]),
    `clusterroles.${GROUP} "r" is forbidden: ${WHO}{APIGroups:["*"], Resources:["*"], Verbs:["*"]}`,
  ],
  ['a binding to a role with what one holds', [PODS], binding('reader', 'Role'), 'allowed'],
  [
    'a binding to a role with more',
    [SECRETS],
    binding('reader', 'Role'),
    `rolebindings.${GROUP} "b" is forbidden: ${WHO}{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`,
  ],
  ['a binding to cluster-admin', [PODS], binding('cluster-admin'), `rolebindings.${GROUP} "b" is forbidden: ${LACKS_ALL}`],
  [
    'a cluster binding to cluster-admin',
    [PODS],
    clusterBinding('cluster-admin'),
    `clusterrolebindings.${GROUP} "b" is forbidden: ${LACKS_ALL}`,
  ],
  ['a binding with the verb bind', [verb('bind', 'clusterroles', ['view'])], binding('view'), 'allowed'],
  [
    'a binding with the verb bind on a role of that name',
    [verb('bind', 'roles', ['cluster-admin'])],
    binding('cluster-admin'),
    `rolebindings.${GROUP} "b" is forbidden: ${LACKS_ALL}`,
  ],
  [
    'a binding with escalate',
    [verb('escalate', 'clusterroles')],
    binding('cluster-admin'),
    `rolebindings.${GROUP} "b" is forbidden: ${LACKS_ALL}`,
  ],
  ['a binding to a role that is not there', [PODS], binding('later'), `clusterrole.${GROUP} "later" not found`],
  [
    'a binding to a role of another namespace',
    [PODS],
    make(roleBindingKind, 'b', bind('reader', 'b', 'Role'), 'b'),
    `role.${GROUP} "reader" not found`,
  ],
  [
    'another subject of a binding',
    [PODS],
    { ...clusterBinding('cluster-admin'), subjects: [{ kind: 'User', name: 'bob' }] } as KubernetesObject,
    `clusterrolebindings.${GROUP} "b" is forbidden: ${LACKS_ALL}`,
    { ...clusterBinding('cluster-admin'), subjects: [] } as KubernetesObject,
  ],
]
for (const [what, held, object, outcome, old] of CASES) {
  test(`who holds ${JSON.stringify(held)} and writes ${what}`, async () => {
    assert.equal(await guardFor(held)(object, old), outcome)
  })
}

test('a change of owners or finalizers grants nothing', async () => {
  const may = guardFor([PODS])
  const old = clusterRole([SECRETS])
  const owned = {
    ...old,
    metadata: { ...old.metadata, finalizers: ['x'], ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x' }] },
  }
  assert.equal(await may(owned, old), 'allowed')
  const labelled = { ...old, metadata: { ...old.metadata, labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } } }
  assert.match(await may(labelled, old), /is attempting to grant/)
})

test('a role that lists more than anybody would is refused before it is judged', async () => {
  const names = Array.from({ length: 400 }, (_, i) => `n${i}`)
  const rules = [{ verbs: names, apiGroups: names, resources: names, resourceNames: names }]
  const before = performance.now()
  assert.match(await guardFor([PODS])(clusterRole(rules) as ClusterRole), /attempting to grant more than 50000 RBAC permissions at once/)
  assert.ok(performance.now() - before < 1000)
})
