import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubernetesObject, PolicyRule, RoleRef, Subject } from '@davit/api'
import { RoleIndex } from './role-index.ts'
import { defaultRoles } from './testing/index.ts'
import type { RoleQuestion } from './types.ts'

const BOB = { name: 'bob', groups: ['dev', 'system:authenticated'] }
const RUNNER = { name: 'system:serviceaccount:tools:runner', groups: ['system:serviceaccounts', 'system:authenticated'] }

function clusterRole(name: string, ...rules: PolicyRule[]): KubernetesObject {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules } as KubernetesObject
}

function role(name: string, namespace: string, ...rules: PolicyRule[]): KubernetesObject {
  return { ...clusterRole(name, ...rules), kind: 'Role', metadata: { name, namespace } }
}

function binding(name: string, roleRef: RoleRef, subjects: Subject[], namespace?: string): KubernetesObject {
  const kind = namespace ? 'RoleBinding' : 'ClusterRoleBinding'
  const metadata = { name, ...(namespace && { namespace }) }
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata, roleRef, subjects } as KubernetesObject
}

function indexOf(...objects: KubernetesObject[]): RoleIndex {
  const index = new RoleIndex()
  for (const object of objects) index.set(object)
  return index
}

const bob: Subject[] = [{ kind: 'User', name: 'bob' }]
const on = (verb: string, resource: string, more: Partial<RoleQuestion> = {}): RoleQuestion => ({
  user: BOB,
  verb,
  group: '',
  resource,
  ...more,
})
const at = (verb: string, path: string): RoleQuestion => ({ user: BOB, verb, group: '', resource: '', path })

const resources = (text: string, more: Partial<PolicyRule> = {}) => ({
  verbs: ['get'],
  apiGroups: [''],
  resources: text.split(' '),
  ...more,
})
const urls = (...nonResourceURLs: string[]) => ({ verbs: ['get'], nonResourceURLs })

const MATCHES: readonly [rule: PolicyRule, question: RoleQuestion, allowed: boolean][] = [
  [resources('pods'), on('get', 'pods'), true],
  [resources('pods'), on('list', 'pods'), false],
  [resources('pods'), on('get', 'pods', { group: 'apps' }), false],
  [resources('pods'), on('get', 'pods', { subresource: 'log' }), false],
  [resources('pods/log'), on('get', 'pods'), false],
  [resources('pods/log'), on('get', 'pods', { subresource: 'log' }), true],
  [resources('pods/*'), on('get', 'pods', { subresource: 'log' }), false],
  [resources('*/scale', { apiGroups: ['*'] }), on('get', 'deployments', { group: 'apps', subresource: 'scale' }), true],
  [resources('*/scale'), on('get', 'scale'), false],
  [resources('*/scale'), on('get', 'pods'), false],
  [resources('*'), on('get', 'pods', { subresource: 'exec' }), true],
  [resources('*', { verbs: ['*'], apiGroups: ['*'] }), on('escalate', 'roles', { group: 'rbac.authorization.k8s.io' }), true],
  [resources('*', { verbs: ['*'], apiGroups: ['*'] }), at('get', '/metrics'), false],
  [resources('secrets', { resourceNames: ['a'] }), on('get', 'secrets', { name: 'a' }), true],
  [resources('secrets', { resourceNames: ['a'] }), on('get', 'secrets', { name: 'b' }), false],
  [resources('secrets', { resourceNames: ['a'] }), on('get', 'secrets'), false],
  // No star among names, in Kubernetes.
  [resources('secrets', { resourceNames: ['*'] }), on('get', 'secrets', { name: 'a' }), false],
  [resources('pods'), on('*', 'pods'), false],
  [resources('pods'), on('get', '*'), false],
  [urls('/metrics'), at('get', '/metrics'), true],
  [urls('/metrics'), at('get', '/metrics/slis'), false],
  [urls('/metrics/*'), at('get', '/metrics/slis'), true],
  [urls('/metrics/*'), at('get', '/metrics'), false],
  [urls('/metrics*'), at('get', '/metricsandmore'), true],
  [urls('*'), at('get', '/anything'), true],
  [urls('*'), at('post', '/anything'), false],
  [urls('*'), on('get', 'pods'), false],
  // A star stands at the end or it is none.
  [urls('/*/secret'), at('get', '/a/secret'), false],
]

