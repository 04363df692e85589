/** What a node says of itself, asked for through the API as metrics tools do, and the pods it has of itself. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isPodReady, podKind } from '@davit/api'
import { startCluster, type TestCluster } from './cluster.ts'

const BUSY = `apiVersion: v1
kind: Pod
metadata: { name: busy, labels: { app: busy } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: busybox:1.36
      command: [sh, -c, "dd if=/dev/zero of=/scratch/file bs=1M count=8; dd if=/dev/zero of=/tmp/file bs=1M count=4; while :; do :; done"]
      resources: { limits: { cpu: 200m, memory: 64Mi } }
      volumeMounts: [{ name: scratch, mountPath: /scratch }]
  volumes: [{ name: scratch, emptyDir: {} }]
`
const STATIC = `apiVersion: v1
kind: Pod
metadata: { name: own }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: main, image: busybox:1.36, command: [sh, -c, "echo from a file; exec sleep 3600"] }]
`
const MEBIBYTE = 1 << 20

interface Summary {
  node: {
    nodeName: string
    cpu: { usageCoreNanoSeconds: number }
    memory: { workingSetBytes: number }
    fs: { capacityBytes: number }
    rlimit: { curproc: number }
  }
  pods: {
    podRef: { name: string }
    containers: {
      cpu: { usageNanoCores: number }
      memory: { workingSetBytes: number; availableBytes: number }
      rootfs?: { usedBytes: number }
    }[]
    network: { name: string; rxBytes: number }
    volume?: { name: string; usedBytes: number }[]
    'ephemeral-storage': { usedBytes: number }
  }[]
}

describe('What a node says of itself', () => {
  let cluster: TestCluster
  let nodeName: string
  let manifests: string
  const raw = async (path: string, allowFailure = false) =>
    cluster.kubectl(['get', '--raw', `/api/v1/nodes/${nodeName}/proxy/${path}`], { allowFailure })

  before(async () => {
    manifests = await mkdtemp(join(tmpdir(), 'davit-manifests-'))
    cluster = await startCluster({ nodes: 1, agentArgs: ['--pod-manifest-path', manifests] })
    nodeName = [...cluster.nodes.cache.list()][0]?.metadata.name ?? ''
    await cluster.apply(BUSY)
    await cluster.untilReady('busy', 1)
  })
  after(async () => {
    await cluster?.stop()
    await rm(manifests, { recursive: true, force: true })
  })

  it('gives its usage and that of its pods as a summary', async () => {
    const read = async () => JSON.parse((await raw('stats/summary')).stdout) as Summary
    const podIn = ({ pods }: Summary) => pods.find(({ podRef }) => podRef.name === 'busy')
    let summary = await read()
    // Disks are measured in the background, from the first question on.
    for (const until = Date.now() + 20_000; Date.now() < until && !podIn(summary)?.volume; ) summary = await read()
    const { node } = summary
    assert.equal(node.nodeName, nodeName)
    assert.ok(node.cpu.usageCoreNanoSeconds > 0 && node.memory.workingSetBytes > 0)
    assert.ok(node.fs.capacityBytes > 0 && node.rlimit.curproc > 0)
    const pod = podIn(summary)
    const [container] = pod?.containers ?? []
    assert.ok((container?.cpu.usageNanoCores ?? 0) > 20e6, `a busy container uses CPU: ${JSON.stringify(container)}`)
    assert.ok((container?.cpu.usageNanoCores ?? 0) < 400e6, 'and no more than its limit')
    assert.ok((container?.memory.availableBytes ?? 0) <= 64 * MEBIBYTE)
    assert.equal(pod?.network.name, 'eth0')
    assert.ok((pod?.volume?.[0]?.usedBytes ?? 0) >= 8 * MEBIBYTE)
    assert.ok((pod?.['ephemeral-storage'].usedBytes ?? 0) >= 12 * MEBIBYTE, 'volumes and what the container wrote')
  })

  it('says that it lives by a Lease that goes with its Node', async () => {
    const { stdout } = await cluster.kubectl([
      'get',
      'lease',
      '-n',
      'kube-node-lease',
      nodeName,
      '-o',
      'jsonpath={.metadata.ownerReferences}',
    ])
    const uid = cluster.nodes.cache.get(nodeName)?.metadata.uid
    assert.deepEqual(JSON.parse(stdout), [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }])
  })

  it('gives metrics under the names of Kubernetes', async () => {
    const { stdout } = await raw('metrics/resource')
    const value = (name: string) => Number(new RegExp(`^${name}[^ ]* (\\S+)`, 'm').exec(stdout)?.[1])
    assert.ok(value('node_cpu_usage_seconds_total') > 0)
    assert.ok(value('container_cpu_usage_seconds_total{container="main",namespace="default",pod="busy"}') > 0)
    assert.ok(value('pod_memory_working_set_bytes{namespace="default",pod="busy"}') > 0)
    assert.match((await raw('metrics')).stdout, /^kubelet_running_pods 1$/m)
  })

  it('lists its pods, and knows no other paths', async () => {
    const { items } = JSON.parse((await raw('pods')).stdout) as { items: { metadata: { name: string } }[] }
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['busy'],
    )
    const { stderr } = await raw('run/anything', true)
    assert.match(stderr, /could not find the requested resource/)
    const { stderr: nobody } = await cluster.kubectl(['get', '--raw', '/api/v1/nodes/nobody/proxy/pods'], { allowFailure: true })
    assert.match(nobody, /nodes "nobody" not found/)
  })

  it('runs the pods of its files, which the API shows and cannot stop', async () => {
    await writeFile(join(manifests, 'own.yaml'), STATIC)
    const name = `own-${nodeName}`
    const mirror = () =>
      cluster.until(podKind, `the mirror ${name}`, pods => pods.find(pod => pod.metadata.name === name && isPodReady(pod)))
    const first = await mirror()
    const said = 'from a file\n'
    // It is ready as soon as it runs, which may be before it has said anything.
    const { stdout } = await cluster.kubectl(['logs', '-f', `--limit-bytes=${said.length}`, name])
    assert.equal(stdout, said)
    assert.equal(first.metadata.ownerReferences?.[0]?.kind, 'Node')
    await cluster.kubectl(['delete', 'pod', name, '--wait=false'])
    const second = await cluster.until(podKind, 'a mirror made again', pods =>
      pods.find(pod => pod.metadata.name === name && pod.metadata.uid !== first.metadata.uid && isPodReady(pod)),
    )
    assert.equal(second.status?.containerStatuses?.[0]?.containerID, first.status?.containerStatuses?.[0]?.containerID)
    await rm(join(manifests, 'own.yaml'))
    await cluster.until(podKind, 'the end of the mirror', pods => !pods.some(pod => pod.metadata.name === name))
  })
})
