import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { publicKeyHash } from '@davit/api'
import { createAuthority } from '@davit/api/pki'
import { certificateRows } from './list.ts'
import type { Holder } from './observe.ts'
import { changeFile } from './own-kubeconfig.ts'
import { lostNodes, planRotation, type Step } from './plan-rotation.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
let [old, next] = ['', '']
before(async () => {
  old = (await createAuthority('old', { now: NOW, days: 10 })).certificate
  next = (await createAuthority('next', { now: NOW + 1000, days: 10 })).certificate
})

const holder = (name: string, certificates: string[], more: Partial<Holder> = {}): Holder => {
  const trusted = certificates.map(certificate => publicKeyHash(certificate))
  return { kind: 'node', name, isReachable: true, trusted, issuer: trusted[0] ?? '', wayBack: '', certificates: [], ...more }
}
const plan = (certificates: string[], holders: Holder[], options: { isBegun?: boolean; force?: boolean } = {}) =>
  planRotation({ authorities: '', resourceVersion: '1', certificates, holders }, { isBegun: true, force: false, ...options })
const waitsFor = (step: Step) => (step.do === 'wait' ? [step.phase, ...step.blocking.map(({ name }) => name)] : step.do)

test('planRotation() goes from one CA to the next only with everybody', () => {
  assert.equal(plan([old], [], { isBegun: false }).do, 'add')
  assert.deepEqual(waitsFor(plan([old, next], [holder('a', [old, next]), holder('b', [old])])), ['trust', 'b'])
  assert.equal(plan([old, next], [holder('a', [old, next])]).do, 'switch')
  const byOld = { issuer: publicKeyHash(old) }
  assert.deepEqual(waitsFor(plan([next, old], [holder('a', [next, old], byOld), holder('b', [next, old])])), ['sign', 'a'])
  assert.equal(plan([next, old], [holder('a', [next, old])]).do, 'remove')
  assert.deepEqual(waitsFor(plan([next], [holder('a', [next, old])])), ['remove', 'a'])
  assert.equal(plan([next], [holder('a', [next])]).do, 'nothing')
})

test('planRotation() goes on with a change that was begun, and never begins a second one on top', () => {
  assert.equal(plan([old, next], [holder('a', [old, next])], { isBegun: false }).do, 'switch')
  assert.equal(plan([next, old], [holder('a', [next, old])], { isBegun: false }).do, 'remove')
})

test('planRotation() waits for nodes that are away unless forced, and never for API servers that are', () => {
  const away = { isReachable: false }
  assert.deepEqual(waitsFor(plan([old, next], [holder('a', [old], away)])), ['trust', 'a'])
  assert.equal(plan([old, next], [holder('a', [old], away)], { force: true }).do, 'switch')
  assert.deepEqual(waitsFor(plan([old, next], [holder('a', [old])], { force: true })), ['trust', 'a'])
  assert.equal(plan([old, next], [holder('a', [old], { ...away, kind: 'API server' })]).do, 'switch')
  // One that does not say, as an older version's.
  assert.deepEqual(waitsFor(plan([old, next], [holder('a', [])])), ['trust', 'a'])
})

test('lostNodes() gives nodes whose certificate has ended or is of a CA that went', () => {
  const until = (days: number) => ({
    certificates: [{ name: 'node', issuer: '', expires: new Date(NOW + days * 86_400_000).toISOString() }],
  })
  const holders = [
    holder('good', [next], until(1)),
    holder('trusts both', [old, next], until(1)),
    holder('ended', [next], until(-1)),
    holder('left behind', [old], until(1)),
    holder('older version', []),
    holder('server', [old], { ...until(-1), kind: 'API server' }),
  ]
  const names = lostNodes({ certificates: [next], holders }, NOW).map(({ name }) => name)
  assert.deepEqual(names, ['ended', 'left behind'])
})

test('changeFile() puts data in place of paths for one cluster and user, and leaves the rest', () => {
  const config = {
    clusters: [
      { name: 'a', cluster: { server: 'https://a', 'certificate-authority': '/ca' } },
      { name: 'b', cluster: { server: 'https://b' } },
    ],
    users: [{ name: 'me', user: { 'client-certificate': '/c', 'client-key': '/k', token: 't' } }],
    'current-context': 'x',
  }
  const changed = changeFile(config, { cluster: 'a', user: 'me', bundle: 'CA', pair: { certificate: 'C', key: 'K' } })
  assert.deepEqual(changed.clusters, [
    { name: 'a', cluster: { server: 'https://a', 'certificate-authority-data': 'Q0E=' } },
    { name: 'b', cluster: { server: 'https://b' } },
  ])
  assert.deepEqual(changed.users?.[0]?.user, { token: 't', 'client-certificate-data': 'Qw==', 'client-key-data': 'Sw==' })
  assert.equal(changed['current-context'], 'x')
})

test('certificateRows() names the issuer, and tells what nobody here signed', () => {
  const server = holder('cp-1', [old], {
    kind: 'API server',
    certificates: [
      { name: 'server', issuer: publicKeyHash(old), expires: '2026-01-04T12:00:00Z' },
      { name: 'etcd-peer', issuer: '', expires: '2025-12-31T00:00:00Z' },
    ],
  })
  const rows = certificateRows({ authorities: '', resourceVersion: '1', certificates: [old], holders: [server] }, undefined, NOW)
  assert.deepEqual(
    rows.map(({ name, where, issuer, daysLeft }) => [name, where, issuer, daysLeft]),
    [
      ['ca', 'cluster', 'old', 10],
      ['server', 'API server cp-1', 'old', 3.5],
      ['etcd-peer', 'API server cp-1', 'unknown', -1],
    ],
  )
})
