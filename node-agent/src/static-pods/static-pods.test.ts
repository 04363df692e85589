import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Client, type Informer, isMirrorPod, isStaticPod, type Node, type Pod, STATIC_PODS, systemClock } from '@davit/api'
import { mirrorOf, planMirrors } from './plan.ts'
import { readManifests, staticPod } from './read.ts'
import { startStaticPods } from './static-pods.ts'

const WEB = `apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  containers: [{ name: main, image: nginx }]
`
const from = (text: string, path = '/pods/web.yaml') => staticPod(text, { path, nodeName: 'n1' })

describe('staticPod()', () => {
  it('makes the pod this node runs', async () => {
    const pod = await from(WEB)
    const { name, namespace, uid, annotations, labels } = pod.metadata
    assert.deepEqual([name, namespace, labels], ['web-n1', 'default', { app: 'web' }])
    assert.deepEqual(annotations, { [STATIC_PODS.hash]: uid, [STATIC_PODS.source]: 'file' })
    assert.deepEqual([pod.spec.nodeName, pod.spec.restartPolicy, pod.spec.containers[0]?.imagePullPolicy], ['n1', 'Always', 'Always'])
    assert.ok(isStaticPod(pod) && !isMirrorPod(pod))
  })
  it('gives another uid to another content or file, and the same to the same', async () => {
    const uids = await Promise.all([from(WEB), from(WEB), from(`${WEB}  hostNetwork: true\n`), from(WEB, '/pods/other.yaml')])
    assert.deepEqual(new Set(uids.map(({ metadata }) => metadata.uid)).size, 3)
    assert.equal(uids[0]?.metadata.uid, uids[1]?.metadata.uid)
  })
  for (const [what, text, why] of [
    ['text that is no YAML', '{', /at line 1/],
    ['another kind', 'apiVersion: v1\nkind: Service\n', /cannot be handled as a Pod/],
    ['an unknown field', `${WEB}  replicas: 3\n`, /unknown field "spec.replicas"/],
    ['a pod without a container', 'kind: Pod\nmetadata: { name: a }\nspec: { containers: [] }', /spec.containers: Required value/],
    ['a pod without a name', 'kind: Pod\nspec: { containers: [{ name: a, image: b }] }', /metadata.name: Required value/],
    ['a Secret', `${WEB}  volumes: [{ name: s, secret: { secretName: s } }]\n`, /may not use a Secret/],
  ] as const) {
    it(`refuses ${what}`, () => assert.rejects(from(text), why))
  }
})

it('readManifests() reads every file it can, and says of each other why not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-static-'))
  try {
    await writeFile(join(dir, 'a.yaml'), WEB)
    await writeFile(
      join(dir, 'b.json'),
      JSON.stringify({ kind: 'Pod', metadata: { name: 'b' }, spec: { containers: [{ name: 'b', image: 'b' }] } }),
    )
    await writeFile(join(dir, 'c.yaml'), WEB)
    await writeFile(join(dir, 'd.yaml'), 'kind: Nothing')
    await writeFile(join(dir, '.a.yaml.swp'), 'half')
    await mkdir(join(dir, 'e'))
    const { pods, errors } = await readManifests(dir, 'n1')
    assert.deepEqual(
      pods.map(({ metadata }) => metadata.name),
      ['web-n1', 'b-n1'],
    )
    assert.deepEqual([...errors.keys()], [join(dir, 'c.yaml'), join(dir, 'd.yaml')])
    assert.match(errors.get(join(dir, 'c.yaml')) ?? '', /another file has the pod default\/web-n1 already/)
    assert.deepEqual(await readManifests(join(dir, 'none'), 'n1'), { pods: [], errors: new Map() })
  } finally {
    await rm(dir, { recursive: true })
  }
})

describe('planMirrors()', () => {
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'node-uid' } }
  const kinds = (statics: Pod[], shown: Pod[]) => planMirrors(statics, shown, node).map(({ kind, pod }) => `${kind} ${pod.metadata.name}`)
  const stored = (pod: Pod, metadata: Pod['metadata'] = {}): Pod => ({ ...pod, metadata: { ...pod.metadata, uid: 'given', ...metadata } })

  it('makes a mirror that belongs to the Node', async () => {
    const pod = await from(WEB)
    assert.deepEqual(kinds([pod], []), ['create web-n1'])
    const mirror = mirrorOf(pod, node)
    assert.equal(mirror.metadata.annotations?.[STATIC_PODS.mirror], pod.metadata.uid)
    assert.deepEqual([mirror.metadata.uid, mirror.metadata.ownerReferences?.[0]?.uid], [undefined, 'node-uid'])
    assert.deepEqual(kinds([pod], [stored(mirror)]), [])
    assert.deepEqual(planMirrors([pod], [], undefined), [])
  })
  it('makes one anew that somebody deletes, and takes away those of files that have changed or gone', async () => {
    const pod = await from(WEB)
    const mirror = mirrorOf(pod, node)
    assert.deepEqual(kinds([pod], [stored(mirror, { deletionTimestamp: '2026-01-01T00:00:00Z' })]), ['delete web-n1'])
    assert.deepEqual(kinds([await from(`${WEB}  hostNetwork: true\n`)], [stored(mirror)]), ['delete web-n1'])
    assert.deepEqual(kinds([], [stored(mirror)]), ['delete web-n1'])
  })
  it('leaves other pods alone, also one that has the name', async () => {
    const pod = await from(WEB)
    const { annotations: _, ...metadata } = pod.metadata
    assert.deepEqual(kinds([pod], [{ ...pod, metadata }]), [])
  })
})

describe('startStaticPods()', () => {
  it('misses no file that comes while others are read', { timeout: 10_000 }, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'davit-static-'))
    const stop = new AbortController()
    const statics = await startStaticPods({
      dir,
      nodeName: 'n1',
      client: {} as Client,
      pods: { hasSynced: false, synced: new Promise(() => {}), onChange: () => () => {} } as unknown as Informer<Pod>,
      node: () => undefined,
      isOwnCluster: () => false,
      warn() {},
      // What is not told of is never found.
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms > 1_000 ? 3_600_000 : ms, signal) },
      log: { debug() {}, info() {}, warn() {}, error() {} },
      signal: stop.signal,
    })
    t.after(async () => {
      stop.abort()
      await statics.stopped
      await rm(dir, { recursive: true })
    })
    const both = new Promise<void>(resolve => {
      statics.onChange(() => {
        writeFileSync(join(dir, 'two.yaml'), WEB.replace('web', 'two'))
        if (statics.list().length === 2) resolve()
      })
    })
    writeFileSync(join(dir, 'one.yaml'), WEB)
    await both
  })
})
