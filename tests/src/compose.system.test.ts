/** A control plane on machines: `davit init`, `docker-compose up -d`, crashes, power cuts, and a machine that never comes back. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { command } from '@davit/deploy'
import { assertHealthy, compose, copyFolder, crashContainer, init, loadComposeImages, longRunning, untilWell } from './compose.ts'
import { kubectlBinary } from './kubectl.ts'
import { type Machine, startMachine } from './machines/index.ts'
import { say, seconds, secondsSince, timed } from './telling.ts'

const KEYS = ['pki', 'etcd-pki']
let kubectl: string
let dir: string
let machines: Machine[]
const machine = (index: number) => machines[index]!

before(async () => {
  kubectl = await kubectlBinary(33)
  dir = await mkdtemp(join(tmpdir(), 'davit-compose-'))
  machines = await Promise.all([21, 22, 23, 24].map(index => startMachine({ index, user: { name: 'admin' } })))
  for (const each of machines) await loadComposeImages(each)
})
after(async () => {
  for (const each of machines ?? []) await each.remove()
  if (dir) await rm(dir, { recursive: true, force: true })
})

/** kubectl with the cluster's kubeconfig, through one of its addresses. */
async function ask(cluster: string, server: string, args: readonly string[], input?: string): Promise<string> {
  const flags = ['--kubeconfig', join(dir, cluster, 'admin.kubeconfig'), '--server', `https://${server}`, '--request-timeout=10s']
  return (await command(kubectl, [...flags, ...args], { timeoutMs: 15_000, ...(input !== undefined && { input }) })).stdout
}

async function write(cluster: string, server: string, name: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { written: name } }
  await ask(cluster, server, ['apply', '-f', '-'], JSON.stringify(object))
}

/** Every address answers, is ready, and knows the same objects. */
async function assertWell(cluster: string, servers: readonly string[], names: readonly string[]): Promise<void> {
  for (const server of servers) {
    await ask(cluster, server, ['get', '--raw', '/readyz'])
    const found = await ask(cluster, server, ['get', 'configmaps', '-n', 'default', '-o', 'name'])
    for (const name of names) assert.ok(found.includes(`configmap/${name}\n`), `${name} is missing at ${server}: ${found}`)
  }
}

async function crashEach(cluster: string, on: readonly Machine[], servers: readonly string[], names: readonly string[]): Promise<void> {
  for (const each of on) {
    for (const name of await longRunning(each)) {
      const start = performance.now()
      await crashContainer(each, name)
      await untilWell(name, () => assertWell(cluster, servers, names))
      say(`kill -9 of ${name} on ${each.address}: all well again after ${secondsSince(start)}`)
    }
  }
}

async function powerCycle(cluster: string, on: readonly Machine[], servers: readonly string[], names: readonly string[]): Promise<void> {
  await Promise.all(on.map(each => each.powerOff()))
  await timed(`boot of ${on.length}`, () => Promise.all(on.map(each => each.boot())))
  const ms = await untilWell('all after the power cut', () => assertWell(cluster, servers, names))
  say(`power cut of ${on.length}: all well ${seconds(ms)} after boot`)
}

async function clean(on: Machine): Promise<void> {
  await compose(on, 'down', '-v')
  await on.exec('rm -rf /srv/davit')
}

suite('on one machine', () => {
  const servers = () => [`${machine(0).address}:6443`]

  test('init, compose up, and kubectl works', async () => {
    await timed('davit init', () => init(join(dir, 'one'), ['--control-plane', machine(0).address]))
    await copyFolder(machine(0), join(dir, 'one'))
    await timed('docker-compose up -d', () => compose(machine(0), 'up', '-d'))
    say(`ready ${seconds(await untilWell('the API', () => assertWell('one', servers(), [])))} later`)
    await write('one', servers()[0]!, 'first')
    assert.deepEqual(await longRunning(machine(0)), ['davit_control-plane_1', 'davit_etcd_1'])
  })
  test('compose up changes nothing when nothing changed', async () => {
    const before = (await machine(0).docker(['ps', '-q'])).stdout
    await compose(machine(0), 'up', '-d')
    assert.equal((await machine(0).docker(['ps', '-q'])).stdout, before)
  })
  test('whatever is killed comes back', () => crashEach('one', [machine(0)], servers(), ['first']))
  test('a power cut is survived', () => powerCycle('one', [machine(0)], servers(), ['first']))
  test('nothing in it has rights of root', async () => {
    for (const name of await longRunning(machine(0))) {
      const format = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}'
      assert.equal((await machine(0).docker(['inspect', '-f', format, name])).stdout.trim(), '65532:65532 true [ALL] false')
    }
    await clean(machine(0))
  })
})

