import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  configMapKind,
  deploymentKind,
  KINDS,
  type Kind,
  type KubernetesObject,
  type Pod,
  type PodSpec,
  persistentVolumeClaimKind,
  podKind,
  type ResourceQuota,
  type ResourceQuotaSpec,
  secretKind,
  serviceKind,
} from '@davit/api'
import { type ChargedWrite, chargeTo } from './charge.ts'
import { isUpToDate, kindsCounted, recount } from './recount.ts'
import { isInScope } from './scopes.ts'
import { usageOf } from './usage.ts'

const erased = (kind: unknown) => kind as Kind
const pod = (resources: object = {}, spec: Partial<PodSpec> = {}, phase = 'Running') =>
  ({ kind: 'Pod', metadata: {}, spec: { containers: [{ name: 'main', image: 'x', resources }], ...spec }, status: { phase } }) as Pod
const quota = (hard: Record<string, string>, used: Record<string, string>, spec: Partial<ResourceQuotaSpec> = {}): ResourceQuota => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'q' },
  spec: { hard, ...spec },
  status: { hard, used },
})
const pods = (write: Omit<ChargedWrite, 'kind'>): ChargedWrite => ({ kind: erased(podKind), ...write })

test('a pod counts by what it asks for, and by itself alone once it has ended', () => {
  const resources = { requests: { cpu: '500m', memory: '1Gi', 'example.com/gpu': '1' }, limits: { cpu: '1', 'example.com/gpu': '1' } }
  assert.deepEqual(usageOf(erased(podKind), pod(resources)), {
    'count/pods': '1',
    pods: '1',
    cpu: '500m',
    'requests.cpu': '500m',
    memory: '1Gi',
    'requests.memory': '1Gi',
    'requests.example.com/gpu': '1',
    'limits.cpu': '1',
  })
  assert.deepEqual(usageOf(erased(podKind), pod(resources, {}, 'Succeeded')), { 'count/pods': '1' })
})

test('Services count by type, claims by class, other objects by their names', () => {
  const service = (spec: object) => ({ kind: 'Service', metadata: {}, spec }) as unknown as KubernetesObject
  const ports = [{ port: 80 }, { port: 443, nodePort: 30443 }]
  const of = (spec: object) => usageOf(erased(serviceKind), service(spec))
  assert.deepEqual(of({ type: 'ClusterIP', ports }), { 'count/services': '1', services: '1' })
  assert.equal(of({ type: 'NodePort', ports })['services.nodeports'], '2')
  assert.deepEqual(of({ type: 'LoadBalancer', ports, allocateLoadBalancerNodePorts: false }), {
    'count/services': '1',
    services: '1',
    'services.loadbalancers': '1',
    'services.nodeports': '1',
  })
  const claim = { metadata: {}, spec: { storageClassName: 'gold', resources: { requests: { storage: '2Gi' } } } }
  assert.deepEqual(usageOf(erased(persistentVolumeClaimKind), claim as unknown as KubernetesObject), {
    'count/persistentvolumeclaims': '1',
    persistentvolumeclaims: '1',
    'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
    'requests.storage': '2Gi',
    'gold.storageclass.storage.k8s.io/requests.storage': '2Gi',
  })
  const object = { metadata: {} } as KubernetesObject
  assert.deepEqual(usageOf(erased(deploymentKind), object), { 'count/deployments.apps': '1' })
  assert.deepEqual(usageOf(erased(configMapKind), object), { 'count/configmaps': '1', configmaps: '1' })
})

test('what exceeds a quota is refused, and only what does is named', () => {
  const charge = chargeTo(quota({ pods: '2', secrets: '5' }, { pods: '2', secrets: '1' }), pods({ object: pod() }))
  assert.deepEqual(charge, { refusal: 'exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2' })
  const resources = { requests: { cpu: '1', memory: '2Gi' } }
  const full = quota(
    { 'requests.cpu': '1500m', 'requests.memory': '1Gi', pods: '9' },
    { 'requests.cpu': '1', 'requests.memory': '0', pods: '1' },
  )
  assert.deepEqual(chargeTo(full, pods({ object: pod(resources) })), {
    refusal:
      'exceeded quota: q, requested: requests.cpu=1,requests.memory=2Gi, used: requests.cpu=1,requests.memory=0, limited: requests.cpu=1500m,requests.memory=1Gi',
  })
})

