import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, EndpointSubset, Endpoints, ObjectMeta, Service } from '@davit/api'
import type { Action } from '../endpoint-slice/plan.ts'
import { MIRROR, planMirror } from './plan.ts'

const service = (spec: Service['spec'] = { ports: [{ port: 80 }] }): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'n' },
  spec,
})
const endpoints = (subsets: EndpointSubset[], metadata: ObjectMeta = {}): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'web', namespace: 'n', uid: 'e', ...metadata },
  subsets,
})
const subset = (ips: string[], port = 80, more: EndpointSubset = {}): EndpointSubset => ({
  addresses: ips.map(ip => ({ ip })),
  ports: [{ port }],
  ...more,
})

/** The slices after what was planned. */
function after(slices: readonly EndpointSlice[], actions: readonly Action[]): EndpointSlice[] {
  const next = new Map(slices.map(slice => [slice.metadata.name ?? '', slice]))
  for (const { kind, slice } of actions) {
    const name = slice.metadata.name ?? `web-${next.size}`
    if (kind === 'delete-slice') next.delete(name)
    else next.set(name, { ...slice, metadata: { ...slice.metadata, name } })
  }
  return [...next.values()]
}

const kinds = (actions: readonly Action[]) => actions.map(({ kind }) => kind)

test('a subset becomes a slice that says whose it is', () => {
  const labels = { a: 'b' }
  const annotations = { kept: 'yes', 'kubectl.kubernetes.io/last-applied-configuration': '{}' }
  const made = endpoints([subset(['10.0.0.1'], 80, { notReadyAddresses: [{ ip: '10.0.0.2', nodeName: 'n1', hostname: 'h' }] })], {
    labels,
    annotations,
  })
  const [slice] = after([], planMirror({ service: service(), endpoints: made, slices: [] }))
  assert.deepEqual(slice, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'web-0',
      generateName: 'web-',
      namespace: 'n',
      labels: { a: 'b', 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': MIRROR },
      annotations: { kept: 'yes' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Endpoints', name: 'web', uid: 'e', controller: true, blockOwnerDeletion: true }],
    },
    addressType: 'IPv4',
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
      { addresses: ['10.0.0.2'], conditions: { ready: false }, hostname: 'h', nodeName: 'n1' },
    ],
  })
})

test('other ports and the other family have slices of their own, and an address is in each once', () => {
  const made = endpoints([subset(['10.0.0.1', '2001:db8::1']), subset(['10.0.0.1', '10.0.0.3']), subset(['10.0.0.1'], 81)])
  const slices = after([], planMirror({ service: service(), endpoints: made, slices: [] }))
  assert.deepEqual(
    slices.map(({ addressType, ports, endpoints }) => [addressType, ports?.[0]?.port, endpoints.map(each => each.addresses[0]).join()]),
    [
      ['IPv4', 80, '10.0.0.1,10.0.0.3'],
      ['IPv6', 80, '2001:db8::1'],
      ['IPv4', 81, '10.0.0.1'],
    ],
  )
})

test('it comes to rest, and a change costs the one slice it is about', () => {
  const first = endpoints([subset(['10.0.0.1']), subset(['10.0.0.1'], 81)])
  const slices = after([], planMirror({ service: service(), endpoints: first, slices: [] }))
  assert.deepEqual(planMirror({ service: service(), endpoints: first, slices }), [])
  const second = endpoints([subset(['10.0.0.2']), subset(['10.0.0.1'], 81)])
  const actions = planMirror({ service: service(), endpoints: second, slices })
  assert.deepEqual(kinds(actions), ['update-slice'])
  assert.deepEqual(planMirror({ service: service(), endpoints: second, slices: after(slices, actions) }), [])
})

test('what is not to be mirrored has no slices, and loses those it had', () => {
  const good = endpoints([subset(['10.0.0.1'])])
  const slices = after([], planMirror({ service: service(), endpoints: good, slices: [] }))
  const worlds = [
    { service: undefined, endpoints: good },
    { service: service(), endpoints: undefined },
    { service: service(), endpoints: endpoints([]) },
    { service: service({ selector: { a: 'b' } }), endpoints: good },
    { service: service(), endpoints: endpoints([subset(['10.0.0.1'])], { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }) },
    {
      service: service(),
      endpoints: endpoints([subset(['10.0.0.1'])], { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } }),
    },
  ]
  for (const world of worlds) assert.deepEqual(kinds(planMirror({ ...world, slices })), ['delete-slice'])
})

test('of more than a thousand addresses in a subset those that are ready come first', () => {
  const ips = (count: number, of: number) => Array.from({ length: count }, (_, at) => `10.${of}.${at >> 8}.${at & 255}`)
  const made = endpoints([subset(ips(900, 1), 80, { notReadyAddresses: ips(200, 2).map(ip => ({ ip })) })])
  const [slice] = after([], planMirror({ service: service(), endpoints: made, slices: [] }))
  assert.deepEqual([slice?.endpoints.length, slice?.endpoints.filter(({ conditions }) => conditions?.ready).length], [1000, 900])
})
