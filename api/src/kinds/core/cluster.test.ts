/** Nodes, Namespaces, Leases, Events and the two forms of endpoints. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leaseKind } from '../coordination/lease.ts'
import { endpointSliceKind } from '../discovery/endpoint-slice.ts'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { endpointsKind } from './endpoints.ts'
import { eventKind } from './event.ts'
import { namespaceKind } from './namespace.ts'
import { nodeKind } from './node.ts'
import { serviceAccountKind } from './service-account.ts'

const MADE = '2026-01-01T00:00:00Z'
const at = (minutes: number) => Date.parse(MADE) + minutes * 60_000

test('kubectl get shows a Node as with Kubernetes', () => {
  const labels = { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge', 'kubernetes.io/os': 'linux' }
  const node = {
    metadata: { name: 'n1', creationTimestamp: MADE, labels },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      nodeInfo: { kubeletVersion: 'v1.33.0', osImage: 'Debian', kernelVersion: '6.1', containerRuntimeVersion: 'docker://20.10' },
    },
  }
  assert.deepEqual(cells(nodeKind, node, at(3)), {
    Name: 'n1',
    Status: 'Ready,SchedulingDisabled',
    Roles: 'edge,worker',
    Age: '3m',
    Version: 'v1.33.0',
    'Internal-IP': '10.0.0.1',
    'External-IP': '<none>',
    'OS-Image': 'Debian',
    'Kernel-Version': '6.1',
    'Container-Runtime': 'docker://20.10',
  })
  assert.equal(cells(nodeKind, {}).Status, 'Unknown')
  assert.equal(cells(nodeKind, { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }).Status, 'NotReady')
  assert.equal(cells(nodeKind, {}).Roles, '<none>')
})

test('Nodes are held to their taints and ranges', () => {
  const taint = { key: 'a', effect: 'NoSchedule' }
  assert.deepEqual(complaints(nodeKind, { spec: { taints: [taint, { ...taint, effect: 'NoExecute' }], podCIDR: '10.244.1.0/24' } }), [])
  assert.deepEqual(complaints(nodeKind, { spec: { taints: [{ ...taint, effect: 'Sometimes' }] } }), [
    'spec.taints[0].effect: Unsupported value: "Sometimes": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
  ])
  assert.deepEqual(complaints(nodeKind, { spec: { taints: [taint, { ...taint, value: 'x' }] } }), [
    'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule","value":"x"}: taints must be unique by key and effect pair',
  ])
  assert.deepEqual(changeComplaints(nodeKind, { spec: { podCIDR: '10.244.1.0/24' } }, { spec: { podCIDR: '10.244.2.0/24' } }), [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ])
  assert.deepEqual(changeComplaints(nodeKind, {}, { spec: { podCIDR: '10.244.2.0/24' } }), [])
  assert.equal(nodeKind.selectableFields['spec.unschedulable']?.(stored(nodeKind, {})), 'false')
})

test('a Namespace carries its name as a label and is Active', () => {
  const namespace = stored(namespaceKind, { metadata: { name: 'dev' } })
  assert.deepEqual(namespace.metadata.labels, { 'kubernetes.io/metadata.name': 'dev' })
  assert.equal(namespace.status?.phase, 'Active')
  assert.equal(namespace.spec?.finalizers, undefined)
})

test('kubectl get events shows an Event in its old and its new form', () => {
  const involvedObject = { kind: 'Pod', name: 'web', namespace: 'default', fieldPath: 'spec.containers{c}' }
  const old = {
    metadata: { name: 'e' },
    involvedObject,
    type: 'Normal',
    reason: 'Pulled',
    message: ' done\n',
    source: { component: 'kubelet', host: 'n1' },
    firstTimestamp: MADE,
    lastTimestamp: '2026-01-01T00:03:00Z',
    count: 4,
  }
  assert.deepEqual(cells(eventKind, old, at(5)), {
    'Last Seen': '2m',
    Type: 'Normal',
    Reason: 'Pulled',
    Object: 'pod/web',
    Subobject: 'spec.containers{c}',
    Source: 'kubelet, n1',
    Message: 'done',
    'First Seen': '5m',
    Count: '4',
    Name: 'e',
  })
  const modern = { involvedObject, eventTime: '2026-01-01T00:00:00.000000Z', reportingComponent: 'sched', reportingInstance: 'x' }
  const shown = cells(eventKind, modern, at(5))
  assert.deepEqual([shown['Last Seen'], shown['First Seen'], shown.Count, shown.Source], ['5m', '5m', '1', 'sched, x'])
  const series = { ...modern, series: { count: 7, lastObservedTime: '2026-01-01T00:03:00.000000Z' } }
  assert.deepEqual([cells(eventKind, series, at(5))['Last Seen'], cells(eventKind, series).Count], ['2m', '7'])
  assert.equal(eventKind.selectableFields.source?.(stored(eventKind, modern)), 'sched')
})

test('an Event is in the namespace of its object', () => {
  assert.deepEqual(complaints(eventKind, { involvedObject: { namespace: 'default' } }), [])
  assert.deepEqual(complaints(eventKind, { involvedObject: { kind: 'Node' } }), [])
  assert.deepEqual(complaints(eventKind, { involvedObject: { namespace: 'other' } }), [
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ])
  assert.match(complaints(eventKind, {})[0] ?? '', /^involvedObject: Required value/)
})

test('a Lease lasts some time', () => {
  assert.deepEqual(complaints(leaseKind, { spec: { holderIdentity: 'a', leaseDurationSeconds: 4 } }), [])
  assert.deepEqual(complaints(leaseKind, { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } }), [
    'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
  ])
  assert.equal(cells(leaseKind, { spec: { holderIdentity: 'a' } }).Holder, 'a')
})

test('EndpointSlices are held to their addresses and ports', () => {
  const slice = (address: string, more: object = {}) => ({ addressType: 'IPv4', endpoints: [{ addresses: [address] }], ...more })
  assert.deepEqual(complaints(endpointSliceKind, slice('10.244.0.5', { ports: [{ port: 80 }] })), [])
  const cases: readonly [object, string][] = [
    [{ endpoints: [] }, 'addressType: Required value'],
    [slice('fd00::1'), 'endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address'],
    [slice('127.0.0.1'), 'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    [slice('10.0.0.1', { ports: [{ port: 1 }, { port: 2 }] }), 'ports[1].name: Duplicate value: ""'],
    [slice('10.0.0.1', { addressType: 'Post' }), 'addressType: Unsupported value: "Post": supported values: "FQDN", "IPv4", "IPv6"'],
  ]
  for (const [raw, wanted] of cases)
    assert.ok(complaints(endpointSliceKind, raw).includes(wanted), complaints(endpointSliceKind, raw).join('\n'))
  assert.match(complaints(endpointSliceKind, slice('', { endpoints: [{}] }))[0] ?? '', /^endpoints\[0\]\.addresses: Required value/)
  assert.deepEqual(changeComplaints(endpointSliceKind, slice('10.0.0.1'), { addressType: 'IPv6' }), [
    'addressType: Invalid value: "IPv6": field is immutable',
  ])
  const many = {
    addressType: 'IPv4',
    endpoints: ['1', '2', '3', '4', '5'].map(n => ({ addresses: [`10.0.0.${n}`] })),
    ports: [{ port: 80 }],
  }
  const shown = cells(endpointSliceKind, many)
  assert.deepEqual([shown.Ports, shown.Endpoints], ['80', '10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...'])
  assert.deepEqual(
    [cells(endpointSliceKind, { addressType: 'IPv4' }).Ports, cells(endpointSliceKind, { addressType: 'IPv4' }).Endpoints],
    ['<unset>', '<unset>'],
  )
})

test('Endpoints are held to their addresses and shown with their ports', () => {
  const subsets = [
    {
      addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81 },
      ],
    },
  ]
  assert.deepEqual(complaints(endpointsKind, { subsets }), [])
  assert.equal(cells(endpointsKind, { subsets }).Endpoints, '10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...')
  assert.equal(cells(endpointsKind, {}).Endpoints, '<none>')
  assert.deepEqual(complaints(endpointsKind, { subsets: [{ ports: [{ port: 80 }] }] }), [
    'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
  ])
  assert.deepEqual(complaints(endpointsKind, { subsets: [{ addresses: [{ ip: 'web' }] }] }), [
    'subsets[0].addresses[0].ip: Invalid value: "web": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ])
})

test('kubectl get shows how many Secrets a ServiceAccount lists', () => {
  assert.equal(cells(serviceAccountKind, { secrets: [{ name: 'a' }] }).Secrets, '1')
  assert.equal(cells(serviceAccountKind, {}).Secrets, '0')
})
