/** Nodes that were away until nobody knows them any more: both ways back, with the pods they had. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CERTIFICATE_ANNOTATIONS, isNodeReady, type Node } from '@davit/api'
import { loadImages, type Machine, scratch, startMachine } from './machines/index.ts'
import { type NodeCluster, packagedAgent, startNodeCluster } from './node-cluster.ts'

const LIFETIME = '40s'
const WAIT_MS_MAX = 120_000

let cluster: NodeCluster
let machine: Machine
let agent: string
let containers: string

before(async () => {
  agent = await packagedAgent(await scratch())
  cluster = await startNodeCluster({ port: 19_445, controlPlaneArgs: ['--node-certificate-lifetime', LIFETIME] })
  machine = await startMachine({ index: 45, name: 'one' })
  await cluster.configure([machine])
  await loadImages(machine, ['busybox:1.36'])
  await add('--accept-host-key', '--label', 'disk=ssd')
  await cluster.davit(['run', 'stays', '--image=busybox:1.36', '--command', '--', 'sleep', '100000'])
  await cluster.davit(['wait', 'pod/stays', '--for=condition=Ready', '--timeout=60s'])
  containers = await running()
})
after(async () => {
  await machine?.remove()
  await cluster?.stop()
})

async function add(...args: string[]): Promise<string> {
  return (await cluster.davit(['node', 'add', '--agent', agent, 'one', ...args])).stdout
}

async function running(): Promise<string> {
  return (await machine.docker(['ps', '-q', '--no-trunc', '--filter', 'label=davit.dev/pod-uid'])).stdout
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + WAIT_MS_MAX
  while (!(await isSo())) {
    assert.ok(performance.now() < end, what)
    await delay(500)
  }
}

/** By the CLI: its kubeconfig goes along with the CA. */
const node = async () => JSON.parse((await cluster.davit(['get', 'node', 'one', '-o', 'json'])).stdout) as Node
const isReady = async () => isNodeReady(await node())
const service = (verb: string) => machine.exec(`davit-node-agent service ${verb}`)

/** What the agent says once it runs again and finds that it is too late, after `away`. */
async function beAway(away: () => Promise<void>): Promise<string> {
  await service('stop')
  await away()
  await until('the node is not Ready', async () => !(await isReady()))
  await machine.exec(': >/var/log/davit-node-agent.log')
  await service('start')
  let said = ''
  await until('the agent says how to come back', async () => {
    said = (await machine.exec('cat /var/log/davit-node-agent.log')).stdout
    return said.includes('To bring node')
  })
  assert.match(said, /run \\"davit node add\\" with its machine again, or .*davit token create --node-name one --print-join-command/)
  return said
}

const untilItsCertificateEnds = () =>
  until(
    'the certificate ends',
    async () => Date.parse((await node()).metadata.annotations?.[CERTIFICATE_ANNOTATIONS.expires] ?? '') < Date.now(),
  )

async function runPrintedCommand(): Promise<string> {
  const { stdout: line } = await cluster.davit(['token', 'create', '--node-name', 'one', '--print-join-command'])
  return (await machine.exec(line.replace('sudo ', ''))).stdout
}

async function assertBack(): Promise<void> {
  await until('the node is Ready again', isReady)
  assert.equal(await running(), containers, 'no container was started or stopped')
  assert.doesNotMatch((await cluster.davit(['certs'])).stdout, /cannot come back by itself/)
}

test('davit node add, run again, brings a node back whose certificate has ended', async () => {
  assert.match(await beAway(untilItsCertificateEnds), /The certificate of this node ended at/)
  assert.match((await cluster.davit(['certs'])).stdout, /Node one cannot come back by itself: "davit node add root@one:22"\./)
  assert.match(await add('--label', 'disk=ssd'), /joining the cluster[\s\S]*is node "one"/)
  await assertBack()
  assert.match(await add('--label', 'disk=ssd'), /is node "one" already/)
})

test('the printed join command brings it back, and leaves its settings as they are', async () => {
  await beAway(untilItsCertificateEnds)
  const settings = (await machine.exec('cat /etc/davit/node-agent.yaml')).stdout
  assert.match(await runPrintedCommand(), /Joined the cluster as node "one"[\s\S]*Restarted the agent/)
  await assertBack()
  assert.equal((await machine.exec('cat /etc/davit/node-agent.yaml')).stdout, settings)
  assert.match(settings, /disk=ssd/)
})

test('both bring back a node that missed a change of the CA', async () => {
  const change = async () => {
    await until('the node is not Ready', async () => !(await isReady()))
    const { stderr } = await cluster.davit(['certs', 'rotate-ca', '--force'])
    assert.match(stderr, /Not waiting for one: once back, it must join again, by "davit node add root@one:22"/)
  }
  assert.match(await beAway(change), /a CA that this node does not know|certificate of this node ended/)
  assert.match(await runPrintedCommand(), /Joined the cluster as node "one"/)
  await assertBack()
  await beAway(change)
  assert.match(await add('--label', 'disk=ssd'), /joining the cluster/)
  await assertBack()
})
