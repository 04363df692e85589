/** Roles of several replicas on one etcd. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { clusterRoleBindingKind, clusterRoleKind, type Kind, systemClock } from '@davit/api'
import { startTestRegistry, type TestRegistry } from '../registry/testing/index.ts'
import { answeredOnceSeen, followRoles } from './follow.ts'
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from './policy/defaults.ts'
import { reconcilePolicy } from './policy/reconcile.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const ended = new AbortController()
let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(async () => {
  ended.abort()
  await cluster[Symbol.asyncDispose]()
})

const erased = (kind: unknown) => kind as Kind
const binding = (name: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
  subjects: [{ kind: 'User', name }],
})

test('replicas that start at once make the same roles, and put right what was changed since', async () => {
  const { client } = cluster
  const other = await cluster.replica()
  const signal = AbortSignal.timeout(20_000)
  await Promise.all([client, other.client].map(each => reconcilePolicy(each, signal)))
  const count = async () => [
    (await client.resource(clusterRoleKind).list()).items.length,
    (await client.resource(clusterRoleBindingKind).list()).items.length,
  ]
  assert.deepEqual(await count(), [CLUSTER_ROLES.length, CLUSTER_ROLE_BINDINGS.length])
  const bindings = client.resource(clusterRoleBindingKind)
  await bindings.delete({ name: 'system:discovery' })
  await bindings.create({ ...binding('system:discovery'), subjects: [] })
  await client.resource(clusterRoleKind).delete({ name: 'view' })
  await Promise.all([client, other.client].map(each => reconcilePolicy(each, signal)))
  assert.deepEqual(await count(), [CLUSTER_ROLES.length, CLUSTER_ROLE_BINDINGS.length])
  const { roleRef, subjects } = await bindings.get({ name: 'system:discovery' })
  assert.deepEqual([roleRef.name, subjects?.length], ['system:discovery', 1])
})

test('a change counts once its write is answered, and with other replicas as soon as they hear of it', async () => {
  const { registry, client, context } = cluster
  const replica = await cluster.replica()
  const options = { clock: systemClock, log, signal: ended.signal }
  const [here, there] = [followRoles(client, options), followRoles(replica.client, options)]
  await Promise.all([here.synced, there.synced])
  const own = answeredOnceSeen(registry, here)
  const may = (roles: typeof here, name: string) =>
    roles.index.check({ user: { name, groups: [] }, verb: 'list', group: '', resource: 'pods' }).allowed
  const kind = erased(clusterRoleBindingKind)
  for (let i = 0; i < 6; i++) {
    const name = `user-${i}`
    const made = await own.create(context, kind, undefined, binding(name))
    assert.ok(may(here, name), `${name} may not, right after the answer`)
    await there.seen(kind, made.revision)
    assert.ok(may(there, name))
    const none = { type: 'merge', body: { subjects: null } } as const
    if (i % 2 === 0) await own.patch(context, kind, { name }, none)
    else await own.delete(context, kind, { name }, {})
    assert.ok(!may(here, name), `${name} may still, right after the answer`)
  }
  await own.create(context, kind, undefined, binding('last'))
  await own.deleteCollection(context, kind, { fieldSelector: 'metadata.name=last' }, {})
  assert.ok(!may(here, 'last'))
})
