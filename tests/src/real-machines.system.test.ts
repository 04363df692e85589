/**
 * The whole of it, on three machines that are control planes and nodes alike: from nothing to a served Deployment by the commands that
 * the documentation gives, and then every fault, under requests and writes of which each answer is held against what is there afterwards.
 * DAVIT_KILL_ROUNDS says how often every process of the control plane is killed (1).
 */
import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DAVIT_VERSION, type HttpClient, isNodeReady, isPodReady, nodeKind, type Pod, podKind } from '@davit/api'
import { type CommandOptions, type CommandResult, command, connectKubeconfig } from '@davit/deploy'
import { deploymentYaml, serviceYaml } from './cluster.ts'
import {
  asMadeBefore,
  assertHealthy,
  compose,
  copyFolder,
  crashContainer,
  etcdRevision,
  init,
  loadComposeImages,
  loadControlPlane,
  longRunning,
  podContainers,
  untilWell,
} from './compose.ts'
import { load, untilServed } from './load.ts'
import { loadImages, type Machine, startMachine, testbedKey } from './machines/index.ts'
import { RecordedWrites } from './recorded-writes.ts'
import { say, secondsSince, timed } from './telling.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLI = join(ROOT, 'cli/dist/main.js')
const AGENT = join(ROOT, 'out/node-agent-linux-x64')
const NODE_PORT = 30_080
const REPLICAS = 6
/** Versions that come after the present one; nothing in the image of the second one is a control plane. */
const NEXT = '0.1.1'
const BROKEN = '0.1.2'
/** How often every process is killed. */
const ROUNDS = Number(process.env.DAVIT_KILL_ROUNDS ?? 1)
const REQUEST_MS_MAX = 5_000
/** A request that begins before the others know may be lost with the machine it runs on: none after that. Wanted: 3 s. */
const NOTICED_MS = 10_000
/** Writes may pause so long when a control plane or an etcd member is lost. Wanted: 3 s; what it was is printed. */
const PAUSE_MS_MAX = 20_000

let dir: string
let machines: Machine[]
let clients: HttpClient[] = []
const machine = (index: number) => machines[index]!
const servers = () => machines.map(({ address }) => `https://${address}:6443`)
const urls = (on: readonly Machine[]) => on.map(({ address }) => `http://${address}:${NODE_PORT}/hostname`)

before(async () => {
  await command('npm', ['run', '--silent', 'package', '--', '--only', 'agent', '--arch', 'x64'], { timeoutMs: 300_000 })
  dir = await mkdtemp(join(tmpdir(), 'davit-real-'))
  machines = await Promise.all([31, 32, 33].map((index, at) => startMachine({ index, name: `vm-${at + 1}`, user: { name: 'admin' } })))
  for (const each of machines) {
    await loadComposeImages(each)
    await loadImages(each, ['nginx:1.25', 'busybox:1.36'])
  }
})
after(async () => {
  for (const client of clients) client.close()
  for (const each of machines ?? []) await each.remove()
  if (dir) await rm(dir, { recursive: true, force: true })
})

const davit = (...args: string[]): Promise<CommandResult> => run(args)

function run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return command(process.execPath, [CLI, '--kubeconfig', join(dir, 'admin.kubeconfig'), ...args], {
    timeoutMs: 180_000,
    // The known hosts of whoever runs this stay as they are.
    env: { ...process.env, HOME: dir },
    ...options,
  })
}

const apply = (yaml: string) =>
  command(process.execPath, [CLI, '--kubeconfig', join(dir, 'admin.kubeconfig'), 'apply', '-f', '-'], { input: yaml })

async function pods(): Promise<Pod[]> {
  return (await clients[0]!.resource(podKind).list({ namespace: 'default' })).items
}

async function untilRunning(count: number): Promise<Pod[]> {
  let found: Pod[] = []
  await untilWell(`${count} pods ready`, async () => {
    found = (await pods()).filter(isPodReady)
    assert.equal(found.length, count)
  })
  return found
}

