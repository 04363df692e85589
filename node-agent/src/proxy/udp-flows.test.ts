import assert from 'node:assert/strict'
import { test } from 'node:test'
import { servicePorts } from './rules.ts'
import { endpoint, service, slice } from './test-objects.ts'
import { flowsToForget } from './udp-flows.ts'

const node = { name: 'node-1', addresses: [] }
const dns = service('dns', { type: 'NodePort', ports: [{ name: 'http', port: 53, protocol: 'UDP', nodePort: 30053 }] })
const ports = (...addresses: string[]) =>
  servicePorts(
    dns,
    [
      slice(
        'dns',
        addresses.map(address => endpoint(address)),
        { ports: [{ name: 'http', port: 5353, protocol: 'UDP' }] },
      ),
    ],
    node,
  )

test('flowsToForget() names flows to endpoints that went, at each frontend', () => {
  assert.deepEqual(flowsToForget(ports('10.244.1.5', '10.244.1.6'), ports('10.244.1.6')), [
    ['-p', 'udp', '--orig-dst', '10.96.0.20', '--orig-port-dst', '53', '--dst-nat', '10.244.1.5'],
    ['-p', 'udp', '--orig-port-dst', '30053', '--dst-nat', '10.244.1.5'],
  ])
})

test('flowsToForget() names flows that began before there was anywhere to go', () => {
  assert.deepEqual(flowsToForget([], ports('10.244.1.5'))[0], ['-p', 'udp', '--orig-dst', '10.96.0.20', '--orig-port-dst', '53'])
})

test('flowsToForget() is content when nothing goes, and when TCP does', () => {
  assert.deepEqual(flowsToForget(ports('10.244.1.5'), ports('10.244.1.5', '10.244.1.6')), [])
  const web = servicePorts(service('web'), [slice('web', [endpoint('10.244.1.5')])], node)
  assert.deepEqual(flowsToForget(web, []), [])
})

test('flowsToForget() forgets all when a Service goes', () => {
  assert.equal(flowsToForget(ports('10.244.1.5'), []).length, 2)
})
