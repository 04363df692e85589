import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Endpoint, EndpointSlice, Service, ServiceSpec } from '@davit/api'
import type { Question } from 'dns-packet'
import { parseCidr } from '../ip/index.ts'
import { answer } from './answer.ts'
import { dnsService } from './service-records.ts'
import { Zone } from './zone.ts'

const config = { domain: 'cluster.local', podCidr: parseCidr('10.244.0.0/16'), serviceCidr: parseCidr('10.96.0.0/12') }

const service = (name: string, spec: ServiceSpec): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec,
})
const slice = (...endpoints: Endpoint[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'x', namespace: 'default' },
  addressType: 'IPv4',
  ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
  endpoints,
})

const ready = slice(
  { addresses: ['10.244.1.5'], hostname: 'db-0' },
  { addresses: ['10.244.2.6'] },
  { addresses: ['10.244.1.9'], conditions: { ready: false } },
)
const zone = new Zone()
const put = (name: string, spec: ServiceSpec, slices: EndpointSlice[] = []) =>
  zone.set(`default/${name}`, dnsService(service(name, spec), slices))
put('web', {
  clusterIP: '10.96.0.20',
  ports: [
    { name: 'http', port: 80 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ],
})
put('db', { clusterIP: 'None' }, [ready])
put('eager', { clusterIP: 'None', publishNotReadyAddresses: true }, [ready])
put('idle', { clusterIP: 'None' }, [slice()])
put('out', { type: 'ExternalName', externalName: 'example.com.' })
put('alias', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' })
put('loop', { type: 'ExternalName', externalName: 'loop.default.svc.cluster.local' })

/** `NXDOMAIN`, `forward`, or what the answers hold. */
function ask(name: string, type: Question['type'] = 'A'): unknown {
  const reply = answer(zone, config, { name, type })
  if (reply.type === 'forward') return 'forward'
  const data = reply.answers.map(item => ('data' in item ? item.data : undefined))
  if (reply.type === 'chase') return { chase: reply.target, data }
  return reply.exists ? data : 'NXDOMAIN'
}

for (const [name, type, expected] of [
  ['web.default.svc.cluster.local', 'A', ['10.96.0.20']],
  ['WEB.Default.svc.CLUSTER.local', 'A', ['10.96.0.20']],
  ['web.default.svc.cluster.local', 'AAAA', []],
  ['web.default.svc.cluster.local', 'MX', []],
  ['nosuch.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['default.svc.cluster.local', 'A', []],
  ['other.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['svc.cluster.local', 'A', []],
  ['cluster.local', 'A', []],
  ['cluster.local', 'NS', ['ns.dns.cluster.local']],
  ['web.cluster.local', 'A', 'NXDOMAIN'],
  ['x.web.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['dns-version.cluster.local', 'TXT', ['1.1.0']],
  ['db.default.svc.cluster.local', 'A', ['10.244.1.5', '10.244.2.6']],
  ['eager.default.svc.cluster.local', 'A', ['10.244.1.5', '10.244.1.9', '10.244.2.6']],
  ['idle.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['db-0.db.default.svc.cluster.local', 'A', ['10.244.1.5']],
  ['10-244-2-6.db.default.svc.cluster.local', 'A', ['10.244.2.6']],
  ['db-0.db.default.svc.cluster.local', 'AAAA', []],
  ['db-1.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['_http._tcp.web.default.svc.cluster.local', 'SRV', [{ priority: 0, weight: 100, port: 80, target: 'web.default.svc.cluster.local' }]],
  ['_dns._udp.web.default.svc.cluster.local', 'SRV', [{ priority: 0, weight: 100, port: 53, target: 'web.default.svc.cluster.local' }]],
  ['_dns._tcp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['_http._tcp.web.default.svc.cluster.local', 'A', []],
  ['_tcp.web.default.svc.cluster.local', 'A', []],
  [
    '_sql._tcp.db.default.svc.cluster.local',
    'SRV',
    [
      { priority: 0, weight: 100, port: 5432, target: 'db-0.db.default.svc.cluster.local' },
      { priority: 0, weight: 100, port: 5432, target: '10-244-2-6.db.default.svc.cluster.local' },
    ],
  ],
  ['10-244-1-5.default.pod.cluster.local', 'A', ['10.244.1.5']],
  ['192-0-2-1.default.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['nonsense.default.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['out.default.svc.cluster.local', 'CNAME', ['example.com']],
  ['out.default.svc.cluster.local', 'A', { chase: 'example.com', data: ['example.com'] }],
  ['alias.default.svc.cluster.local', 'A', ['web.default.svc.cluster.local', '10.96.0.20']],
  ['20.0.96.10.in-addr.arpa', 'PTR', ['web.default.svc.cluster.local']],
  ['5.1.244.10.in-addr.arpa', 'PTR', ['db-0.db.default.svc.cluster.local', 'db-0.eager.default.svc.cluster.local']],
  ['9.9.244.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
  ['1.2.0.192.in-addr.arpa', 'PTR', 'forward'],
  ['example.com', 'A', 'forward'],
  ['notcluster.local', 'A', 'forward'],
] as const) {
  test(`answer() of ${type} ${name}`, () => assert.deepEqual(ask(name, type), expected))
}

test('answer() of a loop of aliases ends', () => {
  assert.equal((ask('loop.default.svc.cluster.local') as unknown[]).length, 9)
})

test('answer() gives the addresses of servers along with them', () => {
  const reply = answer(zone, config, { name: '_sql._tcp.db.default.svc.cluster.local', type: 'SRV' })
  assert.deepEqual(reply.type === 'answer' && reply.additionals.map(item => 'data' in item && item.data), ['10.244.1.5', '10.244.2.6'])
})

test('a Zone forgets all of a Service that goes', () => {
  const zone = new Zone()
  zone.set('default/web', dnsService(service('web', { clusterIP: '10.96.0.20' }), []))
  zone.set('default/web', undefined)
  assert.equal(zone.size, 0)
  assert.equal(zone.hasNamespace('default'), false)
  assert.deepEqual(zone.namesOf('10.96.0.20'), [])
})