async function untilNodesReady(): Promise<void> {
  await untilWell('three nodes Ready', async () => {
    const { items } = await clients[0]!.resource(nodeKind).list()
    const ready = items.filter(isNodeReady)
    assert.equal(ready.length, 3)
  })
}

interface Fault {
  /** Requests go through these machines meanwhile; default all. */
  through?: readonly Machine[]
  /** Requests that begin so long after it began may fail. */
  lossMs?: number
  pauseMs?: number
}

/** Does something to the cluster under requests and writes; `act` ends when all is as it should be. */
async function under(
  what: string,
  { through = machines, lossMs = 0, pauseMs = PAUSE_MS_MAX }: Fault,
  act: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  await untilServed(urls(through), { answers: 2 })
  const running = load(urls(through), { concurrency: 4, signal: stop.signal, timeoutMs: REQUEST_MS_MAX })
  const writes = new RecordedWrites(clients, `w${Math.random().toString(36).slice(2, 8)}`)
  const since = performance.now()
  try {
    await act()
  } finally {
    stop.abort()
    await writes.stop()
  }
  const { requests, failures } = await running.done
  const { acknowledged, failed, why, longestPauseMs } = writes.counts()
  say(
    `${what}: ${secondsSince(since)}; ${requests} requests, ${failures.length} failed; ${acknowledged} writes acknowledged and all there, ` +
      `${failed} given up, the longest pause ${longestPauseMs} ms`,
  )
  assert.deepEqual(
    failures.filter(({ beganMs }) => lossMs === 0 || beganMs > lossMs),
    [],
  )
  if (lossMs === 0) assert.equal(failed, 0, why.join('; '))
  assert.ok(longestPauseMs <= pauseMs, `writes paused for ${longestPauseMs} ms`)
}

test('from nothing to a served Deployment', async () => {
  const began = performance.now()
  await timed('davit init', () => {
    const addresses = machines.map(({ address }) => address)
    return init(dir, ['--control-plane', addresses.join(','), '--ssh', addresses.map(address => `admin@${address}`).join(',')])
  })
  await timed('docker-compose up -d on three machines', () =>
    Promise.all(
      machines.map(async (each, index) => {
        await copyFolder(each, join(dir, `cp-${index + 1}`))
        await compose(each, 'up', '-d')
      }),
    ),
  )
  await timed('until the API is ready', () => untilWell('the API', () => davit('get', '--raw', '/readyz')))
  const { privateKeyFile } = await testbedKey()
  await timed('davit node add of three', async () => {
    const targets = machines.map(({ address }) => `admin@${address}`)
    say((await davit('node', 'add', ...targets, '--accept-host-key', '-i', privateKeyFile, '--agent', AGENT)).stdout.trim())
  })
  clients = await Promise.all(
    servers().map((server, at) => connectKubeconfig(join(dir, 'admin.kubeconfig'), [server, ...servers().toSpliced(at, 1)])),
  )
  await timed('demo', async () => {
    await apply(`${deploymentYaml('web', { replicas: REPLICAS })}---\n${serviceYaml('web', { nodePort: NODE_PORT })}`)
    await untilServed(urls(machines), { answers: 3 })
  })
  await untilRunning(REPLICAS)
  say(`from nothing to served: ${secondsSince(began)}`)
})

test('every process of the control plane killed, one after the other', async () => {
  for (const each of Array.from({ length: ROUNDS }, () => machines).flat()) {
    for (const name of await longRunning(each)) {
      if (!/^davit_(control-plane|etcd)_/.test(name)) continue
      await under(`kill -9 of ${name} on ${each.name}`, {}, async () => {
        await crashContainer(each, name)
        await untilWell(name, () => davit('--server', `https://${each.address}:6443`, 'get', '--raw', '/readyz'))
      })
    }
  }
})

