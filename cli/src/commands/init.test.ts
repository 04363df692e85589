import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterConfig, InitResult } from '@davit/deploy'
import { machinesOf } from '@davit/deploy'
import { describeInit } from './init-text.ts'

function resultOf(addresses: readonly string[], change: Partial<InitResult> = {}): InitResult {
  const controlPlanes = addresses.map((address, index) => ({
    name: `cp-${index + 1}`,
    address,
    port: 6443,
    etcdClientPort: 2379,
    etcdPeerPort: 2380,
    ...(addresses.length > 1 && { ssh: `admin@${address}:2222` }),
  }))
  const config = { name: 'davit', controlPlanes } as unknown as ClusterConfig
  return { config, machines: machinesOf(config), written: ['cluster.yaml'], isNew: true, isCaOld: false, ...change }
}

const THREE = ['10.0.0.11', '10.0.0.12', '10.0.0.13']

test('describeInit() names what to keep and gives the next commands', () => {
  const text = describeInit('davit', resultOf(THREE))
  assert.match(text, /3 control planes on 3 machines; it goes on when 1 of them is lost\./)
  assert.match(text, /Keep a copy of davit\/secrets in a safe place/)
  assert.match(
    text,
    /^ {2}tar -C davit\/cp-2 -cf - \. \| ssh -p 2222 admin@10\.0\.0\.12 'mkdir -p davit && cd davit && tar -xf - && docker compose up -d'$/m,
  )
  assert.match(text, /export KUBECONFIG=davit\/admin\.kubeconfig\n {2}davit get nodes\n {2}davit node add/)
})

test('describeInit() starts a cluster on one machine where it lies', () => {
  assert.match(describeInit('davit', resultOf(['10.0.0.11'])), /^ {2}cd davit && docker compose up -d$/m)
})

test('describeInit() leaves the keys of running machines alone, and starts the new one first', () => {
  const text = describeInit('davit', resultOf(THREE, { isNew: false }), { replaced: 'cp-2' })
  const lines = text.split('\n').filter(line => line.includes('tar -C'))
  assert.deepEqual(
    lines.map(line => [/cp-\d/.exec(line)?.[0], line.split(' | ')[0]?.includes('--exclude=./pki --exclude=./etcd-pki')]),
    [
      ['cp-2', false],
      ['cp-1', true],
      ['cp-3', true],
    ],
  )
  assert.match(
    lines[0] ?? '',
    /cd davit && tar -xf - \$\(test -d pki && echo --exclude=\.\/pki --exclude=\.\/etcd-pki\) && docker compose up -d'$/,
  )
})

test('describeInit() says so when nothing changed', () => {
  assert.equal(describeInit('davit', resultOf(THREE, { isNew: false, written: [] })), 'davit is as asked for: nothing changed.\n')
})

test('describeInit() says how secrets that are behind come along', () => {
  const text = describeInit('davit', resultOf(THREE, { isNew: false, written: [], isCaOld: true }))
  assert.match(text, /admin\.kubeconfig stays as it is.*\n {2}davit certs sync --dir davit --kubeconfig davit\/admin\.kubeconfig\n$/)
})
