import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { clusterRoleKind } from './cluster-role.ts'
import { clusterRoleBindingKind } from './cluster-role-binding.ts'
import { roleKind } from './role.ts'
import { roleBindingKind } from './role-binding.ts'

const URLS = { verbs: ['get'], nonResourceURLs: ['/healthz'] }
const PODS = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
const MIXED = 'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs'

const ROLES: readonly [rule: object, ofRole: string[], ofClusterRole: string[]][] = [
  [PODS, [], []],
  [{ ...PODS, resourceNames: ['a'] }, [], []],
  [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, [], []],
  [
    {},
    [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
    [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
  ],
  [URLS, ['rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs'], []],
  [
    { ...PODS, ...URLS },
    // Of the same field and value only the first is said.
    ['rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs'],
    [MIXED],
  ],
]

for (const [rule, ofRole, ofClusterRole] of ROLES) {
  test(`a role with ${JSON.stringify(rule)} is judged as by Kubernetes`, () => {
    assert.deepEqual(complaints(roleKind, { rules: [rule] }), ofRole)
    assert.deepEqual(complaints(clusterRoleKind, { rules: [rule] }), ofClusterRole)
  })
}

test('a ClusterRole that is put together says from which', () => {
  const of = (clusterRoleSelectors: object[]) => complaints(clusterRoleKind, { aggregationRule: { clusterRoleSelectors } })
  assert.deepEqual(of([{ matchLabels: { 'rbac.example.com/to': 'view' } }]), [])
  assert.deepEqual(of([]), [
    'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
  ])
  assert.deepEqual(of([{ matchExpressions: [{ key: 'a', operator: 'In' }] }]), [
    "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ])
})

const VIEW = { kind: 'ClusterRole', name: 'view' }
const GROUP = 'rbac.authorization.k8s.io'

test('bindings know the groups of what they name', () => {
  const subjects = [
    { kind: 'User', name: 'a' },
    { kind: 'Group', name: 'b' },
    { kind: 'ServiceAccount', name: 'c', namespace: 'd' },
  ]
  for (const kind of [roleBindingKind, clusterRoleBindingKind]) {
    const binding = stored(kind, { roleRef: VIEW, subjects })
    assert.deepEqual(binding.roleRef, { ...VIEW, apiGroup: GROUP })
    assert.deepEqual(
      binding.subjects?.map(({ apiGroup }) => apiGroup),
      [GROUP, GROUP, undefined],
    )
  }
})

const BINDINGS: readonly [binding: object, ofBoth: string[]][] = [
  [{ roleRef: VIEW }, []],
  [{ roleRef: { ...VIEW, name: 'system:node' } }, []],
  [{ roleRef: { ...VIEW, apiGroup: 'x.io' } }, [`roleRef.apiGroup: Unsupported value: "x.io": supported values: "${GROUP}"`]],
  [{ roleRef: { ...VIEW, name: '' } }, ['roleRef.name: Required value']],
  [{ roleRef: { ...VIEW, name: 'a/b' } }, [`roleRef.name: Invalid value: "a/b": may not contain '/'`]],
  [
    { roleRef: VIEW, subjects: [{ kind: 'User' }] },
    ['subjects[0].name: Required value', 'subjects[0].name: Invalid value: "": user name cannot be empty'],
  ],
  [
    { roleRef: VIEW, subjects: [{ kind: 'Group', name: 'a', apiGroup: 'x' }] },
    [`subjects[0].apiGroup: Unsupported value: "x": supported values: "${GROUP}"`],
  ],
  [
    { roleRef: VIEW, subjects: [{ kind: 'ServiceAccount', name: 'a', namespace: 'b', apiGroup: 'x' }] },
    ['subjects[0].apiGroup: Unsupported value: "x": supported values: ""'],
  ],
  [
    { roleRef: VIEW, subjects: [{ kind: 'Robot', name: 'a' }] },
    ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
  ],
]

for (const [binding, wanted] of BINDINGS) {
  test(`a binding ${JSON.stringify(binding)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(roleBindingKind, binding), wanted)
    assert.deepEqual(complaints(clusterRoleBindingKind, binding), wanted)
  })
}

test('a ClusterRoleBinding gives no Role, and says where a ServiceAccount is', () => {
  const role = { roleRef: { kind: 'Role', name: 'a' } }
  assert.deepEqual(complaints(roleBindingKind, role), [])
  assert.deepEqual(complaints(clusterRoleBindingKind, role), ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'])
  const account = { roleRef: VIEW, subjects: [{ kind: 'ServiceAccount', name: 'a' }] }
  assert.deepEqual(complaints(roleBindingKind, account), [])
  assert.deepEqual(complaints(clusterRoleBindingKind, account), ['subjects[0].namespace: Required value'])
  assert.deepEqual(complaints(roleBindingKind, { roleRef: VIEW, subjects: [{ kind: 'ServiceAccount', name: 'A' }] }).length, 1)
})

test('the role of a binding stays, its subjects may change', () => {
  const old = { roleRef: VIEW }
  assert.deepEqual(changeComplaints(roleBindingKind, old, { ...old, subjects: [{ kind: 'User', name: 'a' }] }), [])
  assert.deepEqual(changeComplaints(roleBindingKind, old, { roleRef: { ...VIEW, apiGroup: GROUP } }), [])
  assert.deepEqual(changeComplaints(clusterRoleBindingKind, old, { roleRef: { ...VIEW, name: 'edit' } }), [
    `roleRef: Invalid value: {"kind":"ClusterRole","name":"edit","apiGroup":"${GROUP}"}: cannot change roleRef`,
  ])
})

test('kubectl get shows roles and bindings as with Kubernetes', () => {
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  assert.deepEqual(cells(roleKind, { metadata }), { Name: 'a', 'Created At': '2026-01-01T00:00:00Z' })
  const subjects = [
    { kind: 'User', name: 'ann' },
    { kind: 'User', name: 'bob' },
    { kind: 'Group', name: 'dev' },
    { kind: 'ServiceAccount', name: 'ci', namespace: 'tools' },
  ]
  assert.deepEqual(cells(roleBindingKind, { metadata, roleRef: VIEW, subjects }, Date.parse('2026-01-01T00:01:00Z')), {
    Name: 'a',
    Role: 'ClusterRole/view',
    Age: '60s',
    Users: 'ann, bob',
    Groups: 'dev',
    ServiceAccounts: 'tools/ci',
  })
})
