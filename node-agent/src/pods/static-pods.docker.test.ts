import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isMirrorPod, isPodReady, type Node, type Pod, podKind, STATIC_PODS, startInformer, systemClock } from '@davit/api'
import { type RunningStaticPods, startStaticPods } from '../static-pods/index.ts'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const manifest = (word: string) => `kind: Pod
metadata: { name: web }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: main, image: busybox:1.36, command: [sh, -c, "echo ${word}; exec sleep 3600"] }]
`
const NODE: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'test', uid: 'node-uid' }, spec: {} }
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)

describe('Pods of files, on Docker', { skip: !host, concurrency: false }, () => {
  const stop = new AbortController()
  let world: TestWorld
  let agent: TestAgent
  let statics: RunningStaticPods
  let dir: string
  const warnings: string[] = []
  const startStatics = () => {
    const { signal } = stop
    const pods = startInformer(world.api, podKind, { signal, log: silent })
    return startStaticPods({
      dir,
      nodeName: 'test',
      client: world.api,
      pods,
      node: () => NODE,
      isOwnCluster: () => true,
      warn: (_reason, message) => warnings.push(message),
      clock: systemClock,
      log: silent,
      signal,
    })
  }
  before(async () => {
    world = await createWorld(host ?? '')
    dir = await mkdtemp(join(tmpdir(), 'davit-manifests-'))
    await writeFile(join(dir, 'web.yaml'), manifest('one'))
    // The API is away: nothing of it is needed.
    world.api.away = new Error('away')
    statics = await startStatics()
    agent = await world.startAgent({}, { statics })
  })
  after(async () => {
    stop.abort()
    await statics?.stopped
    await world?.close()
    await rm(dir, { recursive: true, force: true })
  })

  const running = (name = 'web-test') =>
    agent.manager.findPod({ namespace: 'default', name })?.containers.find(({ state }) => state === 'running')

  it('runs them while the API is away, and shows them once it is back', async () => {
    await world.eventually('the container', () => running() !== undefined)
    world.api.away = undefined
    const mirror = await world.until('web-test', isReady)
    assert.ok(mirror && isMirrorPod(mirror))
    assert.equal(mirror.metadata.annotations?.[STATIC_PODS.source], 'file')
    assert.equal(mirror.status?.containerStatuses?.[0]?.containerID, `docker://${running()?.id}`)
    // What asks by the mirror's uid, as the API server does for logs, finds the container.
    assert.equal(agent.manager.findContainer({ podUid: mirror.metadata.uid ?? '', container: 'main' })?.id, running()?.id)
  })

  it('is not stopped by whoever deletes what the API shows', async () => {
    const before = running()?.id
    const mirror = await world.get('web-test')
    await world.delete('web-test')
    await world.until('web-test', pod => isReady(pod) && pod?.metadata.uid !== mirror?.metadata.uid)
    assert.equal(running()?.id, before)
  })

  it('outlives a restart of the agent', async () => {
    const before = running()?.id
    await agent.stop()
    agent = await world.startAgent({}, { statics })
    await world.eventually('the pod with its container', () => running() !== undefined)
    assert.equal(running()?.id, before)
  })

  it('follows the file: another pod when it changes, none when it goes, and a word when it is wrong', async () => {
    const before = running()?.id
    await writeFile(join(dir, 'web.yaml'), manifest('two'))
    await world.eventually('the new container', () => running() !== undefined && running()?.id !== before)
    const uid = statics.list()[0]?.metadata.uid
    await world.until('web-test', pod => isReady(pod) && pod?.metadata.annotations?.[STATIC_PODS.mirror] === uid)
    await writeFile(join(dir, 'wrong.yaml'), 'kind: Pod')
    await world.eventually('the warning', () => warnings.some(message => message.includes('wrong.yaml: ')))
    await rm(join(dir, 'web.yaml'))
    await world.until('web-test', pod => pod === undefined)
    await world.eventually('its end', () => agent.containers.ofPod(uid ?? '').length === 0)
  })
  it('starts anew from a file that is put back while its pod is being stopped', async () => {
    const file = join(dir, 'back.yaml')
    const text = `kind: Pod
metadata: { name: back }
spec:
  volumes: [{ name: d, hostPath: { path: ${dir} } }]
  containers:
    - name: main
      image: busybox:1.36
      command: [sh, -c, 'trap "until [ -e /d/.go ]; do sleep 0.1; done; exit 3" TERM; touch /d/.up; while :; do sleep 0.1 & wait $!; done']
      volumeMounts: [{ name: d, mountPath: /d }]
`
    await writeFile(file, text)
    await world.until('back-test', isReady)
    // Before its trap is there it would not heed SIGTERM.
    await world.eventually('the trap', () => existsSync(join(dir, '.up')))
    const before = running('back-test')?.id
    await rm(file)
    await world.until('back-test', pod => pod === undefined)
    await world.eventually('its stop', () => agent.drained.includes('back-test'))
    await writeFile(file, text)
    await world.eventually('the file', () => statics.list().length === 1)
    assert.equal(running('back-test')?.id, before, 'it is still being stopped')
    await writeFile(join(dir, '.go'), '')
    await world.eventually('the new container', () => ![undefined, before].includes(running('back-test')?.id))
    const now = `docker://${running('back-test')?.id}`
    await world.until('back-test', pod => isReady(pod) && pod?.status?.containerStatuses?.[0]?.containerID === now)
    assert.equal((await world.get('back-test'))?.status?.containerStatuses?.[0]?.restartCount, 0)
  })
})
