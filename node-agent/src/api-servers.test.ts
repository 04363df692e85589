import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EndpointSlice } from '@davit/api'
import { tunnelServers } from './api-servers.ts'

const slice = (...addresses: string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {},
  addressType: 'IPv4',
  endpoints: addresses.map(address => ({ addresses: [address] })),
  ports: [{ name: 'https', port: 6443 }],
})

describe('tunnelServers()', () => {
  for (const [what, published, flags, wanted] of [
    ['dials what the flags say while nothing is published', [], ['https://a:1', 'https://b:1'], ['https://a:1']],
    ['reaches the only replica the way the flags do', [slice('10.0.0.1')], ['https://lb:6443'], ['https://lb:6443']],
    [
      'dials the only replica once, though the flags name several',
      [slice('10.0.0.2')],
      ['https://10.0.0.1:6443', 'https://10.0.0.2:6443'],
      ['https://10.0.0.2:6443'],
    ],
    [
      'dials every published replica',
      [slice('10.0.0.2', '10.0.0.1')],
      ['https://lb:6443'],
      ['https://10.0.0.1:6443', 'https://10.0.0.2:6443'],
    ],
  ] as const) {
    it(what, () => assert.deepEqual(tunnelServers(published, flags), wanted))
  }
})
