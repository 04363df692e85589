/**
 * The pod network, Services and names on a real kernel and a real Docker. Runs as root inside the network namespace of the
 * Docker host that DAVIT_TEST_DOCKER_HOST names (`unix:///…`), which has the images busybox:1.36 and nginx:1.25.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { type EndpointSlice, type Logger, type Node, type Service, systemClock } from '@davit/api'
import Docker from 'dockerode'
import { dnsService, startDnsServer, Zone } from '../dns/index.ts'
import { cleanupNetwork, findIptables, type RunningPodNetwork, runCommand, startPodNetwork } from '../network/index.ts'
import { MemoryInformer, type RunningProxy, startProxy } from '../proxy/index.ts'

const dockerHost = process.env.DAVIT_TEST_DOCKER_HOST
const options = { skip: dockerHost === undefined && 'DAVIT_TEST_DOCKER_HOST is not set' }

const name = 'dvtest'
const networks = { podCidr: '10.251.7.0/24', clusterCidr: '10.251.0.0/16', serviceCidr: '10.111.0.0/16', dnsAddress: '10.111.0.10' }
const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const docker = new Docker({ socketPath: dockerHost?.replace('unix://', '') ?? '/nowhere' })
const stop = new AbortController()
const services = new MemoryInformer<Service>()
const endpointSlices = new MemoryInformer<EndpointSlice>()
const containers: Docker.Container[] = []
let hostBefore: string
let network: RunningPodNetwork
let proxy: RunningProxy
let web: { container: Docker.Container; address: string }
let client: { container: Docker.Container; address: string }
let nodeAddress: string

/** All of the host's network that could show a trace of ours; sorted, as Docker moves its rules about when a network comes. */
async function hostState(): Promise<string> {
  const { program } = await findIptables()
  const rules = await Promise.all(['filter', 'nat', 'raw'].map(table => runCommand(`${program}-save`, ['-t', table])))
  const links = await Promise.all(
    [['link'], ['addr'], ['route', 'show', 'table', 'all'], ['rule']].map(args => runCommand('ip', ['-o', '-4', ...args])),
  )
  // What varies by itself: counters, comments, the cache of the local table's linkdown flags.
  return [...rules, ...links]
    .join('\n')
    .replaceAll(/\[\d+:\d+\]|#.*|linkdown|valid_lft.*|state \S+|<[^>]*>/g, '')
    .split('\n')
    .map(line => line.trim())
    .sort()
    .join('\n')
}

async function pod(image: string, cmd: string[] | undefined): Promise<{ container: Docker.Container; address: string }> {
  const uid = `pod-${containers.length}`
  const address = network.allocate(uid)
  const container = await docker.createContainer({
    Image: image,
    ...(cmd && { Cmd: cmd }),
    Labels: { 'davit.dev/test': name },
    Hostname: uid,
    HostConfig: { NetworkMode: network.dockerNetwork, Binds: [`/tmp/${name}-resolv.conf:/etc/resolv.conf:ro`] },
    NetworkingConfig: { EndpointsConfig: { [network.dockerNetwork]: { IPAMConfig: { IPv4Address: address } } } },
  })
  containers.push(container)
  await container.start()
  const inspected = await container.inspect()
  await network.attached(address, inspected.NetworkSettings.Networks[network.dockerNetwork]?.MacAddress ?? '')
  return { container, address }
}

async function run(container: Docker.Container, ...command: string[]): Promise<string> {
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true })
  const stream = await exec.start({ hijack: true, stdin: false })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString().trim()
}

/** The host name that answers, or why none does. */
async function ask(container: Docker.Container, host: string, port = 80): Promise<string> {
  const output = await run(container, 'sh', '-c', `printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${host} ${port}`)
  return output.split(/\r?\n/).at(-1) ?? ''
}

