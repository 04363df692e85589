/**
 * Nodes and three replicas of the control plane, the first of which is the only one the nodes' flags name: a node cut off from one replica
 * is reached through the others, and nodes need no address of a replica that is gone, not even after a restart.
 */
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, it } from 'node:test'
import { connectHttp, type HttpClient, isNodeReady, nodeKind, PATHS, type Pod, podKind } from '@davit/api'
import {
  command,
  crashHost,
  type DockerHost,
  describeHost,
  ensureHostBridge,
  type HostNetwork,
  homeAt,
  inHost,
  removeHost,
  removeHostBridge,
  startAgent,
  startHost,
  stopAgent,
  unmountBelow,
  waitForNodes,
} from '@davit/deploy'
import { type ControlPlane, startControlPlane } from './control-plane/control-plane.ts'
import { type EtcdCluster, startEtcdCluster } from './control-plane/etcd-cluster.ts'
import { until } from './control-plane/until.ts'
import { makeShellImages } from './images.ts'

const NETWORK: HostNetwork = { prefix: 'lab-ha-', bridge: 'lab-ha', subnet: '10.212.0' }
const ADDRESS = `${NETWORK.subnet}.1`
const NODES = 2
const CLI = new URL('../../cli/dist/main.js', import.meta.url).pathname

let etcd: EtcdCluster
const planes: ControlPlane[] = []
let hosts: DockerHost[] = []
let client: HttpClient
const home = homeAt(await mkdtemp(join(tmpdir(), 'davit-ha-home-')))

before(async () => {
  etcd = await startEtcdCluster(3)
  const options = { network: NETWORK, dir: home.hosts, logs: home.logs, run: home.run }
  // A run that was killed leaves its hosts behind.
  for (let index = 1; index <= NODES; index++) await removeHost(describeHost(index, options), options)
  await ensureHostBridge(NETWORK)
  hosts = await Promise.all(Array.from({ length: NODES }, (_, at) => startHost(at + 1, options)))
  const args = [...etcd.flags, '--bind-address', '0.0.0.0', '--advertise-address', ADDRESS]
  const first = await startControlPlane({ args })
  planes.push(first)
  planes.push(...(await Promise.all([1, 2].map(() => startControlPlane({ args, besides: first })))))
  await mkdir(home.dir, { recursive: true })
  await cp(first.kubeconfig, home.kubeconfig)
  const servers = planes.map(urlOf)
  client = connectHttp({ servers, certificateAuthority: first.certificateAuthority, ...first.credentials })
  await Promise.all(hosts.map(start))
  await waitForNodes(
    home,
    client,
    hosts.map(({ name }) => name),
  )
  for (const archive of await makeShellImages(home.dir)) await loadImage(archive)
})
after(async () => {
  for (const { name } of hosts) await stopAgent(home, name).catch(() => {})
  client?.close()
  for (const plane of planes) await plane[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
  const options = { network: NETWORK, dir: home.hosts, logs: home.logs, run: home.run, purge: true }
  for (const host of hosts) {
    await crashHost(host)
    await removeHost(host, options)
  }
  await removeHostBridge(NETWORK)
  // Secrets of pods were in memory there.
  await unmountBelow(home.dir)
  await rm(home.dir, { recursive: true, force: true })
})

const urlOf = ({ port }: ControlPlane) => `https://${ADDRESS}:${port}`

/** With the address of the first replica only. */
async function start(host: DockerHost): Promise<void> {
  const { name, address, socket } = host
  const [first] = planes as [ControlPlane]
  await startAgent({ home, client, nodeName: name, nodeAddress: address, server: urlOf(first), dockerSocket: socket, host })
}

async function loadImage(archive: string): Promise<void> {
  const headers = { 'content-type': 'application/x-tar' }
  const answer = await client.raw({ method: 'PUT', path: PATHS.images, body: createReadStream(archive), headers })
  const said = await text(answer.body)
  assert.ok(answer.status === 200 && !said.includes('"error"'), `${answer.status} ${said}`)
}

async function runPod(name: string, { name: nodeName }: DockerHost): Promise<void> {
  const script = 'echo begun; while true; do sleep 1; done'
  const containers = [{ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script] }]
  const metadata = { name, namespace: 'default' }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName, terminationGracePeriodSeconds: 0, containers } }
  await client.resource(podKind).create(pod as Pod)
  await until(`pod ${name} to run`, async () => (await client.resource(podKind).get(metadata)).status?.phase === 'Running', 60_000)
}

/** The CLI through one replica only. */
async function davit(plane: ControlPlane, ...args: string[]) {
  const env = { ...process.env, KUBECONFIG: plane.kubeconfig, HOME: home.dir }
  return command(process.execPath, [CLI, '--server', urlOf(plane), ...args], { env, allowFailure: true, timeoutMs: 30_000 })
}

it('a node cut off from one replica is reached through the others, and stays Ready', async t => {
  const [, , third] = planes as [ControlPlane, ControlPlane, ControlPlane]
  const [host] = hosts as [DockerHost]
  await runPod('cut', host)
  await until('a tunnel to every replica', async () => (await davit(third, 'exec', 'cut', '--', 'true')).code === 0)
  for (const chain of ['OUTPUT', 'INPUT']) {
    const port = chain === 'OUTPUT' ? '--dport' : '--sport'
    await inHost(host, 'iptables', ['-w', '-I', chain, '-p', 'tcp', port, String(third.port), '-j', 'DROP'])
  }
  const began = performance.now()
  const exec = await until('exec by relay', async () => {
    const answer = await davit(third, 'exec', '-i', 'cut', '--', 'sh', '-c', 'echo through; exit 7')
    return answer.stdout === 'through\n' && answer
  })
  t.diagnostic(`exec by relay after ${Math.round(performance.now() - began)} ms`)
  assert.equal(exec.code, 7)
  assert.ok(third.log.some(({ msg, node }) => msg === 'Reaching a node through a peer' && node === host.name))
  assert.equal((await davit(third, 'logs', 'cut')).stdout, 'begun\n')
  const node = await client.resource(nodeKind).get({ name: host.name })
  assert.ok(isNodeReady(node))
})

it('a node whose flags name only a replica that is gone goes on, also after its agent is started again', async () => {
  const [first, second] = planes as [ControlPlane, ControlPlane]
  const host = hosts[1] as DockerHost
  const kept = join(home.agents, host.name, 'servers.json')
  const known = async () => new Set(JSON.parse(await readFile(kept, 'utf8')) as string[])
  await until('the agent to know all replicas', async () => {
    const servers = await known()
    return planes.every(plane => servers.has(urlOf(plane)))
  })
  await first.kill()
  await runPod('during', host)
  assert.equal((await davit(second, 'exec', 'during', '--', 'echo', 'here')).stdout, 'here\n')

  await stopAgent(home, host.name)
  await start(host)
  await runPod('after', host)
  assert.equal((await davit(second, 'logs', 'after')).stdout, 'begun\n')
  await until('the dead replica to be published no more', async () => {
    const { json } = await second.ask({ path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices' })
    return !JSON.stringify(json).includes(`"port":${first.port}`)
  })
})