suite('three on one machine, behind a balancer', () => {
  const servers = () => [8443, 6443, 6444, 6445].map(port => `${machine(3).address}:${port}`)

  test('init, compose up, and kubectl works through each address', async () => {
    await init(join(dir, 'all'), ['--control-plane', machine(3).address, '--replicas', '3', '--balancer'])
    await copyFolder(machine(3), join(dir, 'all'))
    await timed('docker-compose up -d', () => compose(machine(3), 'up', '-d'))
    say(`ready ${seconds(await untilWell('the API', () => assertWell('all', servers(), [])))} later`)
    await write('all', servers()[0]!, 'first')
    say(`healthy to Docker ${seconds(await untilWell('all containers', () => assertHealthy(machine(3))))} later`)
  })
  test('whatever is killed comes back', () => crashEach('all', [machine(3)], servers(), ['first']))
  test('a power cut is survived', () => powerCycle('all', [machine(3)], servers(), ['first']))
  test('a member that lost its volume takes its place again', async () => {
    await machine(3).docker(['rm', '-f', 'davit_etcd-2_1', 'davit_control-plane-2_1', 'davit_prepare_1'])
    await machine(3).docker(['volume', 'rm', 'davit_etcd-2'])
    await init(join(dir, 'all'), ['--replace', 'cp-2'])
    await copyFolder(machine(3), join(dir, 'all'), KEYS)
    await timed('docker-compose up -d', () => compose(machine(3), 'up', '-d'))
    say(`ready ${seconds(await untilWell('the API', () => assertWell('all', servers(), ['first'])))} later`)
    await clean(machine(3))
  })
})

suite('on three machines', () => {
  const three = () => [0, 1, 2].map(machine)
  const servers = () => three().map(({ address }) => `${address}:6443`)

  test('init, compose up on each, and kubectl works through each', async () => {
    await init(join(dir, 'three'), [
      '--control-plane',
      three()
        .map(({ address }) => address)
        .join(','),
    ])
    await timed('docker-compose up -d, one machine after the other', async () => {
      for (const [index, each] of three().entries()) {
        await copyFolder(each, join(dir, `three/cp-${index + 1}`))
        await compose(each, 'up', '-d')
      }
    })
    say(`ready ${seconds(await untilWell('the API', () => assertWell('three', servers(), [])))} later`)
    await write('three', servers()[0]!, 'first')
  })
  test('whatever is killed comes back', () => crashEach('three', three(), servers(), ['first']))
  test('a power cut of all machines is survived', () => powerCycle('three', three(), servers(), ['first']))
  test('a control plane comes up after a boot although its own etcd member does not', async () => {
    await machine(0).docker(['update', '--restart=no', 'davit_etcd_1'])
    await powerCycle('three', [machine(0)], servers(), ['first'])
    assert.deepEqual(await longRunning(machine(0)), ['davit_control-plane_1'])
    await compose(machine(0), 'up', '-d', '--force-recreate', 'etcd')
  })
  test('a new machine takes the place of a lost one', async () => {
    const [, lost] = three()
    const successor = machine(3)
    await lost!.powerOff()
    await untilWell('a write with one machine lost', () => write('three', servers()[2]!, 'with-two'))
    await init(join(dir, 'three'), ['--replace', `cp-2=${successor.address}`])
    await copyFolder(successor, join(dir, 'three/cp-2'))
    await timed('docker-compose up -d', () => compose(successor, 'up', '-d'))
    const now = [servers()[0]!, `${successor.address}:6443`, servers()[2]!]
    say(`ready ${seconds(await untilWell('the API', () => assertWell('three', now, ['first', 'with-two'])))} later`)

    for (const [index, each] of [machine(0), machine(2)].entries()) {
      await copyFolder(each, join(dir, `three/cp-${index * 2 + 1}`), KEYS)
      await compose(each, 'up', '-d')
      await untilWell('the API', () => assertWell('three', now, ['first', 'with-two']))
    }
    // What the successor has is a member like any other: with it there is quorum.
    await machine(0).powerOff()
    const ms = await untilWell('a write', () => write('three', now[1]!, 'with-the-new-one'))
    say(`another machine lost: a write through the new one after ${seconds(ms)}`)
    await assertWell('three', now.slice(1), ['first', 'with-two', 'with-the-new-one'])
  })
})
