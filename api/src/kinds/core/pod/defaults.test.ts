import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLatest } from './container-defaults.ts'
import type { Container } from './container-types.ts'
import { applyPodDefaults, applyPodSpecDefaults } from './defaults.ts'
import type { Pod, PodSpec } from './types.ts'
import type { Volume } from './volume-types.ts'

function defaulted(spec: PodSpec): PodSpec {
  const copy = structuredClone(spec)
  applyPodSpecDefaults(copy)
  return copy
}
const container = (more: Partial<Container> = {}) => defaulted({ containers: [{ name: 'a', image: 'nginx:1.25', ...more }] }).containers[0]
const volume = (source: Omit<Volume, 'name'>) => defaulted({ containers: [], volumes: [{ name: 'v', ...source }] }).volumes?.[0]

test('applyPodSpecDefaults() fills in what a template gets', () => {
  assert.deepEqual(defaulted({ containers: [{ name: 'a', image: 'nginx:1.25', ports: [{ containerPort: 80 }] }] }), {
    containers: [
      {
        name: 'a',
        image: 'nginx:1.25',
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        imagePullPolicy: 'IfNotPresent',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        resources: {},
      },
    ],
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
  })
})

test('applyPodDefaults() adds what only a pod gets, and is idempotent', () => {
  const given: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: {
      hostNetwork: true,
      serviceAccount: 'sa',
      containers: [
        {
          name: 'a',
          image: 'i',
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
        },
      ],
    },
  }
  applyPodDefaults(given)
  const { spec, status } = given
  assert.deepEqual(spec.containers[0]?.resources?.requests, { cpu: '500m', memory: '1Gi' })
  assert.equal(spec.containers[0]?.ports?.[0]?.hostPort, 80)
  assert.equal(spec.enableServiceLinks, true)
  assert.equal(spec.serviceAccountName, 'sa')
  assert.deepEqual(status, { phase: 'Pending', qosClass: 'Burstable' })
  const again = structuredClone(given)
  applyPodDefaults(again)
  assert.deepEqual(again, given)
})

test('applyPodDefaults() leaves a malformed quantity to validation', () => {
  const given: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {},
    spec: { containers: [{ name: 'a', image: 'i', resources: { limits: { cpu: 'much' } } }] },
  }
  assert.doesNotThrow(() => applyPodDefaults(given))
})

test('isLatest() reads tags as Docker does', () => {
  const latest = ['nginx', 'nginx:latest', 'registry:5000/nginx', 'a.b/c/d']
  const pinned = ['nginx:1.25', 'registry:5000/nginx:1', 'nginx@sha256:abc', 'nginx:1@sha256:abc', '']
  assert.deepEqual([...latest, ...pinned].filter(isLatest), latest)
})

test('probes and hooks get their timings', () => {
  const { livenessProbe, readinessProbe, lifecycle } = container({
    livenessProbe: { httpGet: { port: 80 }, periodSeconds: 5 },
    readinessProbe: { grpc: { port: 1 } },
    lifecycle: { preStop: { httpGet: { port: 80 } } },
  })!
  const counts = { timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 }
  assert.deepEqual(livenessProbe, { httpGet: { port: 80, path: '/', scheme: 'HTTP' }, periodSeconds: 5, ...counts })
  assert.deepEqual(readinessProbe, { grpc: { port: 1, service: '' }, periodSeconds: 10, ...counts })
  assert.deepEqual(lifecycle?.preStop, { httpGet: { port: 80, path: '/', scheme: 'HTTP' } })
})

test('references to fields are of version v1', () => {
  const { env } = container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] })!
  assert.equal(env?.[0]?.valueFrom?.fieldRef?.apiVersion, 'v1')
})

const volumes: [string, Omit<Volume, 'name'>, Omit<Volume, 'name'>][] = [
  ['nothing', {}, { emptyDir: {} }],
  ['a secret', { secret: { secretName: 's' } }, { secret: { secretName: 's', defaultMode: 420 } }],
  ['a config map', { configMap: { name: 'c', defaultMode: 256 } }, { configMap: { name: 'c', defaultMode: 256 } }],
  ['a host path', { hostPath: { path: '/x' } }, { hostPath: { path: '/x', type: '' } }],
  [
    'a projection',
    { projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
    { projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }], defaultMode: 420 } },
  ],
  [
    'fields of the pod',
    { downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    { downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels', apiVersion: 'v1' } }], defaultMode: 420 } },
  ],
]
for (const [name, given, wanted] of volumes) {
  test(`a volume of ${name} gets its defaults`, () => assert.deepEqual(volume(given), { name: 'v', ...wanted }))
}
