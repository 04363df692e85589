import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PersistentVolume, Pod } from '@davit/api'
import { defaultRoles } from '../rbac/testing/index.ts'
import { createAuthorizer } from './authorizer.ts'
import type { NodeLookups } from './node-rules.ts'
import type { Attributes } from './types.ts'

const USERS = {
  admin: { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
  controllers: { name: 'system:davit:controllers', groups: ['system:davit:controllers', 'system:authenticated'] },
  node: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  someone: { name: 'alice', groups: ['developers', 'system:authenticated'] },
  /** The name alone gives nothing. */
  pretender: { name: 'system:node:n1', groups: ['system:authenticated'] },
  anonymous: { name: 'system:anonymous', groups: ['system:unauthenticated'] },
} as const

const PODS: Pod[] = [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'a', name: 'mine', uid: 'mine' },
    spec: {
      nodeName: 'n1',
      serviceAccountName: 'runner',
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        { name: 'v1', configMap: { name: 'volume-map' } },
        { name: 'v2', secret: { secretName: 'volume-secret' } },
        { name: 'v5', projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'vault' } }] } },
        { name: 'v4', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: {} } } },
        { name: 'v3', projected: { sources: [{ secret: { name: 'projected-secret' } }, { configMap: { name: 'projected-map' } }] } },
      ],
      initContainers: [{ name: 'i', image: 'x', envFrom: [{ configMapRef: { name: 'init-map' } }] }],
      containers: [
        {
          name: 'c',
          image: 'x',
          env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'env-secret', key: 'k' } } }],
          envFrom: [{ secretRef: { name: 'from-secret' } }],
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'a', name: 'other' },
    spec: { nodeName: 'n2', containers: [{ name: 'c', image: 'x', envFrom: [{ secretRef: { name: 'foreign' } }] }] },
  },
]

function volume(name: string, node: string, phase: 'Bound' | 'Released', provisioner = 'davit.dev/local'): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, labels: { 'kubernetes.io/hostname': node }, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: { persistentVolumeReclaimPolicy: 'Delete' },
    status: { phase },
  }
}

const PERSISTENT = [
  volume('free', 'n1', 'Released'),
  volume('used', 'n1', 'Bound'),
  volume('theirs', 'n2', 'Released'),
  volume('foreign', 'n1', 'Released', 'example.com/other'),
]

const lookups: NodeLookups = {
  volume: async name => PERSISTENT.find(({ metadata }) => metadata.name === name),
  podsOnNode: async (node, { namespace }) =>
    PODS.filter(({ metadata, spec }) => spec.nodeName === node && metadata.namespace === namespace),
  pod: async (namespace, name) => PODS.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
}
const authorizer = createAuthorizer(lookups, defaultRoles())

type Case = Partial<Omit<Attributes, 'user'>> & { who?: keyof typeof USERS; verb: string; body?: unknown }

async function isAllowed({ who = 'node', body, ...rest }: Case): Promise<boolean> {
  const { allowed } = await authorizer.authorize({ user: USERS[who], group: '', resource: '', ...rest }, body)
  return allowed
}

