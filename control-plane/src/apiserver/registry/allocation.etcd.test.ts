import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Node, nodeKind, type Service, serviceKind } from '@davit/api'
import { node, service, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  // Three replicas of a new cluster, all bootstrapping at once.
  cluster = await startTestRegistry({ replicas: 3 })
})
after(() => cluster[Symbol.asyncDispose]())

const PREFIX = '/davit/allocations/'

/** Every value held, with the name of its holder. */
async function held(pool: string): Promise<Record<string, string>> {
  const keys = await cluster.storage.readPrefix(`${PREFIX}${pool}/`)
  return Object.fromEntries(keys.map(({ key, value }) => [key.slice(PREFIX.length + pool.length + 1), JSON.parse(value).name]))
}

const addressOf = ({ spec }: Service) => spec.clusterIP ?? ''
const nodePortsOf = ({ spec }: Service) => spec.ports?.map(({ nodePort }) => nodePort)

test('bootstrap gives the API and DNS their addresses, and a second one changes nothing', async () => {
  assert.deepEqual(await held('serviceips'), { '10.96.0.1': 'kubernetes', '10.96.0.10': 'kube-dns' })
  const [one, two] = await Promise.all([cluster.replica(), cluster.replica()])
  const { bootstrap } = await import('./bootstrap.ts')
  const signal = AbortSignal.timeout(10_000)
  const [first, second] = await Promise.all([bootstrap(one.registry, one.storage, signal), bootstrap(two.registry, two.storage, signal)])
  assert.equal(first.clusterId, cluster.bootstrapped.clusterId)
  assert.equal(second.clusterId, first.clusterId)
  assert.deepEqual(await held('serviceips'), { '10.96.0.1': 'kubernetes', '10.96.0.10': 'kube-dns' })
})

test('Services made at once through two replicas get distinct addresses, dense from the bottom', async () => {
  const other = await cluster.replica()
  const made = await Promise.all(
    Array.from({ length: 40 }, (_, index) => {
      const client = index % 2 ? other.client : cluster.client
      return client.resource(serviceKind).create(service(`race-${index}`, { type: 'NodePort' }))
    }),
  )
  assert.equal(new Set(made.map(addressOf)).size, 40)
  assert.equal(new Set(made.flatMap(nodePortsOf)).size, 40)
  const numbers = made.map(made => Number(addressOf(made).split('.')[3])).sort((a, b) => a - b)
  assert.equal(numbers.at(-1), 42)
  const ports = await held('nodeports')
  assert.equal(Object.keys(ports).length, 40)
  for (const { metadata, spec } of made) assert.equal(ports[String(spec.ports?.[0]?.nodePort)], metadata.name)

  const services = cluster.client.resource(serviceKind)
  await Promise.all(made.map(({ metadata }) => services.delete({ name: metadata.name ?? '', namespace: 'default' })))
  assert.deepEqual(await held('serviceips'), { '10.96.0.1': 'kubernetes', '10.96.0.10': 'kube-dns' })
  assert.deepEqual(await held('nodeports'), {})
})

test('what is asked for is given once', async () => {
  const services = cluster.client.resource(serviceKind)
  const rejects = (made: Promise<unknown>, message: string) =>
    assert.rejects(made, { code: 422, message: `Service "x" is invalid: ${message}` })
  await rejects(
    services.create(service('x', { clusterIP: '10.96.0.10' })),
    'spec.clusterIPs[0]: Invalid value: "10.96.0.10": failed to allocate IP 10.96.0.10: provided IP is already allocated',
  )
  await rejects(
    services.create(service('x', { clusterIP: '10.0.0.1' })),
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": failed to allocate IP 10.0.0.1: the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/12',
  )
  const made = await services.create(service('asked', { type: 'NodePort', clusterIP: '10.97.1.1', ports: [{ port: 80, nodePort: 30080 }] }))
  assert.deepEqual(made.spec.clusterIPs, ['10.97.1.1'])
  const taken = service('x', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] })
  await rejects(services.create(taken), 'spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated')
  await rejects(
    services.create(service('x', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })),
    'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
  )
  assert.deepEqual(Object.keys(await held('nodeports')), ['30080'])
  await services.delete({ name: 'asked', namespace: 'default' })
  assert.deepEqual((await services.create(taken)).spec.ports?.[0]?.nodePort, 30080)
  await services.delete({ name: 'x', namespace: 'default' })
})

test('one asked-for address races to one winner', async () => {
  const other = await cluster.replica()
  const attempts = await Promise.allSettled(
    Array.from({ length: 12 }, (_, index) => {
      const client = index % 2 ? other.client : cluster.client
      return client.resource(serviceKind).create(service(`same-${index}`, { clusterIP: '10.97.7.7' }))
    }),
  )
  const winners = attempts.filter(({ status }) => status === 'fulfilled')
  assert.equal(winners.length, 1)
  for (const attempt of attempts) if (attempt.status === 'rejected') assert.equal(attempt.reason.code, 422, attempt.reason)
  await cluster.client.resource(serviceKind).deleteCollection({ namespace: 'default', fieldSelector: 'metadata.name!=kubernetes' })
})

