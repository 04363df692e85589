/** The packages: the control plane as one file, and the agent as one executable on hosts where no Node can be found. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DAVIT_VERSION, type Pod } from '@davit/api'
import { agentName, command, type DockerHost, inHost, killProcess, logFileOf, runningPid, stopAgent } from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { kubectlBinary } from './kubectl.ts'
import { fetchOnce, untilServed } from './load.ts'
import { startMissing } from './restart.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const EXECUTABLE = join(ROOT, `out/node-agent-linux-${process.arch}`)
/** Megabytes that an agent and its data plane may hold together; the program itself, which both are, counts once. */
const MEMORY_MB_MAX = 120

let tools: string
let programs: { controlPlaneProgram: string[]; agentProgram: string[] }
let cluster: TestCluster
let pods: readonly Pod[]

before(async () => {
  await command('npm', ['run', '--silent', 'package', '--', '--only', 'agent,control-plane', '--arch', process.arch], {
    timeoutMs: 300_000,
  })
  tools = await folderWithoutNode()
  programs = {
    controlPlaneProgram: [process.execPath, join(ROOT, 'out/control-plane/control-plane.cjs')],
    agentProgram: ['/usr/bin/env', `PATH=${tools}`, EXECUTABLE],
  }
  cluster = await startCluster(programs)
  await cluster.apply(`${deploymentYaml('web')}---\n${serviceYaml('web', { nodePort: 30_092 })}`)
  pods = await cluster.untilReady('web', 3)
  await untilServed(
    cluster.hosts.map(host => `http://${host.address}:30092/hostname`),
    { answers: 3 },
  )
})
after(async () => {
  await cluster?.stop()
  if (tools) await rm(tools, { recursive: true, force: true })
})

/** Links to every program of this machine but Node. */
async function folderWithoutNode(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-test-path-'))
  for (const from of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    const names = await readdir(from)
    // /bin and /usr/bin are often one folder.
    for (const name of names.filter(each => !/^(node|nodejs|npm|npx|corepack)$/.test(each)))
      await symlink(join(from, name), join(dir, name)).catch(() => {})
  }
  return dir
}

const pidOf = async (host: DockerHost) => Number(await runningPid(join(cluster.home.run, `${agentName(host.name)}.pid`)))
const dataPlanePidOf = async (host: DockerHost) =>
  Number(await readFile(join(cluster.home.agents, host.name, 'data-plane/data-plane.sock.pid'), 'utf8'))
const containersOf = (some: readonly Pod[]) => some.map(pod => pod.status?.containerStatuses?.[0]?.containerID).sort()
const nameOn = (host: DockerHost | undefined) => pods.find(pod => pod.spec.nodeName === host?.name)?.metadata.name ?? ''

async function inPod(name: string, line: string) {
  return (await cluster.kubectl(['exec', name, '--', 'sh', '-c', line])).stdout.trim()
}

/** Megabytes resident, and those of them that are the process's own, from /proc/PID/status. */
async function memoryOf(pid: number): Promise<{ resident: number; own: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return { resident: field('VmRSS'), own: field('RssAnon') }
}

/** Milliseconds from the process's start to its word that it runs. */
async function startMs(host: DockerHost): Promise<number> {
  const lines = (await readFile(logFileOf({ logs: cluster.home.logs, name: agentName(host.name) }), 'utf8')).trim().split('\n')
  const said = lines.map(line => JSON.parse(line) as { msg: string; time: number }).findLast(({ msg }) => msg === 'The agent runs')
  const fields = (await readFile(`/proc/${await pidOf(host)}/stat`, 'utf8')).split(') ')[1]?.split(' ')
  const uptime = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0])
  const started = performance.timeOrigin + performance.now() - uptime * 1000 + Number(fields?.[19]) * 10
  return (said?.time ?? Number.NaN) - started
}

test('the executable runs where there is no Node, and is all that runs', async t => {
  const { ino, size } = await stat(EXECUTABLE)
  t.diagnostic(`${(size / 1e6).toFixed(1)} MB`)
  await assert.rejects(command('/usr/bin/env', [`PATH=${tools}`, 'node', '--version']))
  const { stdout } = await command('/usr/bin/env', [`PATH=${tools}`, EXECUTABLE, '--version'])
  assert.equal(stdout.trim(), `davit node-agent ${DAVIT_VERSION}`)
  for (const host of cluster.hosts)
    for (const pid of [await pidOf(host), await dataPlanePidOf(host)]) assert.equal((await stat(`/proc/${pid}/exe`)).ino, ino)
})

