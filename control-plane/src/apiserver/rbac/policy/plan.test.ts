import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterRole, type ClusterRoleBinding, clusterRoleBindingKind, clusterRoleKind, roleKind } from '@davit/api'
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLES } from './defaults.ts'
import { planBinding, planRole } from './plan.ts'

const named = <T extends { metadata: { name?: string } }>(objects: readonly T[], name: string): T =>
  objects.find(({ metadata }) => metadata.name === name) ?? assert.fail(`${name} is missing`)
const withAnnotations = <T extends ClusterRole | ClusterRoleBinding>(object: T, annotations: Record<string, string>): T => ({
  ...object,
  metadata: { ...object.metadata, annotations },
})
const OFF = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }

test('every role and binding of a new cluster is valid, and there once', () => {
  for (const role of CLUSTER_ROLES) assert.deepEqual(clusterRoleKind.validate(role), [], role.metadata.name)
  for (const role of ROLES) assert.deepEqual(roleKind.validate(role), [], role.metadata.name)
  for (const binding of CLUSTER_ROLE_BINDINGS) assert.deepEqual(clusterRoleBindingKind.validate(binding), [], binding.metadata.name)
  for (const objects of [CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS]) {
    const names = objects.map(({ metadata }) => metadata.name)
    assert.equal(new Set(names).size, names.length)
  }
  for (const { roleRef } of CLUSTER_ROLE_BINDINGS) named(CLUSTER_ROLES, roleRef.name)
})

test('planRole() and planBinding() leave alone what is as it should be', () => {
  for (const role of CLUSTER_ROLES) assert.equal(planRole(role, role).kind, 'nothing', role.metadata.name)
  for (const binding of CLUSTER_ROLE_BINDINGS) assert.equal(planBinding(binding, binding).kind, 'nothing')
})

const DISCOVERY = named(CLUSTER_ROLES, 'system:discovery')
const VIEWER = named(CLUSTER_ROLE_BINDINGS, 'system:public-info-viewer')

test('planRole() gives back what is lacking, and takes nothing away', () => {
  const mine = { verbs: ['get'], nonResourceURLs: ['/mine'] }
  const found = { ...DISCOVERY, metadata: { name: 'system:discovery', labels: { mine: 'yes' } }, rules: [mine] }
  const step = planRole<ClusterRole>(found, DISCOVERY)
  assert.ok(step.kind === 'update')
  assert.deepEqual(step.object.rules?.[0], mine)
  assert.deepEqual(step.object.metadata.labels, { mine: 'yes', 'kubernetes.io/bootstrapping': 'rbac-defaults' })
  assert.equal(planRole(step.object, DISCOVERY).kind, 'nothing')
})

test('planRole() leaves the rules of an aggregated role to its aggregation', () => {
  const view = named(CLUSTER_ROLES, 'view')
  assert.equal(planRole({ ...view, rules: [] }, view).kind, 'nothing')
  const own = { clusterRoleSelectors: [{ matchLabels: { mine: 'yes' } }] }
  const step = planRole({ ...view, aggregationRule: own }, view)
  assert.ok(step.kind === 'update')
  assert.equal(step.object.aggregationRule?.clusterRoleSelectors?.length, 2)
})

test('planRole() and planBinding() let be who says so', () => {
  assert.equal(planRole(withAnnotations({ ...DISCOVERY, rules: [] }, OFF), DISCOVERY).kind, 'nothing')
  assert.equal(planBinding(withAnnotations({ ...VIEWER, subjects: [] }, OFF), VIEWER).kind, 'nothing')
})

test('planBinding() adds subjects, and replaces a binding to another role', () => {
  const mine = { kind: 'User', name: 'mine', apiGroup: 'rbac.authorization.k8s.io' }
  const step = planBinding({ ...VIEWER, subjects: [mine] }, VIEWER)
  assert.ok(step.kind === 'update')
  assert.deepEqual(step.object.subjects, [mine, ...(VIEWER.subjects ?? [])])
  assert.equal(planBinding({ ...VIEWER, roleRef: { ...VIEWER.roleRef, name: 'cluster-admin' } }, VIEWER).kind, 'replace')
  assert.equal(planBinding(undefined, VIEWER).kind, 'create')
})
