import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attributes, Authorizer } from '../authorization/index.ts'
import { impersonate } from './impersonate.ts'

const BOB = { name: 'bob', groups: ['system:authenticated'], uid: 'b', extra: { own: ['x'] } }

/** Allows all but what `denied` names. */
function recorder(denied?: string): { asked: string[]; authorizer: Authorizer } {
  const asked: string[] = []
  const authorize = async ({ verb, group, resource, subresource, namespace, name }: Attributes) => {
    assert.equal(verb, 'impersonate')
    const what = [group, namespace, [resource, subresource].filter(Boolean).join('/'), name].filter(Boolean).join(' ')
    asked.push(what)
    return { allowed: what !== denied, reason: '' }
  }
  return { asked, authorizer: { authorize, rightsOf: () => assert.fail() } }
}

const CASES: readonly [headers: string[], asked: string[], user: object][] = [
  [[], [], BOB],
  [['Accept', 'x', 'Impersonate-User', ''], [], BOB],
  [['impersonate-user', 'eve'], ['users eve'], { name: 'eve', groups: ['system:authenticated'] }],
  [
    ['Impersonate-User', 'eve', 'Impersonate-Group', 'a, b', 'Impersonate-Group', 'c'],
    ['users eve', 'groups a, b', 'groups c'],
    { name: 'eve', groups: ['a, b', 'c', 'system:authenticated'] },
  ],
  [
    ['Impersonate-User', 'system:serviceaccount:ns:sa'],
    ['ns serviceaccounts sa'],
    { name: 'system:serviceaccount:ns:sa', groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'] },
  ],
  [
    ['Impersonate-User', 'system:serviceaccount:ns:sa', 'Impersonate-Group', 'x'],
    ['ns serviceaccounts sa', 'groups x'],
    { name: 'system:serviceaccount:ns:sa', groups: ['x', 'system:authenticated'] },
  ],
  // No account: a user whose name looks like one must be asked for as a user.
  [
    ['Impersonate-User', 'system:serviceaccount:a:b:c'],
    ['users system:serviceaccount:a:b:c'],
    { name: 'system:serviceaccount:a:b:c', groups: ['system:authenticated'] },
  ],
  [['Impersonate-User', 'system:anonymous'], ['users system:anonymous'], { name: 'system:anonymous', groups: ['system:unauthenticated'] }],
  [
    [
      'Impersonate-User',
      'eve',
      'Impersonate-Uid',
      '42',
      'Impersonate-Extra-Scopes',
      'view',
      'Impersonate-Extra-scopes',
      'edit',
      'impersonate-extra-acme.com%2fproject',
      'p',
    ],
    [
      'users eve',
      'authentication.k8s.io userextras/scopes view',
      'authentication.k8s.io userextras/scopes edit',
      'authentication.k8s.io userextras/acme.com/project p',
      'authentication.k8s.io uids 42',
    ],
    { name: 'eve', groups: ['system:authenticated'], uid: '42', extra: { scopes: ['view', 'edit'], 'acme.com/project': ['p'] } },
  ],
]
for (const [headers, asked, user] of CASES) {
  test(`impersonate() with ${JSON.stringify(headers)} asks for ${asked.join(', ') || 'nothing'}`, async () => {
    const { asked: found, authorizer } = recorder()
    assert.deepEqual(await impersonate(authorizer, BOB, headers), user)
    assert.deepEqual(found, asked)
  })
}

const REFUSED: readonly [denied: string, headers: string[], message: string][] = [
  [
    'users eve',
    ['Impersonate-User', 'eve'],
    'users "eve" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope',
  ],
  [
    'groups system:masters',
    ['Impersonate-User', 'eve', 'Impersonate-Group', 'dev', 'Impersonate-Group', 'system:masters'],
    'groups "system:masters" is forbidden: User "bob" cannot impersonate resource "groups" in API group "" at the cluster scope',
  ],
  [
    'ns serviceaccounts sa',
    ['Impersonate-User', 'system:serviceaccount:ns:sa'],
    'serviceaccounts "sa" is forbidden: User "bob" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "ns"',
  ],
  [
    'authentication.k8s.io userextras/scopes view',
    ['Impersonate-User', 'eve', 'Impersonate-Extra-scopes', 'view'],
    'userextras.authentication.k8s.io "view" is forbidden: User "bob" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
  ],
  [
    'authentication.k8s.io uids 42',
    ['Impersonate-User', 'eve', 'Impersonate-Uid', '42'],
    'uids.authentication.k8s.io "42" is forbidden: User "bob" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope',
  ],
]
for (const [denied, headers, message] of REFUSED) {
  test(`impersonate() is refused without the right to ${denied}`, async () => {
    await assert.rejects(async () => impersonate(recorder(denied).authorizer, BOB, headers), { message })
  })
}

test('impersonate() refuses parts of a user without the user, and two users at once', async () => {
  const { asked, authorizer } = recorder()
  for (const headers of [
    ['Impersonate-Group', 'system:masters'],
    ['Impersonate-Uid', '0'],
    ['Impersonate-Extra-a', 'b'],
    ['Impersonate-User', '', 'Impersonate-Group', 'system:masters'],
    ['Impersonate-User', 'a', 'Impersonate-User', 'b'],
  ]) {
    await assert.rejects(async () => impersonate(authorizer, BOB, headers), { code: 400 })
  }
  assert.deepEqual(asked, [])
})