test('the machine of a control plane cut off, and healed', async () => {
  const lost = machine(1)
  await under('cut off and healed', { through: [machine(0), machine(2)], lossMs: NOTICED_MS }, async () => {
    await lost.cutNetwork()
    await untilWell('its pods replaced', async () => {
      const ready = (await pods()).filter(isPodReady)
      assert.ok(ready.length >= REPLICAS && ready.every(({ spec }) => spec.nodeName !== lost.name))
    })
    await lost.healNetwork()
    await untilNodesReady()
  })
  await untilRunning(REPLICAS)
})

test('an etcd member lost with its data, and replaced', async () => {
  await under('an etcd member lost and replaced', {}, async () => {
    await machine(2).docker(['rm', '-f', '-v', 'davit_etcd_1', 'davit_control-plane_1', 'davit_prepare_1'])
    await machine(2).docker(['volume', 'rm', 'davit_etcd'])
    await init(dir, ['--replace', 'cp-3'])
    await copyFolder(machine(2), join(dir, 'cp-3'), ['pki', 'etcd-pki'])
    await compose(machine(2), 'up', '-d')
    await untilWell('the new member', () => davit('--server', servers()[2]!, 'get', '--raw', '/readyz'))
  })
})

test('all machines without power at once: the same pods come back by themselves', async () => {
  const before = (await untilRunning(REPLICAS)).map(({ metadata, spec }) => `${metadata.uid} ${spec.nodeName}`).sort()
  const writes = new RecordedWrites(clients, 'power')
  await untilWell('some writes', async () => assert.ok(writes.acknowledged > 50))
  await Promise.all(machines.map(each => each.powerOff()))
  const since = performance.now()
  await Promise.all(machines.toReversed().map(each => each.boot()))
  say(`boot of three: ${secondsSince(since)}`)
  await untilWell('the API', () => davit('get', '--raw', '/readyz'))
  await untilNodesReady()
  await untilServed(urls(machines), { answers: 3 })
  say(`served again ${secondsSince(since)} after power came back`)
  await writes.stop()
  const after = (await untilRunning(REPLICAS)).map(({ metadata, spec }) => `${metadata.uid} ${spec.nodeName}`).sort()
  assert.deepEqual(after, before)
})

test('two of three etcd members lost with their data: recovered from the third, and joined again', async () => {
  const { privateKeyFile } = await testbedKey()
  const [survivor, ...lost] = machines as [Machine, ...Machine[]]
  const before = await podContainers(machines)
  await untilServed(urls(machines), { answers: 2 })
  const stop = new AbortController()
  const running = load(urls(machines), { concurrency: 4, signal: stop.signal, timeoutMs: REQUEST_MS_MAX })
  const writes = new RecordedWrites(clients, 'recover')
  await untilWell('some writes', async () => assert.ok(writes.acknowledged > 200))
  await writes.stop()
  const { acknowledged } = writes.counts()
  const written = Math.max(...(await Promise.all(machines.map(etcdRevision))))
  await untilWell('the last member has it all', async () => assert.ok((await etcdRevision(survivor)) >= written))

  const since = performance.now()
  await Promise.all(
    lost.map(each =>
      each.exec('docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=davit) && docker volume rm davit_etcd'),
    ),
  )
  const recover = () => davit('recover', dir, '--member', 'cp-1', '--yes', '--accept-host-key', '-i', privateKeyFile)
  say((await timed('davit recover', recover)).stdout.trim())
  await untilWell('the API', () => davit('get', '--raw', '/readyz'))
  say(`API back ${secondsSince(since)} after the loss`)
  await writes.stop()
  for (const each of lost) {
    const name = `cp-${machines.indexOf(each) + 1}`
    await timed(`${name} anew`, async () => {
      await compose(each, 'down', '--volumes')
      await init(dir, ['--replace', name])
      await copyFolder(each, join(dir, name), ['pki', 'etcd-pki'])
      await compose(each, 'up', '-d')
      await untilWell(name, () => davit('--server', `https://${each.address}:6443`, 'get', '--raw', '/readyz'))
      await untilWell(`etcd of ${name}`, () => assertHealthy(each, 'davit_etcd_1'))
    })
  }
  stop.abort()
  const { requests, failures } = await running.done
  say(
    `three again ${secondsSince(since)} after the loss; ${acknowledged} writes acknowledged before and all there; ${requests} requests, ${failures.length} failed`,
  )
  assert.deepEqual(failures, [])
  await writes.stop()
  await untilNodesReady()
  assert.deepEqual(await podContainers(machines), before)
  await under('the one that was left killed', {}, async () => {
    await crashContainer(survivor, 'davit_etcd_1')
    await untilWell('davit_etcd_1', () => davit('--server', servers()[0]!, 'get', '--raw', '/readyz'))
  })
})