for (const [rule, question, allowed] of MATCHES) {
  const what = question.path ?? [question.resource, question.subresource, question.name].filter(Boolean).join('/')
  test(`check() ${allowed ? 'allows' : 'denies'} ${question.verb} ${what} by ${JSON.stringify(rule)}`, () => {
    const index = indexOf(clusterRole('r', rule), binding('b', { kind: 'ClusterRole', name: 'r' }, bob))
    assert.equal(index.check(question).allowed, allowed)
  })
}

const PODS = resources('pods')
const SUBJECTS: readonly [what: string, subject: Subject, user: RoleQuestion['user'], allowed: boolean][] = [
  ['the user', { kind: 'User', name: 'bob' }, BOB, true],
  ['a group', { kind: 'Group', name: 'dev' }, BOB, true],
  ['a group of the name of the user', { kind: 'Group', name: 'bob' }, BOB, false],
  ['a user of the name of a group', { kind: 'User', name: 'dev' }, BOB, false],
  ['everybody by a star', { kind: 'User', name: '*' }, BOB, false],
  ['the account', { kind: 'ServiceAccount', name: 'runner', namespace: 'tools' }, RUNNER, true],
  ['the account of another namespace', { kind: 'ServiceAccount', name: 'runner', namespace: 'a' }, RUNNER, false],
  ['the account by its user', { kind: 'User', name: RUNNER.name }, RUNNER, true],
  // The namespace of the binding, which is not the account's.
  ['an account without namespace', { kind: 'ServiceAccount', name: 'runner' }, RUNNER, false],
  // A name with a colon in it must not reach into another namespace.
  ['an account that says to be another', { kind: 'ServiceAccount', name: 'x:tools:runner', namespace: 'serviceaccount' }, RUNNER, false],
]
for (const [what, subject, user, allowed] of SUBJECTS) {
  test(`check() ${allowed ? 'allows' : 'denies'} what is given to ${what}`, () => {
    const index = indexOf(role('r', 'a', PODS), binding('b', { kind: 'Role', name: 'r' }, [subject], 'a'))
    assert.equal(index.check({ ...on('get', 'pods', { namespace: 'a' }), user }).allowed, allowed)
  })
}

test('check() keeps what a RoleBinding gives inside its namespace', () => {
  const index = indexOf(clusterRole('r', PODS, urls('*')), binding('b', { kind: 'ClusterRole', name: 'r' }, bob, 'a'))
  assert.ok(index.check(on('get', 'pods', { namespace: 'a' })).allowed)
  assert.ok(!index.check(on('get', 'pods', { namespace: 'b' })).allowed)
  assert.ok(!index.check(on('get', 'pods')).allowed)
  assert.ok(!index.check(at('get', '/metrics')).allowed)
})

test('check() takes a Role from the namespace of the binding only', () => {
  const index = indexOf(role('r', 'a', PODS), binding('b', { kind: 'Role', name: 'r' }, bob, 'b'))
  assert.deepEqual(index.check(on('get', 'pods', { namespace: 'b' })), {
    allowed: false,
    reason: 'RBAC: role.rbac.authorization.k8s.io "r" not found',
  })
})

test('check() says by what', () => {
  const account: Subject[] = [{ kind: 'ServiceAccount', name: 'runner', namespace: 'tools' }]
  const index = indexOf(
    clusterRole('view', PODS),
    binding('all', { kind: 'ClusterRole', name: 'view' }, bob),
    binding('some', { kind: 'ClusterRole', name: 'view' }, account, 'a'),
  )
  assert.equal(index.check(on('get', 'pods')).reason, 'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "view" to User "bob"')
  assert.equal(
    index.check({ ...on('get', 'pods', { namespace: 'a' }), user: RUNNER }).reason,
    'RBAC: allowed by RoleBinding "some/a" of ClusterRole "view" to ServiceAccount "runner/tools"',
  )
})

