import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '@davit/api'
import { networkNames } from './names.ts'
import { judge } from './peer-paths.ts'
import { peersOf } from './peers.ts'
import { planRoutes, routeText, wantedRoutes } from './routes.ts'
import { networkIdentifier, tunnelMac } from './vxlan.ts'

const peer = (n: number, address = `10.0.0.${n}`) => ({ name: `node-${n}`, address, podCidr: `10.244.${n}.0/24` })
const wanted = {
  peers: [peer(2), peer(3, '192.168.7.3')],
  pathTo: (name: string) => (name === 'node-2' ? 'direct' : 'vxlan') as 'direct' | 'vxlan',
  isOnLink: (address: string) => address.startsWith('10.0.0.'),
  serviceCidr: '10.96.0.0/12',
  names: networkNames(),
  hasTunnel: true,
}

test('wantedRoutes() goes straight or through the tunnel, peer by peer; probes know both ways', () => {
  const { main, probes } = wantedRoutes(wanted)
  assert.deepEqual(main.map(routeText), [
    '10.96.0.0/12 dev davit0',
    '10.244.2.0/32 dev davit-vx',
    '10.244.3.0/32 dev davit-vx',
    '10.244.2.0/24 via 10.0.0.2',
    '10.244.3.0/24 via 10.244.3.0 dev davit-vx onlink',
  ])
  assert.deepEqual(probes.map(routeText), ['10.244.2.0/32 dev davit-vx', '10.244.3.0/32 dev davit-vx', '10.244.2.0/24 via 10.0.0.2'])
})

test('wantedRoutes() without a tunnel goes straight to all', () => {
  const { main } = wantedRoutes({ ...wanted, hasTunnel: false })
  assert.deepEqual(main.map(routeText), ['10.96.0.0/12 dev davit0', '10.244.2.0/24 via 10.0.0.2', '10.244.3.0/24 via 192.168.7.3'])
})

test('planRoutes() changes what differs and removes what nobody wants', () => {
  const { main } = wantedRoutes(wanted)
  const present = [
    { destination: '10.96.0.0/12', device: 'davit0' },
    { destination: '10.244.2.0/24', via: '10.0.0.9', device: 'eth0' },
    { destination: '10.244.9.0/24', via: '10.0.0.9', device: 'eth0' },
  ]
  const { replace, remove } = planRoutes(main, present)
  assert.deepEqual(
    remove.map(route => route.destination),
    ['10.244.9.0/24'],
  )
  assert.equal(replace.length, 4)
  assert.deepEqual(planRoutes(main, main), { replace: [], remove: [] })
})

for (const [direct, vxlan, path, result] of [
  [true, true, 'vxlan', 'direct'],
  [true, false, 'vxlan', 'direct'],
  [false, true, 'direct', 'vxlan'],
  [false, false, 'direct', 'direct'],
  [false, false, 'vxlan', 'vxlan'],
] as const) {
  test(`judge() of ${path} with direct ${direct} and vxlan ${vxlan} is ${result}`, () => {
    assert.equal(judge(path, { direct, vxlan }), result)
  })
}

test('peersOf() leaves out this node and those without an address or a range', () => {
  const node = (name: string, podCIDR?: string, address?: string): Node => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: podCIDR === undefined ? {} : { podCIDR },
    status: {
      addresses:
        address === undefined
          ? []
          : [
              { type: 'Hostname', address: name },
              { type: 'InternalIP', address },
            ],
    },
  })
  const nodes = [
    node('b', '10.244.2.0/24', '10.0.0.2'),
    node('a', '10.244.1.0/24', '10.0.0.1'),
    node('c', '10.244.3.0/24'),
    node('d', undefined, '10.0.0.4'),
  ]
  assert.deepEqual(peersOf(nodes, 'a'), [{ name: 'b', address: '10.0.0.2', podCidr: '10.244.2.0/24' }])
})

test('tunnel names can be worked out by every node', () => {
  assert.equal(tunnelMac('10.244.7.0/24'), '02:da:0a:f4:07:00')
  assert.ok(networkIdentifier('some cluster') >= 0x800000 && networkIdentifier('some cluster') < 2 ** 24)
  assert.notEqual(networkIdentifier('a'), networkIdentifier('b'))
})