async function versions(): Promise<string[]> {
  const { items } = await clients[0]!.resource(nodeKind).list()
  const ofPlanes = await Promise.all(
    servers().map(async server => JSON.parse((await davit('--server', server, 'get', '--raw', '/version')).stdout)),
  )
  return [...items.map(({ status }) => status?.nodeInfo?.kubeletVersion), ...ofPlanes.map(({ gitVersion }) => gitVersion)].map(
    text => davitVersionIn(text) ?? 'none',
  )
}

const davitVersionIn = (text: string | undefined) => text?.split('+davit-')[1]

test('an upgrade of everything and back, and one that does not work', async () => {
  const { privateKeyFile } = await testbedKey()
  const agent = join(dir, 'next-agent')
  await command('npm', ['run', '--silent', 'package', '--', '--only', 'agent', '--arch', 'x64', '--version', NEXT], { timeoutMs: 300_000 })
  await copyFile(AGENT, agent)
  for (const each of machines) {
    await loadControlPlane(each, NEXT)
    await each.docker(['tag', 'busybox:1.36', `davit/control-plane:${BROKEN}`])
  }
  await writeFile(join(dir, 'passphrase'), 'correct horse battery staple')
  const ssh = ['--accept-host-key', '-i', privateKeyFile]
  const flags = ['upgrade', '--dir', dir, '--passphrase-file', join(dir, 'passphrase'), ...ssh]
  const upgrade = (...args: string[]) => davit(...flags, ...args)
  const before = await podContainers(machines)
  assert.ok(before.length >= REPLICAS, `${before.length} containers`)

  const { name: unreached, address } = machine(1)
  await davit('annotate', 'node', unreached, 'davit.dev/ssh-')
  for (const more of [['--dry-run'], ['--no-backup']]) {
    const wrong = ['--agent', process.execPath, '--image', 'localhost:1/davit/control-plane:none']
    const { code, stderr } = await run([...flags, '--to', NEXT, ...wrong, ...more], { allowFailure: true })
    assert.equal(code, 1)
    assert.match(stderr, /Machine of cp-1, Machine of cp-2, Machine of cp-3: Cannot get image localhost:1.*--image/)
    assert.match(stderr, new RegExp(`Node ${unreached}: .*does not say where its machine is: .*davit annotate node ${unreached}`))
    assert.match(stderr, /Node vm-1, Node vm-3: The agent given is .*, wanted 0\.1\.1: name its file with --agent/)
    assert.match(stderr, /To leave all agents as they are: --skip-nodes/)
  }
  const skipped = await upgrade('--to', NEXT, '--dry-run', '--skip-nodes')
  assert.deepEqual(
    skipped.stdout.split('\n').filter(line => line.endsWith(`to ${NEXT}`)),
    ['cp-1', 'cp-2', 'cp-3'].map(name => `Control plane ${name}: ${DAVIT_VERSION} to ${NEXT}`),
  )
  assert.deepEqual(await versions(), Array(6).fill(DAVIT_VERSION))
  await davit('annotate', 'node', unreached, `davit.dev/ssh=admin@${address}`)

  await asMadeBefore(join(dir, 'cp-2/compose.yaml'))
  await under(`upgrade to ${NEXT}`, {}, async () => {
    const { stdout } = await upgrade('--to', NEXT, '--agent', agent)
    say(stdout.trim())
    assert.match(stdout, /files of the machines anew\. Changed in .*cp-2\/compose\.yaml/)
    assert.match(stdout, /tar -C \S+\/cp-2 .* \| ssh admin@/)
  })
  assert.deepEqual(await versions(), Array(6).fill(NEXT))
  assert.deepEqual(await podContainers(machines), before)

  await under('back again', {}, async () => {
    say((await upgrade('--rollback')).stdout.trim())
  })
  assert.deepEqual(await versions(), Array(6).fill(DAVIT_VERSION))
  assert.deepEqual(await podContainers(machines), before)

  await under('an upgrade that does not work', {}, async () => {
    await assert.rejects(
      upgrade('--to', BROKEN, '--skip-nodes', '--no-backup', '--timeout', '20s'),
      /cp-1.*runs davit\/control-plane:0\.1\.0 again, and is healthy[\s\S]*Stopped/,
    )
  })
  assert.deepEqual(await versions(), Array(6).fill(DAVIT_VERSION))
})

