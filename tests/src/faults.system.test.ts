/** Faults that must cost nothing, or say plainly what they cost. */
import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createJoinToken, eventKind, isNodeReady, nodeCondition, nodeKind, podKind, systemClock } from '@davit/api'
import { agentName, certificateAuthorityHash, command, type DockerHost, inHost, killProcess, runningPid } from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'
import { load, untilServed } from './load.ts'
import { startMissing } from './restart.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
  await cluster.apply(`${deploymentYaml('web')}---\n${serviceYaml('web', { nodePort: 30_092 })}`)
  await cluster.untilReady('web', 3)
  await untilServed(urls())
})
after(() => cluster?.stop())

const pidOf = async (name: string) => (await runningPid(join(cluster.home.run, `${name}.pid`))) ?? assert.fail(`${name} does not run`)
const urls = () => cluster.hosts.map(host => `http://${host.address}:30092/hostname`)
const server = () => `https://${cluster.network.subnet}.1:${cluster.port}`

/** Runs an agent by hand on a host, with flags of the test's own, until it exits. */
async function runAgent(host: DockerHost, flags: { token: string; nodeName: string; caHash?: string; dataDir?: string }) {
  const dataDir = flags.dataDir ?? (await mkdtemp(join(tmpdir(), 'davit-agent-')))
  await writeFile(join(dataDir, 'token'), flags.token, { mode: 0o600 })
  const main = new URL('../../node-agent/dist/main.js', import.meta.url).pathname
  const args = [
    main,
    '--server',
    server(),
    '--ca-hash',
    flags.caHash ?? (await certificateAuthorityHash(cluster.home)),
    '--token-file',
    join(dataDir, 'token'),
  ]
  args.push('--node-name', flags.nodeName, '--node-ip', host.address, '--data-dir', dataDir, '--docker', `unix://${host.socket}`)
  const result = await inHost(host, 'timeout', ['20', process.execPath, ...args], { allowFailure: true, timeoutMs: 30_000 })
  return { code: result.code, said: `${result.stdout}${result.stderr}` }
}

/** Changes of the nodes' Ready condition and pods deleted while `work` goes on. */
async function disturbances(work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = []
  const stopNodes = cluster.nodes.onChange(({ type, object, old }) => {
    const ready = (node: typeof object) => nodeCondition(node, 'Ready')?.status
    if (type === 'updated' && old && ready(object) !== ready(old)) seen.push(`${object.metadata.name} Ready=${ready(object)}`)
  })
  const stopPods = cluster.pods.onChange(({ type, object, old }) => {
    if (type === 'deleted' || (object.metadata.deletionTimestamp && !old?.metadata.deletionTimestamp))
      seen.push(`${object.metadata.name} deleted`)
  })
  await work()
  stopNodes()
  stopPods()
  return seen
}

