import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedConfig, type InitAnswers, newConfig } from './answers.ts'
import { ConfigError } from './config.ts'
import { machinesOf } from './machines.ts'

const ONE: InitAnswers = { controlPlanes: ['10.0.0.11'] }
const THREE: InitAnswers = { controlPlanes: ['10.0.0.11', '10.0.0.12', '10.0.0.13'] }

function refusalOf(run: () => unknown): string {
  try {
    run()
  } catch (err) {
    assert.ok(err instanceof ConfigError, String(err))
    return err.message
  }
  return 'nothing was refused'
}

const REFUSED_NEW: readonly [string, InitAnswers, RegExp][] = [
  ['no control plane', {}, /--control-plane is missing: want the address/],
  ['two', { controlPlanes: ['10.0.0.11', '10.0.0.12'] }, /there are 2 control planes: want 1, 3 or 5 \(etcd goes on while more than half/],
  ['four on one address', { ...ONE, replicas: 4 }, /there are 4 control planes/],
  ['seven', { ...ONE, replicas: 7 }, /there are 7 control planes: want 1, 3 or 5 \(each write/],
  ['replicas on several addresses', { ...THREE, replicas: 3 }, /--replicas is 3 with 3 addresses/],
  ['an address that is none', { controlPlanes: ['10.0.0.300'] }, /controlPlanes\[0\]\.address is "10\.0\.0\.300": want an IPv4 address/],
  ['a text that is no address', { controlPlanes: ['a=b=c'] }, /--control-plane is "a=b=c": want ADDRESS or NAME=ADDRESS\[:PORT\]/],
  ['loopback', { controlPlanes: ['127.0.0.1'] }, /127\.0\.0\.1 is this machine's own/],
  ['an address among the pods', { controlPlanes: ['10.244.1.1'] }, /10\.244\.1\.1 lies in 10\.244\.0\.0\/16: give other ranges/],
  ['equal names', { controlPlanes: ['a=10.0.0.1', 'a=10.0.0.2', 'b=10.0.0.3'] }, /two control planes are named "a"/],
  [
    'two of three on one machine',
    { controlPlanes: ['10.0.0.1', '10.0.0.1', '10.0.0.3'] },
    /3 control planes have 2 addresses: want all on one/,
  ],
  ['a name that no volume may have', { ...ONE, name: 'Prod!' }, /name is "Prod!": want up to 40 lowercase/],
  ['a port that is none', { ...ONE, port: 70_000 }, /controlPlanes\[0\]\.port is 70000: want a port/],
  ['ports that clash', { ...ONE, balancerPort: 6443 }, /10\.0\.0\.11:6443 is meant for two programs/],
  ['ranges that overlap', { ...ONE, podCidr: '10.0.0.0/8' }, /overlap/],
  ['a range that begins elsewhere', { ...ONE, podCidr: '10.244.3.0/16' }, /networks\.podCidr is "10\.244\.3\.0\/16": want an IPv4 range/],
  ['a server name that is none', { ...ONE, tlsSans: ['a b'] }, /tlsSans\[0\] is "a b"/],
  ['ssh to nobody', { ...ONE, ssh: ['cp-9=admin@h'] }, /--ssh is "cp-9=admin@h": there is no control plane for it/],
  ['a replacement in a new cluster', { ...THREE, replace: 'cp-1' }, /there is no cluster in this directory yet/],
]

for (const [what, answers, wanted] of REFUSED_NEW) {
  test(`newConfig() refuses ${what}`, () =>
    assert.match(
      refusalOf(() => newConfig(answers)),
      wanted,
    ))
}

const REFUSED_CHANGE: readonly [string, InitAnswers, InitAnswers, RegExp][] = [
  ['another name', THREE, { name: 'other' }, /--name is "other", and this cluster has "davit": it cannot change/],
  ['another pod range', THREE, { podCidr: '10.100.0.0/16' }, /--pod-cidr is .* pods have addresses of it/],
  ['another address', THREE, { controlPlanes: ['10.0.0.11', '10.0.0.12', '10.0.0.99'] }, /davit init --replace NAME=NEWADDRESS/],
  ['more members', ONE, THREE, /davit init in another directory, and restore a backup/],
  ['more replicas', ONE, { replicas: 3 }, /--replicas is "3", and this cluster has "1"/],
  ['another port', ONE, { port: 7443 }, /--port is "7443", and this cluster has "6443": it cannot change, nodes and kubeconfigs name it/],
  ['to replace a stranger', THREE, { replace: 'cp-9' }, /want one of cp-1, cp-2, cp-3/],
  ['to replace the only member', ONE, { replace: 'cp-1' }, /nobody else has its data.*davit backup restore/],
  ["a replacement at another member's address", THREE, { replace: 'cp-1=10.0.0.12' }, /3 control planes have 2 addresses/],
  [
    'to take one of all on one machine away',
    { ...ONE, replicas: 3 },
    { replace: 'cp-1=10.0.0.9' },
    /want --replace cp-1, without an address/,
  ],
]

for (const [what, before, change, wanted] of REFUSED_CHANGE) {
  test(`changedConfig() refuses ${what}`, () =>
    assert.match(
      refusalOf(() => changedConfig(newConfig(before), change)),
      wanted,
    ))
}

test('changedConfig() with the same answers changes nothing', () => {
  for (const answers of [ONE, THREE, { ...ONE, replicas: 3, port: 7443, balancerPort: 9443 }, { controlPlanes: ['a=10.0.0.1:7000'] }]) {
    const config = newConfig(answers)
    assert.deepEqual(changedConfig(config, answers), config)
    assert.deepEqual(changedConfig(config, {}), config)
    const { replicas, port } = answers
    assert.deepEqual(changedConfig(config, { ...(replicas !== undefined && { replicas }), ...(port !== undefined && { port }) }), config)
  }
})

test('changedConfig() adds names and a balancer, and keeps what it had', () => {
  const config = changedConfig(newConfig({ ...THREE, tlsSans: ['a.example'] }), { tlsSans: ['b.example'], balancerPort: 8443 })
  assert.deepEqual(config.tlsSans, ['a.example', 'b.example'])
  assert.deepEqual(config.balancer, { port: 8443 })
})

test('a replaced member has its new address, and joins', () => {
  const config = changedConfig(newConfig({ ...THREE, ssh: ['x@a', 'x@b', 'x@c'] }), { replace: 'cp-2=10.0.0.14' })
  const [, second] = config.controlPlanes
  assert.equal(second?.address, '10.0.0.14')
  assert.equal(second?.replaced, true)
  assert.equal(second?.ssh, undefined, 'that was the lost machine')
})

test('newConfig() takes images from one registry', () => {
  const { images } = newConfig({ ...ONE, imageRegistry: 'registry.example.com/mirror/' })
  assert.match(images.controlPlane, /^registry\.example\.com\/mirror\/davit\/control-plane:/)
  assert.equal(images.etcd, 'registry.example.com/mirror/coreos/etcd:v3.5.21')
})

test('machinesOf() gives a folder to each machine, and none where there is one', () => {
  assert.deepEqual(
    machinesOf(newConfig(THREE)).map(({ folder, members }) => [folder, members[0]?.suffix]),
    [
      ['cp-1', ''],
      ['cp-2', ''],
      ['cp-3', ''],
    ],
  )
  const [all] = machinesOf(newConfig({ ...ONE, replicas: 3 }))
  assert.deepEqual([all?.folder, ...all!.members.map(({ suffix, port }) => `${suffix}:${port}`)], ['', '-1:6443', '-2:6444', '-3:6445'])
})