test('every control plane lost, and restored from a backup at another address: one command brings the nodes, and no container is touched', async () => {
  const { privateKeyFile } = await testbedKey()
  const passphrase = ['--passphrase-file', join(dir, 'passphrase')]
  const archive = join(dir, 'last.backup')
  await writeFile(join(dir, 'passphrase'), 'correct horse battery staple')
  await davit('create', 'configmap', 'kept', '--from-literal=word=sesame')
  await davit('backup', 'create', '--to', archive, ...passphrase)
  const before = await podContainers(machines)
  const stop = new AbortController()
  const running = load(urls(machines), { concurrency: 4, signal: stop.signal, timeoutMs: REQUEST_MS_MAX })
  for (const each of machines)
    await each.exec('docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=davit) && docker volume rm davit_etcd')

  const since = performance.now()
  const successor = await startMachine({ index: 34, name: 'vm-4', user: { name: 'admin' } })
  machines.push(successor)
  await loadComposeImages(successor)
  const restored = join(dir, 'restored')
  await timed('davit init --from-backup', () =>
    init(restored, ['--control-plane', successor.address, '--from-backup', archive, ...passphrase]),
  )
  // The etcd that stands in for the image here is 3.4.
  await appendFile(join(restored, '.env'), 'ETCD_RESTORE=etcdctl snapshot restore\n')
  await copyFolder(successor, restored)
  await timed('docker-compose up -d', () => compose(successor, 'up', '-d'))
  const there = (...args: string[]) =>
    command(process.execPath, [CLI, '--kubeconfig', join(restored, 'admin.kubeconfig'), ...args], {
      timeoutMs: 180_000,
      env: { ...process.env, HOME: dir },
    })
  await untilWell('the API', () => there('get', '--raw', '/readyz'))
  assert.equal((await there('get', 'configmap', 'kept', '-o', 'jsonpath={.data.word}')).stdout, 'sesame')
  const targets = machines.slice(0, 3).map(({ address }) => `admin@${address}`)
  await timed('davit node add of three', () =>
    there('node', 'add', ...targets, '--accept-host-key', '-i', privateKeyFile, '--agent', AGENT),
  )
  say(`restored ${secondsSince(since)} after the loss`)
  stop.abort()
  const { requests, failures } = await running.done
  say(`${requests} requests meanwhile, ${failures.length} failed`)
  assert.deepEqual(failures, [])
  assert.deepEqual(await podContainers(machines), before)
  await there('scale', 'deployment/web', `--replicas=${REPLICAS + 1}`)
  await there('rollout', 'status', 'deployment/web', '--timeout=60s')
})