test('a control plane stopped for 20 s under load costs no request, evicts nothing, and no node stays NotReady', async t => {
  const pid = await pidOf('control-plane')
  const stop = new AbortController()
  const running = load(urls(), { concurrency: 2, signal: stop.signal })
  const seen = await disturbances(async () => {
    process.kill(pid, 'SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, 20_000))
    process.kill(pid, 'SIGCONT')
    await cluster.kubectl(['create', 'configmap', 'after-the-stop', '--from-literal=a=b', '--dry-run=client', '-o', 'name'])
    await cluster.until(nodeKind, 'all nodes Ready', nodes => nodes.every(isNodeReady))
    await cluster.kubectl(['annotate', 'node', '--all', `touched=${Date.now()}`, '--overwrite'])
  })
  stop.abort()
  const result = await running.done
  t.diagnostic(`${result.requests} requests; seen: ${seen.join(', ') || 'nothing'}`)
  assert.deepEqual(result.failures, [])
  assert.deepEqual(
    seen.filter(each => each.includes('deleted')),
    [],
  )
})

test('a control plane cut from all agents evicts nothing', async t => {
  const seen = await disturbances(async () => {
    for (const host of cluster.hosts)
      await command('iptables', ['-w', '-I', 'INPUT', '-s', host.address, '-p', 'tcp', '--dport', String(cluster.port), '-j', 'DROP'])
    await new Promise(resolve => setTimeout(resolve, 15_000))
    for (const host of cluster.hosts)
      await command('iptables', ['-w', '-D', 'INPUT', '-s', host.address, '-p', 'tcp', '--dport', String(cluster.port), '-j', 'DROP'])
    await cluster.until(nodeKind, 'all nodes Ready', nodes => nodes.every(isNodeReady))
  })
  t.diagnostic(`seen: ${seen.join(', ') || 'nothing'}`)
  assert.deepEqual(
    seen.filter(each => each.includes('deleted')),
    [],
  )
})

test('a second agent on one Docker is refused, and says why', async () => {
  const [host] = cluster.hosts
  const { code, said } = await runAgent(host as DockerHost, {
    token: await createJoinToken(cluster.client, { clock: systemClock }),
    nodeName: 'second',
  })
  assert.ok(code !== 0 && code !== 124, said)
  assert.match(said, /another agent|already/i)
})

test('a wrong token, an unknown CA and a taken name are refused, each with its reason', async () => {
  const [host] = cluster.hosts
  const wrong = await runAgent(host as DockerHost, { token: 'abcdef.0123456789abcdef', nodeName: 'other' })
  assert.ok(wrong.code !== 0 && wrong.code !== 124, wrong.said)
  assert.match(wrong.said, /token/i)
  const stranger = await runAgent(host as DockerHost, {
    token: await createJoinToken(cluster.client, { clock: systemClock }),
    nodeName: 'other',
    caHash: `sha256:${'0'.repeat(64)}`,
  })
  assert.ok(stranger.code !== 0 && stranger.code !== 124, stranger.said)
  assert.match(stranger.said, /CA|certificate authority|hash/i)
  const taken = await runAgent(host as DockerHost, {
    token: await createJoinToken(cluster.client, { clock: systemClock }),
    nodeName: 'node-2',
  })
  assert.ok(taken.code !== 0 && taken.code !== 124, taken.said)
  assert.match(taken.said, /node-2/)
})

test('an ephemeral container joins a pod whose container crashes', async () => {
  await cluster.apply(
    'apiVersion: v1\nkind: Pod\nmetadata: { name: crashing, labels: { app: crashing } }\nspec: { containers: [{ name: main, image: "busybox:1.36", command: [sh, -c, "sleep 1; exit 1"] }] }\n',
  )
  await cluster.until(podKind, 'CrashLoopBackOff', pods =>
    pods.some(pod => pod.metadata.name === 'crashing' && pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff'),
  )
  const body = JSON.stringify({ spec: { ephemeralContainers: [{ name: 'look', image: 'busybox:1.36', command: ['sleep', '60'] }] } })
  await cluster.kubectl(['patch', 'pod', 'crashing', '--subresource=ephemeralcontainers', '--type=strategic', '-p', body], {
    allowFailure: true,
    version: 33,
  })
  await cluster.until(podKind, 'the ephemeral container', pods =>
    pods.some(pod => pod.metadata.name === 'crashing' && pod.status?.ephemeralContainerStatuses?.[0]?.state?.running),
  )
  const { stdout } = await cluster.kubectl(['exec', 'crashing', '-c', 'look', '--', 'hostname'])
  assert.equal(stdout.trim(), 'crashing')
  await cluster.kubectl(['delete', 'pod', 'crashing', '--grace-period=0', '--force'])
})

test('a pod that fits nowhere says why, and runs once there is room', async () => {
  await cluster.apply(
    'apiVersion: v1\nkind: Pod\nmetadata: { name: large }\nspec: { containers: [{ name: main, image: "nginx:1.25", resources: { requests: { cpu: "1000" } } }] }\n',
  )
  const message = await cluster.until(
    eventKind,
    'FailedScheduling',
    events => events.find(event => event.reason === 'FailedScheduling' && event.involvedObject?.name === 'large')?.message,
  )
  assert.equal(message, '0/3 nodes are available: 3 Insufficient cpu.')
  await cluster.kubectl(['delete', 'pod', 'large'])
})

test('what another cluster runs on the same Docker is left alone', async () => {
  const [host] = cluster.hosts as [DockerHost]
  const labels = {
    'davit.dev/cluster-id': 'another',
    'davit.dev/node': host.name,
    'davit.dev/pod-uid': 'another-pod',
    'davit.dev/container': 'main',
    'davit.dev/attempt': '0',
  }
  const flags = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`])
  const id = await cluster.docker(host, 'run', '-d', ...flags, 'busybox:1.36', 'sleep', '600')
  await killProcess(join(cluster.home.run, `${agentName(host.name)}.pid`))
  await startMissing(cluster)
  await cluster.apply(deploymentYaml('marker'))
  await cluster.untilReady('marker', 3)
  await cluster.kubectl(['delete', 'deployment', 'marker'])
  await cluster.untilReady('marker', 0)
  assert.equal(await cluster.docker(host, 'inspect', '-f', '{{.State.Running}}', id), 'true')
  await cluster.docker(host, 'rm', '-f', id)
})
