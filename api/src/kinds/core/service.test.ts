import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { serviceKind } from './service.ts'

const service = (spec: object = {}) => ({ spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec } })

test('a Service gets the defaults of Kubernetes', () => {
  assert.deepEqual(stored(serviceKind, service()).spec, {
    selector: { app: 'web' },
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  })
  const balanced = stored(serviceKind, service({ type: 'LoadBalancer', sessionAffinity: 'ClientIP', clusterIP: '10.96.0.7' })).spec
  assert.equal(balanced.externalTrafficPolicy, 'Cluster')
  assert.equal(balanced.allocateLoadBalancerNodePorts, true)
  assert.deepEqual(balanced.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10_800 } })
  assert.deepEqual(balanced.clusterIPs, ['10.96.0.7'])
  const external = stored(serviceKind, { spec: { type: 'ExternalName', externalName: 'db.example.com' } }).spec
  assert.deepEqual(external, { type: 'ExternalName', externalName: 'db.example.com', sessionAffinity: 'None' })
})

const WRONG: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ clusterIP: 'None', ports: [] }, []],
  [{ ports: [{ port: 80, targetPort: 'http' }] }, []],
  [{ type: 'ExternalName', externalName: 'a.b.', ports: [] }, []],
  [{ ports: [] }, ['spec.ports: Required value']],
  [{ type: 'Magic' }, ['spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']],
  [{ ports: [{ port: 0 }] }, ['spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive']],
  [{ ports: [{}] }, ['spec.ports[0].port: Required value']],
  [{ ports: [{ port: 80 }, { port: 81 }] }, ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value']],
  [
    {
      ports: [
        { name: 'a', port: 80 },
        { name: 'a', port: 80 },
      ],
    },
    ['spec.ports[1].name: Duplicate value: "a"', 'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}'],
  ],
  [
    { ports: [{ port: 80, targetPort: 'Not_a_port' }] },
    ['spec.ports[0].targetPort: Invalid value: "Not_a_port": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'],
  ],
  [{ ports: [{ port: 80, nodePort: 30080 }] }, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]],
  [
    {
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80, nodePort: 30080 },
        { name: 'b', port: 81, nodePort: 30080 },
      ],
    },
    ['spec.ports[1].nodePort: Duplicate value: 30080'],
  ],
  [
    { type: 'NodePort', clusterIP: 'None' },
    ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
  ],
  [{ type: 'ExternalName' }, ['spec.externalName: Required value']],
  [{ clusterIP: '10.0.0' }, ['spec.clusterIPs[0]: Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  [
    { externalIPs: ['127.0.0.1'] },
    ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
  [
    { externalTrafficPolicy: 'Local' },
    ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  ],
  [
    { loadBalancerSourceRanges: ['10.0.0.0/8'] },
    ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
  ],
  [
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/33'] },
    ['spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
  [
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
    ['spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400'],
  ],
]

for (const [spec, wanted] of WRONG) {
  test(`Service ${JSON.stringify(spec)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(serviceKind, service(spec)), wanted)
  })
}

test('the address of a Service stays, but for a change from or to ExternalName', () => {
  const old = service({ clusterIP: '10.96.0.7' })
  assert.deepEqual(changeComplaints(serviceKind, old, old), [])
  assert.deepEqual(changeComplaints(serviceKind, old, service({ clusterIP: '10.96.0.8' })), [
    'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set',
  ])
  assert.deepEqual(changeComplaints(serviceKind, old, service()), [
    'spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset',
  ])
  const external = service({ type: 'ExternalName', externalName: 'a.b' })
  assert.deepEqual(changeComplaints(serviceKind, old, external), [])
  assert.deepEqual(changeComplaints(serviceKind, external, old), [])
})

test('kubectl get shows a Service as with Kubernetes', () => {
  const metadata = { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T05:10:00Z')
  const ports = [
    { name: 'a', port: 80, nodePort: 30080 },
    { name: 'b', port: 53, protocol: 'UDP' },
  ]
  assert.deepEqual(cells(serviceKind, { metadata, ...service({ type: 'NodePort', clusterIP: '10.96.0.7', ports }) }, now), {
    Name: 'web',
    Type: 'NodePort',
    'Cluster-IP': '10.96.0.7',
    'External-IP': '<none>',
    'Port(s)': '80:30080/TCP,53/UDP',
    Age: '5h10m',
    Selector: 'app=web',
  })
  const pending = service({ type: 'LoadBalancer' })
  assert.equal(cells(serviceKind, pending)['External-IP'], '<pending>')
  const balanced = { ...pending, status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }, { hostname: 'lb' }] } } }
  assert.equal(cells(serviceKind, balanced)['External-IP'], '1.2.3.4,lb')
  const external = cells(serviceKind, { spec: { type: 'ExternalName', externalName: 'a.b' } })
  assert.deepEqual(
    [external['Cluster-IP'], external['External-IP'], external['Port(s)'], external.Selector],
    ['<none>', 'a.b', '<none>', '<none>'],
  )
})
