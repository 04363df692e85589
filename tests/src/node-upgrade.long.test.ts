/** `davit node upgrade` under a running Deployment, back again, with an agent that does not work; and machines that lose their power. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { DAVIT_VERSION, type Node, nodeKind, type Pod, podKind } from '@davit/api'
import { deploymentYaml } from './cluster.ts'
import { until } from './control-plane/until.ts'
import { makeShellImages } from './images.ts'
import { type Machine, scratch, startMachine } from './machines/index.ts'
import { type NodeCluster, packagedAgent, startNodeCluster } from './node-cluster.ts'

const PORT = 19_444
const NEXT = '9.9.9'

let cluster: NodeCluster
let machines: Machine[]
let next: string

before(async () => {
  const dir = await scratch()
  next = await packagedAgent(dir, NEXT)
  const own = await packagedAgent(dir)
  cluster = await startNodeCluster({ port: PORT })
  machines = [await startMachine({ index: 44, name: 'one' }), await startMachine({ index: 45, name: 'two', user: { name: 'admin' } })]
  await cluster.configure(machines)
  await cluster.davit(['node', 'add', '--agent', own, '--accept-host-key', 'one', 'two'])
  const [image = ''] = (await makeShellImages(dir)).filter(file => file.includes('busybox'))
  await cluster.davit(['image', 'load', image])
  await cluster.davit(['apply', '-f', '-'], {
    input: deploymentYaml('web', {
      image: 'busybox:1.36',
      replicas: 4,
      port: 8080,
      containerExtra: 'command: [httpd, -f, -p, "8080", -h, /]',
    }),
  })
  await cluster.davit(['rollout', 'status', 'deployment/web', '--timeout=60s'])
})
after(async () => {
  for (const machine of machines ?? []) await machine.remove()
  await cluster?.stop()
})

/** Of each container that runs: which one it is and since when. */
async function containers(): Promise<string[]> {
  const { items } = await cluster.client.resource(podKind).list({ namespace: 'default' })
  return items
    .flatMap((pod: Pod) =>
      (pod.status?.containerStatuses ?? []).map(({ containerID, restartCount }) => `${pod.metadata.name} ${containerID} ${restartCount}`),
    )
    .sort()
}

async function versions(): Promise<string[]> {
  const { items } = await cluster.client.resource(nodeKind).list()
  return items.map(({ status }: Node) => status?.nodeInfo?.kubeletVersion.split('+davit-')[1] ?? '')
}

it('changes the agent of every node, and no container', async () => {
  const before = await containers()
  assert.equal(before.length, 4)
  const { stdout } = await cluster.davit(['node', 'upgrade', '--all', '--agent', next, '--to-version', NEXT])
  assert.match(stdout, new RegExp(`✓ two +${DAVIT_VERSION} → ${NEXT}`))
  assert.deepEqual(await versions(), [NEXT, NEXT])
  assert.deepEqual(await containers(), before)
  assert.match((await cluster.davit(['node', 'upgrade', '--all', '--agent', next])).stdout, new RegExp(`✓ one +has ${NEXT} already`))
})

it('puts the agent back that worked when the new one does not, and stops there', async () => {
  const before = await containers()
  const bad = join(await scratch(), 'bad-agent')
  await writeFile(bad, '#!/bin/sh\n[ "$1" != --version ] || { echo davit node-agent 10.0.0; exit; }\necho "nothing works" >&2\nexit 1\n')
  const { code, stderr } = await cluster.davit(['node', 'upgrade', 'one', 'two', '--agent', bad, '--timeout', '6s'], { allowFailure: true })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /error: one: 10\.0\.0 did not work, and 9\.9\.9 runs again: it is not Ready after 6 s: .*; the agent said: nothing works/,
  )
  assert.match(stderr, /error: two: left as it is, since one failed/)
  const broken = join(await scratch(), 'no-agent')
  await writeFile(broken, 'this is no program')
  const refused = await cluster.davit(['node', 'upgrade', 'one', '--agent', broken], { allowFailure: true })
  assert.match(refused.stderr, /error: one: Cannot run \/usr\/local\/bin\/davit-node-agent\.new: /)
  const wrong = await cluster.davit(['node', 'upgrade', 'one', '--agent', bad, '--to-version', '11.0.0'], { allowFailure: true })
  assert.match(wrong.stderr, /The agent given is 10\.0\.0, wanted 11\.0\.0/)
  assert.deepEqual(await versions(), [NEXT, NEXT])
  assert.deepEqual(await containers(), before)
  assert.doesNotMatch((await machines[0]!.exec('ls /usr/local/bin')).stdout, /new|part/)
})

it('goes back to the agent from before the last upgrade', async () => {
  const before = await containers()
  await cluster.davit(['node', 'upgrade', 'two', '--rollback'])
  assert.deepEqual((await versions()).sort(), [DAVIT_VERSION, NEXT].sort())
  assert.deepEqual(await containers(), before)
})

it('brings agents and pods back after a power cut, by itself', async () => {
  const names = (list: readonly string[]) => list.map(line => line.split(' ')[0])
  const before = await containers()
  await Promise.all(machines.map(machine => machine.powerOff()))
  await Promise.all(machines.map(machine => machine.boot()))
  await cluster.davit(['wait', 'node', '--all', '--for=condition=Ready', '--timeout=60s'])
  // What the API says may be from before the cut; Docker knows better.
  await until(
    'every pod runs in Docker again',
    async () => {
      const running = (await Promise.all(machines.map(machine => machine.docker(['ps', '-q', '--no-trunc'])))).flatMap(({ stdout }) =>
        stdout.trim().split('\n'),
      )
      const said = await containers()
      return said.length === before.length && said.every(line => running.includes(line.split('docker://')[1]?.split(' ')[0] ?? ''))
    },
    90_000,
  )
  const { stdout } = await machines[0]!.exec('/etc/init.d/davit-node-agent status && pgrep -f "[d]avit-node-agent --config" | wc -l')
  assert.equal(stdout.trim(), '1')
  assert.deepEqual(names(await containers()), names(before))
})
