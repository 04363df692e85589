import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceSpec } from '@davit/api'
import { rules, type ServicePort } from './rules.ts'
import { endpoint, service, slice } from './test-objects.ts'

const node = { name: 'node-1', addresses: ['10.0.0.1'], dnsAddress: '10.96.0.10' }
const one = (...args: Parameters<typeof rules>): ServicePort => {
  const { ports } = rules(...args)
  assert.equal(ports.length, 1)
  return ports[0]!
}

test('rules() sends a ClusterIP to its ready endpoints, wherever they are', () => {
  const endpoints = [endpoint('10.244.2.5', 'node-2'), endpoint('10.244.1.5'), endpoint('10.244.1.6', 'node-1', 'not-ready')]
  const table = rules([service('web')], [slice('web', endpoints)], node)
  assert.deepEqual(table, {
    ports: [
      {
        id: 'default/web:http',
        protocol: 'tcp',
        frontends: [{ address: '10.96.0.20', port: 80, external: false, endpoints: 'cluster' }],
        cluster: ['10.244.1.5:8080', '10.244.2.5:8080'],
        local: ['10.244.1.5:8080'],
        affinitySeconds: undefined,
      },
    ],
    localAddresses: ['10.244.1.5', '10.244.1.6'],
  })
})

test('rules() falls back to endpoints that still serve while they end, only when none is ready', () => {
  const leaving = endpoint('10.244.1.5', 'node-1', 'terminating')
  const gone = endpoint('10.244.1.7', 'node-1', 'gone')
  assert.deepEqual(one([service('web')], [slice('web', [leaving, gone])], node).cluster, ['10.244.1.5:8080'])
  const ready = endpoint('10.244.2.6', 'node-2')
  const port = one([service('web')], [slice('web', [leaving, gone, ready])], node)
  assert.deepEqual(port.cluster, ['10.244.2.6:8080'])
  assert.deepEqual(port.local, ['10.244.1.5:8080'])
})

test('rules() takes an endpoint without conditions as ready', () => {
  assert.deepEqual(one([service('web')], [slice('web', [{ addresses: ['10.244.1.5'] }])], node).cluster, ['10.244.1.5:8080'])
})

test('rules() matches ports by name and protocol, and joins slices', () => {
  const slices = [
    slice('web', [endpoint('10.244.1.5')]),
    slice('web', [endpoint('10.244.1.6')], { ports: [{ name: 'http', port: 9090, protocol: 'TCP' }] }),
    slice('web', [endpoint('10.244.1.7')], { ports: [{ name: 'other', port: 9090, protocol: 'TCP' }] }),
    slice('web', [endpoint('10.244.1.8')], { ports: [{ name: 'http', port: 9090, protocol: 'UDP' }] }),
    slice('web', [endpoint('fd00::1')], { addressType: 'IPv6' }),
    slice('else', [endpoint('10.244.1.9')]),
  ]
  assert.deepEqual(one([service('web')], slices, node).cluster, ['10.244.1.5:8080', '10.244.1.6:9090'])
})

const caught: [string, ServiceSpec, string[]][] = [
  ['a NodePort', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }, ['10.96.0.20:80', '*:30080 external']],
  ['external addresses', { externalIPs: ['192.0.2.7'] }, ['10.96.0.20:80', '192.0.2.7:80 external']],
  [
    'a LoadBalancer: this node is it',
    { type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30080 }] },
    ['10.96.0.20:80', '10.0.0.1:80 external', '*:30080 external'],
  ],
  ['a LoadBalancer of another class', { type: 'LoadBalancer', loadBalancerClass: 'x/y' }, ['10.96.0.20:80']],
  [
    'policies Local',
    { type: 'NodePort', externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30080 }] },
    ['10.96.0.20:80 local', '*:30080 external local'],
  ],
  ['no address of its own', { clusterIP: 'None' }, []],
  ['an alias', { type: 'ExternalName', externalName: 'example.com' }, []],
  ['an IPv6 address only', { clusterIP: 'fd00::1', clusterIPs: ['fd00::1'] }, []],
  ['the address this node answers DNS at', { clusterIP: '10.96.0.10', ports: [{ port: 53 }, { port: 9153 }] }, ['10.96.0.10:9153']],
]
for (const [what, spec, frontends] of caught) {
  test(`rules() catches traffic of ${what}`, () => {
    const { ports } = rules([service('web', spec)], [], node)
    const texts = ports.flatMap(port =>
      port.frontends.map(
        ({ address, port, external, endpoints }) =>
          `${address ?? '*'}:${port}${external ? ' external' : ''}${endpoints === 'local' ? ' local' : ''}`,
      ),
    )
    assert.deepEqual(texts, frontends)
  })
}

test('rules() knows affinity and its default time', () => {
  const seconds = (spec: ServiceSpec) => one([service('web', spec)], [], node).affinitySeconds
  assert.equal(seconds({}), undefined)
  assert.equal(seconds({ sessionAffinity: 'ClientIP' }), 10_800)
  assert.equal(seconds({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }), 60)
})

test('rules() keeps out those who may not call a LoadBalancer, but not from its ClusterIP', () => {
  const { frontends } = one([service('web', { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] })], [], node)
  assert.deepEqual(
    frontends.map(({ sourceRanges }) => sourceRanges),
    [undefined, ['192.0.2.0/24']],
  )
})
