/** A cluster brought back from a backup at another address, after its control plane and all its data are gone; the nodes' pods never notice. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deploymentKind, type HttpClient, nodeKind, podKind, serviceKind } from '@davit/api'
import {
  command,
  connectHome,
  type Home,
  homeAt,
  killProcess,
  startAgent,
  startControlPlane,
  stopAgent,
  stopControlPlane,
  waitForNodes,
} from '@davit/deploy'
import { deploymentYaml, serviceYaml, startCluster, type TestCluster } from './cluster.ts'

const CONTROL_PLANE = fileURLToPath(new URL('../../control-plane/dist/main.js', import.meta.url))

let cluster: TestCluster
let restored: Home
before(async () => {
  cluster = await startCluster({ nodes: 2 })
  restored = homeAt(await mkdtemp(join(tmpdir(), 'davit-test-restored-')))
})
after(async () => {
  await stopControlPlane(restored)
  await cluster?.stop()
  await rm(restored.dir, { recursive: true, force: true })
})

/** Every container of every host, with when it was started. */
async function containers(): Promise<string[]> {
  const lines = await Promise.all(
    cluster.hosts.map(async host => {
      const ids = (await cluster.docker(host, 'ps', '-q', '--no-trunc')).split('\n').filter(Boolean)
      return cluster.docker(host, 'inspect', '-f', '{{.Id}} {{.State.StartedAt}}', ...ids)
    }),
  )
  return lines.flatMap(text => text.split('\n')).sort()
}

/** What people made, by identity. */
async function objects(client: HttpClient): Promise<string[]> {
  const lists = await Promise.all(
    [podKind, deploymentKind, serviceKind, nodeKind].map(kind => client.resource(kind as typeof podKind).list()),
  )
  return lists.flatMap(({ items }) => items.map(({ metadata }) => `${metadata.namespace}/${metadata.name} ${metadata.uid}`)).sort()
}

test('a backup brings the cluster back at another address, and its nodes keep their containers', async () => {
  await cluster.apply(`${deploymentYaml('web', { replicas: 4 })}---\n${serviceYaml('web')}`)
  await cluster.untilReady('web', 4)
  const passphraseFile = join(restored.dir, 'passphrase')
  await writeFile(passphraseFile, 'correct horse battery staple')
  const archive = join(restored.dir, 'archive')
  await cluster.davit(['backup', 'create', '--to', archive, '--passphrase-file', passphraseFile])
  const [containersBefore, objectsBefore] = [await containers(), await objects(cluster.client)]

  // All that is left of the control plane is the archive.
  await killProcess(join(cluster.home.run, 'control-plane.pid'))
  await stopControlPlane(cluster.home)
  for (const pid of (await command('pgrep', ['-f', `--data-dir ${cluster.home.dir}/etcd/data`], { allowFailure: true })).stdout.split('\n'))
    if (pid) process.kill(Number(pid), 'SIGKILL')
  for (const name of ['etcd', 'pki', 'admin.kubeconfig', 'kubeconfig']) await rm(join(cluster.home.dir, name), { recursive: true })

  const started = performance.now()
  await command(process.execPath, [
    CONTROL_PLANE,
    'restore',
    '--data-dir',
    restored.dir,
    '--archive',
    archive,
    '--passphrase-file',
    passphraseFile,
  ])
  const address = `${cluster.network.subnet}.2`
  await command('ip', ['address', 'replace', `${address}/24`, 'dev', cluster.network.bridge])
  const port = cluster.port + 1
  await startControlPlane({ home: restored, port, address, serverNames: ['127.0.0.1'] })
  const client = await connectHome(restored)
  try {
    // The one command a node takes: its agent with the new address.
    const home = { ...cluster.home, kubeconfig: restored.kubeconfig }
    for (const host of cluster.hosts) {
      await stopAgent(home, host.name)
      const server = `https://${address}:${port}`
      await startAgent({ home, client, nodeName: host.name, nodeAddress: host.address, server, dockerSocket: host.socket, host })
    }
    await waitForNodes(
      home,
      client,
      cluster.hosts.map(({ name }) => name),
    )
    process.stdout.write(`# restored, and every node Ready, after ${((performance.now() - started) / 1000).toFixed(1)} s\n`)

    // That a pod more is made and served shows that all parts work again, and gives them the time to do harm.
    await client.resource(deploymentKind).patch({ namespace: 'default', name: 'web' }, { type: 'merge', body: { spec: { replicas: 5 } } })
    await readyReplicas(client, 5)
    const [containersAfter, objectsAfter] = [await containers(), await objects(client)]
    assert.deepEqual(
      containersBefore.filter(container => !containersAfter.includes(container)),
      [],
      'no container was stopped or restarted',
    )
    assert.equal(containersAfter.length, containersBefore.length + 1)
    assert.deepEqual(
      objectsBefore.filter(object => !objectsAfter.includes(object)),
      [],
      'every object is there, the same',
    )
  } finally {
    client.close()
  }
})

async function readyReplicas(client: HttpClient, wanted: number): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  for await (const { object } of client.resource(deploymentKind).watch({ namespace: 'default', signal })) {
    if ((object as { status?: { readyReplicas?: number } }).status?.readyReplicas === wanted) return
  }
  throw new Error(`There are not ${wanted} ready replicas`)
}