test('a change of type takes and gives back what it must', async () => {
  const services = cluster.client.resource(serviceKind)
  const plain = await services.create(service('typed'))
  assert.ok(addressOf(plain))
  assert.deepEqual(nodePortsOf(plain), [undefined])

  const nodePort = await services.update({ ...plain, spec: { ...plain.spec, type: 'NodePort' } })
  const [port] = nodePortsOf(nodePort) ?? []
  assert.ok(port && port >= 30000)
  const manifest = service('typed', {
    type: 'LoadBalancer',
    ports: [{ port: 80 }, { name: 'more', port: 81 }].map((p, i) => ({ name: `p${i}`, ...p })),
  })
  const balanced = await services.update(manifest)
  assert.equal(addressOf(balanced), addressOf(plain))
  assert.equal(nodePortsOf(balanced)?.[0], port)
  assert.equal(Object.keys(await held('nodeports')).length, 2)

  const local = await services.update({ ...balanced, spec: { ...balanced.spec, externalTrafficPolicy: 'Local' } })
  assert.ok(local.spec.healthCheckNodePort)
  assert.equal(Object.keys(await held('nodeports')).length, 3)
  const back = await services.update({ ...local, spec: { ...local.spec, type: 'ClusterIP' } })
  assert.equal(back.spec.externalTrafficPolicy, undefined)
  assert.deepEqual(nodePortsOf(back), [undefined, undefined])
  assert.equal(back.spec.healthCheckNodePort, undefined)
  assert.deepEqual(await held('nodeports'), {})

  const external = await services.update({ ...back, spec: { ...back.spec, type: 'ExternalName', externalName: 'example.com' } })
  assert.equal(external.spec.clusterIP, undefined)
  assert.equal(Object.values(await held('serviceips')).includes('typed'), false)
  await services.delete({ name: 'typed', namespace: 'default' })
})

test('headless Services and ExternalNames take no address; TCP and UDP share a node port', async () => {
  const services = cluster.client.resource(serviceKind)
  const headless = await services.create(service('headless', { clusterIP: 'None' }))
  assert.deepEqual(headless.spec.clusterIPs, ['None'])
  const external = await services.create(service('external', { type: 'ExternalName', externalName: 'example.com' }))
  assert.equal(external.spec.clusterIP, undefined)
  const ports = [
    { name: 'udp', port: 53, protocol: 'UDP' as const },
    { name: 'tcp', port: 53, protocol: 'TCP' as const },
  ]
  const dns = await services.create(service('dns', { type: 'NodePort', ports }))
  assert.equal(dns.spec.ports?.[0]?.nodePort, dns.spec.ports?.[1]?.nodePort)
  assert.equal(Object.keys(await held('nodeports')).length, 1)
  for (const name of ['headless', 'external', 'dns']) await services.delete({ name, namespace: 'default' })
  assert.deepEqual(await held('nodeports'), {})
})

test('dry runs and refused Services hold nothing', async () => {
  const services = cluster.client.resource(serviceKind)
  const before = await held('serviceips')
  const dry = await services.create(service('dry', { type: 'NodePort' }), { dryRun: true })
  assert.ok(addressOf(dry))
  await assert.rejects(services.create(service('refused', { ports: [] })), { code: 422 })
  assert.deepEqual(await held('serviceips'), before)
  assert.equal(addressOf(await services.create(service('after'))), addressOf(dry))
  await services.delete({ name: 'after', namespace: 'default' })
})

test('nodes made at once get a range each, and give it back', async () => {
  const other = await cluster.replica()
  const made = await Promise.all(
    Array.from({ length: 10 }, (_, index) => (index % 2 ? other.client : cluster.client).resource(nodeKind).create(node(`node-${index}`))),
  )
  const ranges = made.map(({ spec }: Node) => spec?.podCIDR ?? '')
  assert.equal(new Set(ranges).size, 10)
  for (const range of ranges) assert.match(range, /^10\.244\.\d\.0\/24$/)
  assert.deepEqual(made[0]?.spec?.podCIDRs, [ranges[0]])
  await cluster.client.resource(nodeKind).delete({ name: 'node-0' })
  const again = await cluster.client.resource(nodeKind).create(node('node-new'))
  assert.equal(again.spec?.podCIDR, ranges[0])
})

test('publishEndpoints() makes and replaces the endpoints of the API', async () => {
  const { publishEndpoints } = cluster.bootstrapped
  await publishEndpoints([{ address: '192.0.2.1', port: 6443 }])
  await publishEndpoints(['192.0.2.1', '192.0.2.2'].map(address => ({ address, port: 6443 })))
  const { endpointSliceKind, endpointsKind } = await import('@davit/api')
  const target = { name: 'kubernetes', namespace: 'default' }
  const slice = await cluster.client.resource(endpointSliceKind).get(target)
  assert.deepEqual(
    slice.endpoints.map(({ addresses }) => addresses),
    [['192.0.2.1'], ['192.0.2.2']],
  )
  const endpoints = await cluster.client.resource(endpointsKind).get(target)
  assert.deepEqual(endpoints.subsets?.[0]?.addresses, [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }])
})
