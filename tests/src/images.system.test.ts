/** What the cluster knows of the images on its nodes, and of those that a node cannot run. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Node, nodeKind, podKind, UNSUITABLE_IMAGES } from '@davit/api'
import { command } from '@davit/deploy'
import { startCluster, type TestCluster } from './cluster.ts'

const IMAGE = 'only-for-some:1'
const podYaml = (name: string, host?: string) => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  terminationGracePeriodSeconds: 1
  ${host ? `nodeSelector: { kubernetes.io/hostname: ${host} }` : ''}
  containers: [{ name: main, image: "${IMAGE}", imagePullPolicy: IfNotPresent, command: [sleep, "1000"] }]
`

describe('Images on the nodes of a cluster', () => {
  let cluster: TestCluster
  let wrong: string
  const node = (name: string, nodes: readonly Node[]) => nodes.find(({ metadata }) => metadata.name === name)
  const docker = (index: number, ...args: string[]) => {
    const host = cluster.hosts[index]
    assert.ok(host)
    return cluster.docker(host, ...args)
  }
  const nameOf = (index: number) => {
    const address = cluster.hosts[index]?.address
    const found = [...cluster.nodes.cache.list()].find(({ status }) => status?.addresses?.some(each => each.address === address))
    return found?.metadata.name ?? ''
  }

  /** The shell image under the name, said to be for an architecture that is not this machine's. */
  const loadForOther = async () => {
    const dir = await mkdtemp(join(tmpdir(), 'davit-other-'))
    const archive = join(dir, 'image.tar')
    await docker(0, 'save', '-o', archive, 'busybox:1.36')
    await command('tar', ['-xf', archive, '-C', dir])
    const [saved] = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')) as { Config: string; Layers: string[] }[]
    assert.ok(saved)
    const config = JSON.parse(await readFile(join(dir, saved.Config), 'utf8')) as object
    const architecture = process.arch === 'arm64' ? 'amd64' : 'arm64'
    await writeFile(join(dir, saved.Config), JSON.stringify({ ...config, architecture }))
    await writeFile(join(dir, 'manifest.json'), JSON.stringify([{ ...saved, RepoTags: [IMAGE] }]))
    await command('tar', ['-C', dir, '-cf', archive, 'manifest.json', saved.Config, ...saved.Layers])
    await docker(0, 'load', '-i', archive)
    await rm(dir, { recursive: true })
  }

  before(async () => {
    cluster = await startCluster({ nodes: 2 })
    wrong = nameOf(0)
    await loadForOther()
    await docker(1, 'tag', 'busybox:1.36', IMAGE)
  })
  after(() => cluster?.stop())

  it('shows on each Node soon after Docker has it', async () => {
    await cluster.until(nodeKind, 'the image on both nodes', nodes => {
      const having = nodes.filter(({ status }) => status?.images?.some(({ names = [] }) => names.includes(IMAGE)))
      return having.length === 2
    })
  })

  it('keeps pods off a node that cannot run their image, once one has found out', async () => {
    await cluster.apply(podYaml('scout', wrong))
    const told = await cluster.until(podKind, 'the scout being refused', pods => {
      const scout = pods.find(({ metadata }) => metadata.name === 'scout')
      const waiting = scout?.status?.containerStatuses?.[0]?.state?.waiting
      return waiting?.reason === 'ErrImageArchitecture' && waiting.message
    })
    assert.match(told, /^image "only-for-some:1" is for linux\/\w+ and cannot run on this node, which is linux\/\w+$/)
    await cluster.until(nodeKind, 'the node saying so', nodes => node(wrong, nodes)?.metadata.annotations?.[UNSUITABLE_IMAGES] === IMAGE)

    await cluster.apply(podYaml('bound', wrong))
    await cluster.until(podKind, 'the reason why it waits', pods => {
      const bound = pods.find(({ metadata }) => metadata.name === 'bound')
      const message = bound?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message
      return message?.includes("1 node(s) cannot run the image's architecture")
    })
    await cluster.apply(podYaml('free'))
    const [free] = await cluster.untilReady('free', 1)
    assert.equal(free?.spec.nodeName, nameOf(1))
  })

  it('lets them in once the right image is there', async () => {
    await docker(0, 'tag', 'busybox:1.36', IMAGE)
    await cluster.until(
      nodeKind,
      'the node forgetting',
      nodes => node(wrong, nodes)?.metadata.annotations?.[UNSUITABLE_IMAGES] === undefined,
    )
    for (const name of ['scout', 'bound']) await cluster.untilReady(name, 1)
  })
})
