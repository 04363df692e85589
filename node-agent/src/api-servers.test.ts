import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { EndpointSlice } from '@davit/api'
import { loadServers, publishedServers, saveServers, tunnelServers } from './api-servers.ts'

const slice = (...addresses: string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {},
  addressType: 'IPv4',
  endpoints: addresses.map(address => ({ addresses: [address] })),
  ports: [{ name: 'https', port: 6443 }],
})

describe('publishedServers()', () => {
  it('gives every replica once, with its own port', () => {
    const other: EndpointSlice = { ...slice('10.0.0.1', '10.0.0.2'), ports: [{ name: 'https', port: 7443 }] }
    assert.deepEqual(publishedServers([slice('10.0.0.2', '10.0.0.1', '10.0.0.2'), other]), [
      'https://10.0.0.1:6443',
      'https://10.0.0.1:7443',
      'https://10.0.0.2:6443',
      'https://10.0.0.2:7443',
    ])
  })
})

describe('tunnelServers()', () => {
  it('dials every published replica', () =>
    assert.deepEqual(tunnelServers(['https://a:1', 'https://b:1'], ['https://lb:1']), ['https://a:1', 'https://b:1']))
  it('reaches a single replica, or an unknown one, the way the client does', () => {
    assert.deepEqual(tunnelServers(['https://a:1'], ['https://lb:1', 'https://a:1']), ['https://lb:1'])
    assert.deepEqual(tunnelServers([], ['https://b:1', 'https://a:1']), ['https://b:1'])
  })
})

it('servers are kept for the next start, with those that were published before', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-servers-'))
  try {
    const path = join(dir, 'servers.json')
    assert.deepEqual(await loadServers(path), [])
    await saveServers(path, ['https://a:1', 'https://b:1'], [])
    await saveServers(path, ['https://b:1'], await loadServers(path))
    assert.deepEqual(await loadServers(path), ['https://b:1', 'https://a:1'])
    await writeFile(path, '["http://a:1"]')
    assert.deepEqual(await loadServers(path), [], 'what is no server is not believed')
  } finally {
    await rm(dir, { recursive: true })
  }
})
