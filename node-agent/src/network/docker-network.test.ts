import assert from 'node:assert/strict'
import { test } from 'node:test'
import type Docker from 'dockerode'
import { ensureDockerNetwork, networkSpec } from './docker-network.ts'

const options = {
  name: 'davit',
  bridge: 'davit0',
  podCidr: '10.244.1.0/24',
  mtu: 1450,
  clusterId: 'c1',
  nodeName: 'node-1',
  dockerVersion: '20.10.24',
}

interface Network {
  Id: string
  Name: string
  Containers?: Record<string, { Name: string; IPv4Address: string }>
}

/** Docker's networks, as far as this room asks for them. */
function docker(networks: Network[]) {
  const find = (name: string) => networks.find(network => network.Name === name || network.Id === name)
  return {
    networks,
    getNetwork: (name: string) => ({
      inspect: async () => find(name) ?? Promise.reject(Object.assign(new Error('no such network'), { statusCode: 404 })),
      remove: async () => {
        networks.splice(0, networks.length, ...networks.filter(network => network !== find(name)))
      },
    }),
    createNetwork: async (spec: { Name: string }) => void networks.push({ ...spec, Id: `id-${networks.length}` }),
    listNetworks: async () => networks,
  }
}

const ensure = (fake: ReturnType<typeof docker>, change: Partial<typeof options> = {}) =>
  ensureDockerNetwork(fake as unknown as Docker, { ...options, ...change })

test("networkSpec() keeps hand-attached containers off the pods' addresses", () => {
  assert.deepEqual(networkSpec(options), {
    Name: 'davit',
    Driver: 'bridge',
    CheckDuplicate: true,
    IPAM: { Driver: 'default', Config: [{ Subnet: '10.244.1.0/24', Gateway: '10.244.1.1', IPRange: '10.244.1.240/28' }] },
    Options: {
      'com.docker.network.bridge.name': 'davit0',
      'com.docker.network.bridge.enable_ip_masquerade': 'false',
      'com.docker.network.driver.mtu': '1450',
    },
    Labels: { 'davit.dev/cluster-id': 'c1', 'davit.dev/node': 'node-1' },
  })
})

test('networkSpec() asks Docker 28 and later not to drop what is routed to pods', () => {
  assert.equal(
    networkSpec({ ...options, dockerVersion: '28.3.0' }).Options['com.docker.network.bridge.gateway_mode_ipv4'],
    'nat-unprotected',
  )
})

test('ensureDockerNetwork() makes the network once', async () => {
  const fake = docker([])
  assert.equal(await ensure(fake), true)
  assert.equal(await ensure(fake), false)
  assert.equal(fake.networks.length, 1)
})

test('ensureDockerNetwork() makes one that differs again when nothing is attached', async () => {
  const fake = docker([])
  await ensure(fake, { podCidr: '10.244.9.0/24', clusterId: 'old' })
  assert.equal(await ensure(fake), true)
  assert.equal(fake.networks.length, 1)
})

test('ensureDockerNetwork() says what differs when it cannot be made again', async () => {
  const fake = docker([])
  await ensure(fake, { podCidr: '10.244.9.0/24' })
  const network = fake.networks[0]
  if (network) network.Containers = { x: { Name: 'web', IPv4Address: '10.244.9.5/24' } }
  await assert.rejects(ensure(fake), /its subnet is "10\.244\.9\.0\/24", wanted "10\.244\.1\.0\/24", and 1 containers are attached \(web\)/)
})

test('ensureDockerNetwork() removes what an agent under another network name left', async () => {
  const fake = docker([{ Id: '1', Name: 'compose_default' }])
  await ensure(fake, { name: 'before' })
  await ensure(fake, { name: 'other', nodeName: 'node-2' })
  assert.equal(await ensure(fake), true)
  assert.deepEqual(
    fake.networks.map(({ Name }) => Name),
    ['compose_default', 'other', 'davit'],
  )
})

test('ensureDockerNetwork() names the network whose range is in the way', async () => {
  const fake = docker([{ Id: '1', Name: 'compose_default', ...{ IPAM: { Config: [{ Subnet: '10.244.0.0/20' }] } } }])
  fake.createNetwork = () => Promise.reject(new Error('Pool overlaps with other one on this address space'))
  await assert.rejects(ensure(fake), /10\.244\.1\.0\/24 overlaps 10\.244\.0\.0\/20 of Docker network "compose_default"/)
})