/** From the node itself: what the connection ends with, and after how long. */
function dial(host: string, port: number): Promise<{ code: string; ms: number }> {
  const startedAt = performance.now()
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 3_000 })
    const finish = (code: string) => {
      socket.destroy()
      resolve({ code, ms: performance.now() - startedAt })
    }
    socket.once('connect', () => finish('connected'))
    socket.once('timeout', () => finish('timeout'))
    socket.once('error', err => finish('code' in err ? String(err.code) : err.message))
  })
}

const service = (name: string, clusterIP: string, nodePort?: number): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { type: nodePort ? 'NodePort' : 'ClusterIP', clusterIP, ports: [{ port: 80, ...(nodePort && { nodePort }) }] },
})

const slice = (service: string, ...addresses: string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: service, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  ports: [{ port: 80 }],
  endpoints: addresses.map(address => ({ addresses: [address], nodeName: 'node-1' })),
})

before(async () => {
  if (dockerHost === undefined) return
  await cleanupNetwork({ docker, name })
  await writeFile('/proc/sys/net/bridge/bridge-nf-call-iptables', '0')
  hostBefore = await hostState()
  const [link] = JSON.parse(await runCommand('ip', ['-j', '-4', 'addr', 'show', 'dev', 'eth0'])) as { addr_info: { local: string }[] }[]
  nodeAddress = link?.addr_info[0]?.local ?? ''
  await writeFile(`/tmp/${name}-resolv.conf`, `nameserver ${networks.dnsAddress}\nsearch default.svc.cluster.local\noptions ndots:5\n`)
  const common = { ...networks, name, nodeName: 'node-1', log: quiet, clock: systemClock, signal: stop.signal }
  network = await startPodNetwork({ ...common, docker, clusterId: 'test', nodeAddress, nodes: new MemoryInformer<Node>() })
  assert.equal(network.problem, undefined)
  web = await pod('nginx:1.25', undefined)
  client = await pod('busybox:1.36', ['sleep', '100000'])
  services.put(service('web', '10.111.0.20', 30_999))
  services.put(service('none', '10.111.0.21', 30_998))
  endpointSlices.put(slice('web', web.address))
  proxy = startProxy({ ...common, services, endpointSlices, nodeAddresses: [] })
  network.onRulesLost(() => proxy.recheck())
  await proxy.reached(endpointSlices.cache.resourceVersion, AbortSignal.timeout(10_000))
  const zone = new Zone()
  for (const item of services.cache.list()) zone.set(`default/${item.metadata.name}`, dnsService(item, []))
  await startDnsServer({
    ...networks,
    zone,
    address: networks.dnsAddress,
    domain: 'cluster.local',
    log: quiet,
    clock: systemClock,
    signal: stop.signal,
  }).listening
})

after(async () => {
  for (const container of containers) await container.remove({ force: true })
  stop.abort()
  await cleanupNetwork({ docker, name }).catch(() => {})
})

test('a pod reaches another pod and keeps its address', options, async () => {
  assert.equal(await ask(client.container, web.address), 'pod-0')
  const log = (await web.container.logs({ stdout: true, tail: 5 })).toString()
  assert.ok(log.includes(client.address))
})

test('a pod reaches a Service on its own host, though bridge-nf-call-iptables is 0', options, async () => {
  assert.equal(await readFile('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8'), '0\n')
  assert.equal(await ask(client.container, '10.111.0.20'), 'pod-0')
})

test('a pod reaches itself through its Service', options, async () => {
  assert.equal(await ask(web.container, '10.111.0.20'), 'pod-0')
})

test('pods and the node reach the NodePort, and the node the ClusterIP', options, async () => {
  assert.equal(await ask(client.container, nodeAddress, 30_999), 'pod-0')
  assert.equal((await dial(nodeAddress, 30_999)).code, 'connected')
  assert.equal((await dial('10.111.0.20', 80)).code, 'connected')
})