test('commands run in a pod, and names resolve there', async () => {
  const [host] = cluster.hosts
  assert.equal(await inPod(nameOn(host), 'hostname'), nameOn(host))
  const { stdout: address } = await cluster.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}'])
  assert.match(await inPod(nameOn(host), 'nslookup web.default.svc.cluster.local'), new RegExp(address.replaceAll('.', '\\.')))
})

test('port-forward reaches a pod on every node', async () => {
  const kubectl = await kubectlBinary(33)
  for (const host of cluster.hosts) {
    const args = ['--kubeconfig', cluster.home.kubeconfig, 'port-forward', `pod/${nameOn(host)}`, ':80']
    const child = spawn(kubectl, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 })
    const closed = once(child, 'close')
    try {
      const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), closed])) as [string]
      const port = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1]
      assert.equal(await fetchOnce(`http://127.0.0.1:${port}/hostname`), `${nameOn(host)}\n`)
    } finally {
      child.kill()
      await closed
    }
  }
})

test('a killed agent leaves its data plane serving, and takes up the pods where they are', async t => {
  const [host] = cluster.hosts as [DockerHost]
  const dataPlane = await dataPlanePidOf(host)
  await killProcess(join(cluster.home.run, `${agentName(host.name)}.pid`))
  const { stdout } = await inHost(host, 'nsenter', [
    '--net',
    `--target=${await pidInPod(host)}`,
    '/bin/busybox',
    'nslookup',
    'web.default.svc.cluster.local',
    '10.96.0.10',
  ])
  assert.match(stdout, /Address/, 'names resolve without an agent')
  await startMissing(cluster, programs)
  await untilReached(nameOn(host))
  assert.deepEqual(containersOf(await cluster.untilReady('web', 3)), containersOf(pods), 'no container was started anew')
  assert.equal(await dataPlanePidOf(host), dataPlane)
  t.diagnostic(`from start to "The agent runs": ${(await startMs(host)).toFixed(0)} ms`)
})

test('an agent and its data plane hold little memory', async t => {
  for (const host of cluster.hosts) {
    const agent = await memoryOf(await pidOf(host))
    const dataPlane = await memoryOf(await dataPlanePidOf(host))
    const together = Math.max(agent.resident - agent.own, dataPlane.resident - dataPlane.own) + agent.own + dataPlane.own
    const text = (of: typeof agent) => `${of.resident.toFixed(0)} MB resident, ${of.own.toFixed(0)} of them its own`
    t.diagnostic(`${host.name}: agent ${text(agent)}; data plane ${text(dataPlane)}; together ${together.toFixed(0)} MB`)
    assert.ok(together <= MEMORY_MB_MAX, `${together.toFixed(0)} MB, wanted at most ${MEMORY_MB_MAX}`)
  }
})

test('cleanup leaves nothing on the host', async () => {
  const [host] = cluster.hosts as [DockerHost]
  await stopAgent(cluster.home, host.name)
  const dataPlane = await dataPlanePidOf(host)
  const args = ['cleanup', '--data-dir', join(cluster.home.agents, host.name), '--docker', `unix://${host.socket}`]
  await inHost(host, '/usr/bin/env', [`PATH=${tools}`, EXECUTABLE, ...args])
  assert.equal(await cluster.docker(host, 'ps', '--all', '--quiet'), '')
  assert.equal(await cluster.docker(host, 'network', 'ls', '--quiet', '--filter', 'name=davit'), '')
  await untilEnded(dataPlane)
})

/** Until the control plane reaches the pod's node again. */
async function untilReached(name: string): Promise<void> {
  const began = performance.now()
  for (;;) {
    const { code, stderr } = await cluster.kubectl(['exec', name, '--', 'true'], { allowFailure: true })
    if (code === 0) return
    assert.ok(performance.now() - began < 30_000, stderr)
  }
}

/** A process that has ended has no command line any more, even if nobody has asked for its exit code yet. */
async function untilEnded(pid: number): Promise<void> {
  const began = performance.now()
  while ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '') {
    assert.ok(performance.now() - began < 5_000, `process ${pid} still runs`)
    await delay(25)
  }
}

/** A process of the app on `host`. */
async function pidInPod(host: DockerHost): Promise<string> {
  const id = pods.find(pod => pod.spec.nodeName === host.name)?.status?.containerStatuses?.[0]?.containerID ?? ''
  return cluster.docker(host, 'inspect', '--format', '{{.State.Pid}}', id.replace('docker://', ''))
}