const named = (name: string) => ({ metadata: { name } })
const podToken = (audiences?: string[]) => ({
  resource: 'serviceaccounts',
  subresource: 'token',
  namespace: 'a',
  name: 'runner',
  body: { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'mine', uid: 'mine' }, ...(audiences && { audiences }) } },
})
const lease = { group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease' }
const slices = { group: 'discovery.k8s.io', resource: 'endpointslices' }

const ALLOWED: readonly Case[] = [
  { who: 'admin', verb: 'delete', resource: 'nodes', name: 'n1' },
  { who: 'admin', verb: 'get', path: '/metrics' },
  { who: 'controllers', verb: 'update', resource: 'secrets', namespace: 'a', name: 's' },
  { who: 'anonymous', verb: 'get', path: '/healthz' },
  { who: 'anonymous', verb: 'get', path: '/livez' },
  { who: 'anonymous', verb: 'get', path: '/readyz/etcd' },
  { who: 'anonymous', verb: 'get', path: '/version' },
  { who: 'anonymous', verb: 'post', path: '/davit/v1/join' },
  { who: 'someone', verb: 'get', path: '/davit/v1/cluster' },
  { verb: 'get', path: '/davit/v1/tunnel' },
  { verb: 'get', resource: 'persistentvolumeclaims', namespace: 'a', name: 'data' },
  { verb: 'get', resource: 'persistentvolumeclaims', namespace: 'a', name: 'mine-scratch' },
  { verb: 'watch', resource: 'persistentvolumes' },
  { verb: 'delete', resource: 'persistentvolumes', name: 'free' },
  { verb: 'post', path: '/davit/v1/drain' },
  { verb: 'create', resource: 'nodes', body: named('n1') },
  { verb: 'update', resource: 'nodes', name: 'n1', body: named('n1') },
  { verb: 'patch', resource: 'nodes', subresource: 'status', name: 'n1' },
  { verb: 'list', resource: 'nodes' },
  { ...lease, verb: 'create', body: named('n1') },
  { ...lease, verb: 'update', name: 'n1' },
  { ...lease, verb: 'get', name: 'n1' },
  { verb: 'watch', resource: 'services' },
  { verb: 'list', resource: 'endpoints' },
  { ...slices, verb: 'watch' },
  { verb: 'get', resource: 'namespaces', name: 'a' },
  { verb: 'list', resource: 'pods', fieldSelector: 'spec.nodeName=n1' },
  { verb: 'watch', resource: 'pods', fieldSelector: 'spec.nodeName=n1,status.phase!=Failed' },
  { verb: 'get', resource: 'pods', namespace: 'a', name: 'mine' },
  { verb: 'patch', resource: 'pods', subresource: 'status', namespace: 'a', name: 'mine' },
  { verb: 'update', resource: 'pods', subresource: 'status', namespace: 'a', name: 'mine' },
  { verb: 'delete', resource: 'pods', namespace: 'a', name: 'mine' },
  { verb: 'create', resource: 'pods', namespace: 'a', body: { metadata: { name: 'static-n1' }, spec: { containers: [] } } },
  { verb: 'create', resource: 'events', namespace: 'a' },
  { verb: 'patch', resource: 'events', namespace: 'a', name: 'e' },
  ...['volume-map', 'projected-map', 'init-map'].map(name => ({ verb: 'get', resource: 'configmaps', namespace: 'a', name })),
  ...['volume-secret', 'projected-secret', 'env-secret', 'from-secret', 'pull'].map(name => ({
    verb: 'get',
    resource: 'secrets',
    namespace: 'a',
    name,
  })),
  { verb: 'watch', resource: 'secrets', namespace: 'a', fieldSelector: 'metadata.name=pull' },
  { verb: 'get', resource: 'serviceaccounts', namespace: 'a', name: 'runner' },
  { verb: 'create', ...podToken(['vault']) },
]

const DENIED: readonly Case[] = [
  { verb: 'get', resource: 'persistentvolumeclaims', namespace: 'a', name: 'other-scratch' },
  { verb: 'update', resource: 'persistentvolumeclaims', namespace: 'a', name: 'data' },
  { verb: 'list', resource: 'persistentvolumeclaims', namespace: 'a' },
  { verb: 'create', resource: 'persistentvolumes', name: 'free' },
  { verb: 'update', resource: 'persistentvolumes', name: 'free' },
  { verb: 'delete', resource: 'persistentvolumes', name: 'used' },
  { verb: 'delete', resource: 'persistentvolumes', name: 'theirs' },
  { verb: 'delete', resource: 'persistentvolumes', name: 'foreign' },
  { verb: 'delete', resource: 'persistentvolumes', name: 'none' },
  { who: 'someone', verb: 'list', resource: 'pods', namespace: 'default' },
  { who: 'someone', verb: 'get', path: '/metrics' },
  { who: 'someone', verb: 'get', path: '/davit/v1/tunnel' },
  { who: 'pretender', verb: 'update', resource: 'nodes', name: 'n1' },
  { who: 'anonymous', verb: 'get', path: '/api' },
  { who: 'anonymous', verb: 'get', path: '/healthzz' },
  { who: 'anonymous', verb: 'get', path: '/davit/v1/cluster' },
  { who: 'anonymous', verb: 'get', resource: 'pods', namespace: 'default', name: 'x' },
  { verb: 'get', path: '/metrics' },
  { verb: 'create', resource: 'nodes', body: named('n2') },
  { verb: 'create', resource: 'nodes' },
  { verb: 'update', resource: 'nodes', name: 'n2' },
  { verb: 'patch', resource: 'nodes', subresource: 'status', name: 'n2' },
  { verb: 'delete', resource: 'nodes', name: 'n1' },
  { ...lease, verb: 'create', body: named('n2') },
  { ...lease, verb: 'update', name: 'n2' },
  { ...lease, verb: 'list' },
  { ...lease, verb: 'update', name: 'n1', namespace: 'kube-system' },
  { verb: 'update', resource: 'services', namespace: 'a', name: 's' },
  { ...slices, verb: 'create', namespace: 'a' },
  { verb: 'delete', resource: 'namespaces', name: 'a' },
  { verb: 'list', resource: 'pods' },
  { verb: 'list', resource: 'pods', fieldSelector: 'spec.nodeName=n2' },
  { verb: 'list', resource: 'pods', fieldSelector: 'spec.nodeName!=n1' },
  { verb: 'get', resource: 'pods', namespace: 'a', name: 'other' },
  { verb: 'get', resource: 'pods', namespace: 'a', name: 'absent' },
  { verb: 'update', resource: 'pods', namespace: 'a', name: 'mine' },
  { verb: 'patch', resource: 'pods', subresource: 'status', namespace: 'a', name: 'other' },
  { verb: 'delete', resource: 'pods', namespace: 'a', name: 'other' },
  { verb: 'create', resource: 'pods', namespace: 'a', body: named('new') },
  {
    verb: 'create',
    resource: 'pods',
    namespace: 'a',
    body: { metadata: { name: 'static-n1' }, spec: { containers: [], volumes: [{ name: 'v', secret: { secretName: 'foreign' } }] } },
  },
  { verb: 'create', resource: 'pods', subresource: 'exec', namespace: 'a', name: 'mine' },
  { verb: 'deletecollection', resource: 'pods', namespace: 'a', fieldSelector: 'spec.nodeName=n1' },
  { verb: 'get', resource: 'secrets', namespace: 'a', name: 'foreign' },
  { verb: 'get', resource: 'secrets', namespace: 'b', name: 'pull' },
  { verb: 'list', resource: 'secrets', namespace: 'a' },
  { verb: 'list', resource: 'secrets', fieldSelector: 'metadata.name=pull' },
  { verb: 'update', resource: 'secrets', namespace: 'a', name: 'pull' },
  { verb: 'get', resource: 'serviceaccounts', namespace: 'a', name: 'default' },
  { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: 'a', name: 'runner' },
  { verb: 'create', ...podToken(['bank']) },
  { verb: 'create', ...podToken(['vault', 'vault']) },
  // The pod has no token for the API server.
  { verb: 'create', ...podToken([]) },
  { verb: 'create', ...podToken() },
  { verb: 'list', resource: '__proto__' },
  { who: 'anonymous', verb: 'delete', path: '/healthz' },
  { who: 'someone', verb: 'post', path: '/api' },
  { group: 'apps', verb: 'list', resource: 'deployments' },
  { verb: 'impersonate', resource: 'users', name: 'kubernetes-admin' },
]

for (const [rule, cases] of [
  ['allows', ALLOWED],
  ['denies', DENIED],
] as const) {
  for (const request of cases) {
    const { who = 'node', verb, resource, subresource, namespace, name, fieldSelector, path } = request
    const what = path ?? [resource, subresource].filter(Boolean).join('/')
    const which = [namespace, name, fieldSelector].filter(Boolean).join(' ')
    test(`authorize() ${rule} ${who} ${verb} ${what} ${which}`.trim(), async () => {
      assert.equal(await isAllowed(request), rule === 'allows')
    })
  }
}

test('authorize() asks again, freshly, before it denies', async () => {
  const asked: boolean[] = []
  const late: NodeLookups = {
    ...lookups,
    podsOnNode: async (node, options) => {
      asked.push(options.fresh)
      return options.fresh ? lookups.podsOnNode(node, options) : []
    },
  }
  const request = { user: USERS.node, group: '', resource: 'secrets', verb: 'get', namespace: 'a', name: 'pull' }
  assert.ok((await createAuthorizer(late, defaultRoles()).authorize(request)).allowed)
  assert.deepEqual(asked, [false, true])
})

test('authorize() says why', async () => {
  const request = { user: USERS.node, group: '', resource: 'secrets', verb: 'get', namespace: 'a', name: 'foreign' }
  const { reason } = await authorizer.authorize(request)
  assert.equal(reason, 'no relationship found between node "n1" and this object')
})