test('a Service without endpoints, and an address of none, refuse at once', options, async () => {
  for (const [host, port] of [
    ['10.111.0.21', 80],
    [nodeAddress, 30_998],
    ['10.111.9.9', 80],
  ] as const) {
    const { code, ms } = await dial(host, port)
    assert.equal(code, 'ECONNREFUSED')
    assert.ok(ms < 500, `${ms} ms`)
  }
  assert.match(await ask(client.container, '10.111.0.21'), /refused/)
})

test('a pod resolves a Service by its short name', options, async () => {
  assert.match(await run(client.container, 'nslookup', 'web.default.svc.cluster.local'), /10\.111\.0\.20/)
})

test('an endpoint that goes gets no new connection once its version is reached', options, async () => {
  await proxy.reached(endpointSlices.put(slice('web')), AbortSignal.timeout(5_000))
  assert.equal((await dial('10.111.0.20', 80)).code, 'ECONNREFUSED')
  await proxy.reached(endpointSlices.put(slice('web', web.address)), AbortSignal.timeout(5_000))
  assert.equal((await dial('10.111.0.20', 80)).code, 'connected')
})

test('a host port leads to its pod until it is released', options, async () => {
  await proxy.hostPorts.claim('pod-0', [{ hostPort: 8099, protocol: 'TCP', podAddress: web.address, containerPort: 80 }])
  await proxy.reached(endpointSlices.put(slice('other')), AbortSignal.timeout(5_000))
  assert.equal(await ask(client.container, nodeAddress, 8099), 'pod-0')
  proxy.hostPorts.release('pod-0')
  await proxy.reached(endpointSlices.put(slice('other', '10.251.7.99')), AbortSignal.timeout(5_000))
  assert.equal((await dial(nodeAddress, 8099)).code, 'ECONNREFUSED')
})

test('what somebody flushed or put in front comes back as it was', options, async () => {
  // The backend that Docker uses here.
  const { program } = await findIptables()
  const nat = await runCommand(`${program}-save`, ['-t', 'nat'])
  await runCommand(program, ['-I', 'FORWARD', '1', '-j', 'DOCKER-USER'])
  await runCommand(program, ['-t', 'nat', '-F', 'DVTEST-SERVICES'])
  await runCommand(program, ['-t', 'nat', '-D', 'PREROUTING', '1'])
  await network.recheck()
  proxy.recheck()
  await proxy.reached(endpointSlices.put(slice('other')), AbortSignal.timeout(5_000))
  const [first] = (await runCommand(program, ['-S', 'FORWARD'])).split('\n').filter(line => line.startsWith('-A'))
  assert.match(first ?? '', /DVTEST-FORWARD/)
  await runCommand(program, ['-D', 'FORWARD', '-j', 'DOCKER-USER'])
  assert.deepEqual(chainsOf(await runCommand(`${program}-save`, ['-t', 'nat'])), chainsOf(nat))
  assert.equal(await ask(client.container, '10.111.0.20'), 'pod-0')
})

function chainsOf(saved: string): string[] {
  return saved
    .split('\n')
    .filter(line => line.startsWith('-A'))
    .sort()
}

test("an address that a dead container still holds is freed, a running one's is not", options, async () => {
  await assert.rejects(network.freeStaleEndpoint(web.address), /running container/)
  await network.freeStaleEndpoint('10.251.7.77')
})

test('two agents that want one name say what is in the way', options, async () => {
  const other = new AbortController()
  const second = await startPodNetwork({
    ...networks,
    podCidr: '10.251.8.0/24',
    name,
    docker,
    clusterId: 'other',
    nodeName: 'node-1',
    nodeAddress,
    nodes: new MemoryInformer<Node>(),
    log: quiet,
    clock: systemClock,
    signal: other.signal,
  })
  assert.match(second.problem ?? '', /Cannot use Docker network "dvtest": its subnet is .* containers are attached/)
  other.abort()
  await second.stopped
})

test('remove() leaves nothing of ours on the host', options, async () => {
  for (const container of containers.splice(0)) await container.remove({ force: true })
  stop.abort()
  await proxy.stopped
  await network.remove()
  assert.equal(await hostState(), hostBefore)
})