test('a role or binding that goes, comes again or changes counts at once', () => {
  const given = binding('b', { kind: 'ClusterRole', name: 'r' }, bob)
  const index = indexOf(given)
  const allowed = () => index.check(on('get', 'pods')).allowed
  assert.equal(index.check(on('get', 'pods')).reason, 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found')
  index.set(clusterRole('r', PODS))
  assert.ok(allowed())
  index.set(clusterRole('r', resources('secrets')))
  assert.ok(!allowed())
  index.set(clusterRole('r', PODS))
  index.set(binding('b', { kind: 'ClusterRole', name: 'r' }, [{ kind: 'User', name: 'eve' }]))
  assert.ok(!allowed())
  index.set(given)
  assert.ok(allowed())
  index.delete(given)
  assert.ok(!allowed())
  index.set(given)
  index.delete(clusterRole('r'))
  assert.ok(!allowed())
})

test('rulesOf() gives what holds in a namespace, and says what it does not know', () => {
  const index = indexOf(
    clusterRole('r', PODS),
    role('own', 'a', resources('secrets')),
    binding('b', { kind: 'ClusterRole', name: 'r' }, bob),
    binding('o', { kind: 'Role', name: 'own' }, bob, 'a'),
    binding('lost', { kind: 'Role', name: 'lost' }, bob, 'a'),
  )
  assert.deepEqual(index.rulesOf(BOB), { rules: [PODS], errors: [] })
  assert.deepEqual(index.rulesOf(BOB, 'a'), {
    rules: [PODS, resources('secrets')],
    errors: ['role.rbac.authorization.k8s.io "lost" not found'],
  })
})

test('names of objects by nature are names like others', () => {
  const index = indexOf(binding('b', { kind: 'ClusterRole', name: '__proto__' }, [{ kind: 'User', name: 'constructor' }]))
  const user = { name: 'constructor', groups: ['__proto__', 'toString'] }
  assert.equal(index.check({ ...on('get', 'pods', { namespace: '__proto__' }), user }).allowed, false)
})

const VIEWER = defaultRoles([binding('v', { kind: 'ClusterRole', name: 'view' }, bob, 'a')])
const EDITOR = defaultRoles([binding('e', { kind: 'ClusterRole', name: 'edit' }, bob, 'a')])
const ADMIN = defaultRoles([binding('a', { kind: 'ClusterRole', name: 'admin' }, bob, 'a')])
const apps = { group: 'apps' }
const rbac = { group: 'rbac.authorization.k8s.io' }

const PEOPLE: readonly [who: RoleIndex, name: string, allowed: RoleQuestion[], denied: RoleQuestion[]][] = [
  [
    VIEWER,
    'view',
    [on('list', 'pods'), on('get', 'pods', { subresource: 'log' }), on('watch', 'deployments', apps), on('get', 'namespaces')],
    [
      on('get', 'secrets'),
      on('create', 'pods'),
      on('create', 'pods', { subresource: 'exec' }),
      on('list', 'roles', rbac),
      on('list', 'nodes'),
    ],
  ],
  [
    EDITOR,
    'edit',
    [on('list', 'pods'), on('get', 'secrets'), on('create', 'pods', { subresource: 'exec' }), on('patch', 'deployments', apps)],
    [
      on('create', 'rolebindings', rbac),
      on('update', 'resourcequotas'),
      on('delete', 'namespaces'),
      on('update', 'pods', { subresource: 'status' }),
      on('create', 'pods', { subresource: 'binding' }),
    ],
  ],
  [
    ADMIN,
    'admin',
    [on('list', 'pods'), on('get', 'secrets'), on('create', 'rolebindings', rbac), on('delete', 'roles', rbac)],
    [
      on('escalate', 'roles', rbac),
      on('bind', 'clusterroles', rbac),
      on('create', 'clusterrolebindings', rbac),
      on('update', 'resourcequotas'),
      on('impersonate', 'users'),
      on('delete', 'namespaces'),
    ],
  ],
]
for (const [index, name, allowed, denied] of PEOPLE) {
  const inNamespace = (question: RoleQuestion) => ({ ...question, namespace: 'a' })
  test(`the role ${name} opens its namespace as in Kubernetes, and nothing outside of it`, () => {
    for (const question of allowed) {
      assert.ok(index.check(inNamespace(question)).allowed, JSON.stringify(question))
      assert.ok(!index.check({ ...question, namespace: 'b' }).allowed)
      assert.ok(!index.check(question).allowed)
    }
    for (const question of denied) assert.ok(!index.check(inNamespace(question)).allowed, JSON.stringify(question))
  })
}
