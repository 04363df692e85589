import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterConfig } from '@davit/deploy'
import { describeRecovery, describeReturn } from './plan.ts'

function config(...addresses: string[]): ClusterConfig {
  const controlPlanes = addresses.map((address, at) => ({
    name: `cp-${at + 1}`,
    address,
    port: 6443 + at,
    etcdClientPort: 2379 + 10 * at,
    etcdPeerPort: 2380 + 10 * at,
  }))
  return { name: 'prod', controlPlanes } as unknown as ClusterConfig
}

test('describeRecovery() says what may be lost, with and without a running member', () => {
  const facts = { member: 'cp-1', members: ['cp-1', 'cp-2'] }
  const status = { revision: 120, raftIndex: 300, raftTerm: 2 }
  const archive = { created: '2030-01-01T03:00:00Z', etcd: { revision: 100, version: '3.5.21' } }
  const said = (more: object) => describeRecovery({ ...facts, status: undefined, ...more }).join('\n')
  assert.match(said({ status }), /revision 120 .*MAY BE LOST: changes acknowledged in the last moments/)
  assert.match(said({}), /It does not run, .* LOST: what was written in its last moments/)
  assert.match(said({ status, archive }), /LOST: every change since 2030-01-01T03:00:00Z\. .*about 20 changes would be lost/)
  assert.match(said({}), /cp-2 are no longer part of it.*must not run again/)
})

test('describeReturn() has the data of lost members removed, and never that of the one that is left', () => {
  assert.equal(
    describeReturn('dir', config('10.0.0.11', '10.0.0.11', '10.0.0.11'), ['cp-2', 'cp-3']).replace(/^.*\n/, ''),
    `  docker compose rm --force && docker volume rm --force prod_etcd-2 prod_etcd-3      once, on the machine
  davit init dir --replace cp-2      and then what it prints
  davit init dir --replace cp-3      and then what it prints
`,
  )
  assert.match(
    describeReturn('dir', config('10.0.0.11', '10.0.0.12', '10.0.0.13'), ['cp-1', 'cp-2']),
    /down --volumes +on the machine of each/,
  )
  assert.equal(describeReturn('dir', config('10.0.0.11'), []), '')
})