test('what fits is charged, what is given back never falls below nothing', () => {
  const resources = { requests: { cpu: '250m' } }
  const half = quota({ pods: '2', cpu: '1' }, { pods: '1', cpu: '500m' })
  assert.deepEqual(chargeTo(half, pods({ object: pod(resources) })), { used: { pods: '2', cpu: '750m' } })
  assert.deepEqual(chargeTo(half, pods({ old: pod(resources) })), { used: { pods: '0', cpu: '250m' } })
  assert.deepEqual(chargeTo(half, pods({ old: pod({ requests: { cpu: '2' } }) })), { used: { pods: '0', cpu: '0' } })
  assert.deepEqual(chargeTo(half, pods({ old: pod(resources), object: pod(resources, {}, 'Succeeded') })), {
    used: { pods: '0', cpu: '250m' },
  })
  assert.equal(chargeTo(half, pods({ old: pod(resources), object: pod(resources) })), undefined)
  assert.equal(chargeTo(half, { kind: erased(secretKind), object: { metadata: {} } as KubernetesObject }), undefined)
})

test('giving back is never refused, even of a quota that is exceeded already', () => {
  const over = quota({ pods: '1' }, { pods: '3' })
  assert.deepEqual(chargeTo(over, pods({ old: pod() })), { used: { pods: '2' } })
})

test('containers must say what is limited', () => {
  const limited = quota({ 'limits.cpu': '4', 'limits.memory': '4Gi', pods: '1' }, { 'limits.cpu': '0', 'limits.memory': '0', pods: '0' })
  assert.deepEqual(chargeTo(limited, pods({ object: pod({ limits: { cpu: '1' } }) })), {
    refusal: 'failed quota: q: must specify limits.memory for: main',
  })
  assert.deepEqual(chargeTo(limited, pods({ object: pod() })), {
    refusal: 'failed quota: q: must specify limits.cpu for: main; limits.memory for: main',
  })
  // Who is there already is not asked.
  assert.equal(chargeTo(limited, pods({ old: pod(), object: pod() })), undefined)
})

test('what a quota has not counted yet is not given away', () => {
  assert.deepEqual(chargeTo(quota({ pods: '1' }, {}), pods({ object: pod() })), {
    refusal: 'status unknown for quota: q, resources: pods',
  })
  assert.deepEqual(chargeTo(quota({ pods: '1' }, {}), pods({ old: pod() })), { used: { pods: '0' } })
})

const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'a', namespaces: ['b'] }] } }
const SCOPES: readonly [spec: Partial<ResourceQuotaSpec>, object: Pod, isIn: boolean][] = [
  [{}, pod(), true],
  [{ scopes: ['BestEffort'] }, pod(), true],
  [{ scopes: ['BestEffort'] }, pod({ requests: { cpu: '1' } }), false],
  [{ scopes: ['NotBestEffort'] }, pod({ requests: { cpu: '1' } }), true],
  [{ scopes: ['Terminating'] }, pod({}, { activeDeadlineSeconds: 0 }), true],
  [{ scopes: ['Terminating'] }, pod(), false],
  [{ scopes: ['NotTerminating', 'BestEffort'] }, pod(), true],
  [{ scopes: ['PriorityClass'] }, pod({}, { priorityClassName: 'high' }), true],
  [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }, pod(), false],
  [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] }] } }, pod(), true],
  [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'DoesNotExist' }] } }, pod(), true],
  [{ scopes: ['CrossNamespacePodAffinity'] }, pod({}, { affinity } as Partial<PodSpec>), true],
  [{ scopes: ['CrossNamespacePodAffinity'] }, pod(), false],
]

test('scopes choose pods', () => {
  for (const [spec, object, isIn] of SCOPES)
    assert.equal(isInScope(spec, erased(podKind), object), isIn, JSON.stringify([spec, object.spec]))
  assert.equal(isInScope({ scopes: ['NotTerminating'] }, erased(secretKind), { metadata: {} } as KubernetesObject), false)
})

test('a pod that leaves the scope gives back what it took', () => {
  const scoped = quota({ pods: '3' }, { pods: '1' }, { scopes: ['NotTerminating'] })
  assert.deepEqual(chargeTo(scoped, pods({ old: pod(), object: pod({}, { activeDeadlineSeconds: 5 }) })), { used: { pods: '0' } })
})

test('a recount finds all kinds that are limited and counts them', () => {
  const hard = {
    pods: '5',
    'requests.cpu': '1',
    'count/deployments.apps': '2',
    'services.nodeports': '3',
    'count/strange.example.com': '1',
  }
  const fresh: ResourceQuota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } }
  assert.equal(isUpToDate(fresh), false)
  const kinds = kindsCounted(fresh, KINDS)
  assert.deepEqual(kinds.map(({ plural }) => plural).sort(), ['deployments', 'pods', 'services'])
  const objects = (kind: Kind) => (kind.plural === 'pods' ? [pod({ requests: { cpu: '300m' } }), pod({ requests: { cpu: '200m' } })] : [])
  const status = recount(
    fresh,
    kinds.map(kind => ({ kind, objects: objects(kind) })),
  )
  assert.deepEqual(status, { hard, used: { pods: '2', 'requests.cpu': '500m', 'count/deployments.apps': '0', 'services.nodeports': '0' } })
  assert.equal(isUpToDate({ ...fresh, status }), true)
})
