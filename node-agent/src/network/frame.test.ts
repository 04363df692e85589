import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removalOf } from './cleanup.ts'
import { type FrameOptions, frame } from './frame.ts'
import { FrameKeeper } from './frame-keeper.ts'
import { MemoryIptables } from './memory-iptables.ts'
import { networkNames } from './names.ts'

const options: FrameOptions = {
  names: networkNames(),
  podCidr: '10.244.1.0/24',
  clusterCidr: '10.244.0.0/16',
  dnsAddress: '10.96.0.10',
  acceptInRaw: false,
}

function host(): MemoryIptables {
  const iptables = new MemoryIptables()
  iptables.load('filter', ':INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n:DOCKER-USER -\n-A FORWARD -j DOCKER-USER')
  iptables.load(
    'nat',
    ':PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n:DOCKER -\n-A PREROUTING -j DOCKER\n-A POSTROUTING -j MASQUERADE',
  )
  iptables.load('raw', ':PREROUTING ACCEPT\n:OUTPUT ACCEPT')
  return iptables
}

test("FrameKeeper puts jumps in front of Docker's, and then has nothing to do", async () => {
  const iptables = host()
  const keeper = new FrameKeeper(iptables, options.names, frame(options))
  assert.equal((await keeper.check()).lost, true)
  assert.deepEqual(
    (await iptables.rules('filter', 'FORWARD'))?.map(rule => rule.split(' ').at(-1)),
    ['DAVIT-FORWARD', 'DOCKER-USER'],
  )
  assert.deepEqual(
    (await iptables.rules('nat', 'POSTROUTING'))?.map(rule => rule.split(' ').at(-1)),
    ['DAVIT-POSTROUTING', 'MASQUERADE'],
  )
  assert.equal(await keeper.isInFront(), true)
  assert.deepEqual(await keeper.check(), { mended: [], lost: false })
})

test('FrameKeeper puts jumps first again after dockerd put its own in front', async () => {
  const iptables = host()
  const keeper = new FrameKeeper(iptables, options.names, frame(options))
  await keeper.check()
  await iptables.restore('*filter\n-D FORWARD -j DOCKER-USER\n-I FORWARD 1 -j DOCKER-USER\nCOMMIT\n')
  assert.equal(await keeper.isInFront(), false)
  assert.deepEqual(await keeper.check(), { mended: ['filter/FORWARD'], lost: false })
  assert.deepEqual(
    (await iptables.rules('filter', 'FORWARD'))?.map(rule => rule.split(' ').at(-1)),
    ['DAVIT-FORWARD', 'DOCKER-USER'],
  )
})

test('FrameKeeper mends a chain that somebody changed, and tells of chains lost by a flush', async () => {
  const iptables = host()
  const keeper = new FrameKeeper(iptables, options.names, frame(options))
  await keeper.check()
  await iptables.restore('*filter\n-A DAVIT-FORWARD -j DROP\nCOMMIT\n')
  assert.deepEqual(await keeper.check(), { mended: ['filter/DAVIT-FORWARD'], lost: false })
  iptables.load('nat', ':PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT')
  const { lost, mended } = await keeper.check()
  assert.equal(lost, true)
  assert.ok(mended.includes('nat/PREROUTING'))
})

test("two clusters on one host leave each other's jumps alone", async () => {
  const iptables = host()
  const other = { ...options, names: networkNames('davit2'), podCidr: '10.245.1.0/24', clusterCidr: '10.245.0.0/16' }
  const first = new FrameKeeper(iptables, options.names, frame(options))
  const second = new FrameKeeper(iptables, other.names, frame(other))
  await first.check()
  await second.check()
  assert.deepEqual((await first.check()).mended, [])
  assert.deepEqual((await second.check()).mended, [])
})

test('removalOf() leaves nothing of ours and everything of others', async () => {
  const iptables = host()
  const before = await iptables.save('filter')
  const other = { ...options, names: networkNames('davit2') }
  await new FrameKeeper(iptables, options.names, frame(options)).check()
  await new FrameKeeper(iptables, other.names, frame(other)).check()
  for (const names of [options.names, other.names]) {
    for (const table of ['filter', 'nat', 'raw'] as const) await iptables.restore(removalOf(await iptables.save(table), names, table))
    assert.doesNotMatch(await iptables.save('nat'), new RegExp(`${names.chainPrefix}`))
  }
  assert.equal(await iptables.save('filter'), before)
  assert.equal(removalOf(before, options.names, 'filter'), '')
})
