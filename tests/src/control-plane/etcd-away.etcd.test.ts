/** etcd killed and etcd stopped: writes fail and say so, reads from the cache go on, and all resumes by itself. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { configMapKind, deploymentKind, replicaSetKind } from '@davit/api'
import { type ControlPlane, etcdsOn, signalProcess, startControlPlane } from './control-plane.ts'
import { startEtcd, type TestEtcd } from './etcd.ts'
import { configMap, deployment, PATHS } from './manifests.ts'
import type { Answer } from './send.ts'
import { until } from './until.ts'

/** Longer than this nobody waits for a verdict on a write: etcd's own limit, and the time to read back. */
const VERDICT_MS_MAX = 14_000

let etcd: TestEtcd
let plane: ControlPlane
before(async () => {
  etcd = await startEtcd()
  plane = await startControlPlane({ etcdUrl: etcd.url })
})
after(async () => {
  etcd.signal('SIGCONT')
  await plane[Symbol.asyncDispose]()
  await etcd[Symbol.asyncDispose]()
})

const create = (name: string) => plane.ask({ method: 'POST', path: PATHS.configMaps, body: configMap(name) })

function assertSaysEtcdIsAway({ code, json, message }: Answer): void {
  assert.ok(code === 503 || code === 504, `${code}: ${message}`)
  assert.equal(json.kind, 'Status')
  assert.match(message, /etcd/)
}

/** Names of ConfigMaps that a watch, opened now and again whenever it ends, reports from here on. */
function watchNames(signal: AbortSignal): Set<string> {
  const names = new Set<string>()
  const follow = async () => {
    for await (const { object } of plane.client.resource(configMapKind).watch({ namespace: 'default', signal })) {
      if (object.metadata.name) names.add(object.metadata.name)
    }
  }
  void (async () => {
    // A replica that etcd does not answer ends its watches, so that their clients go on at another.
    while (!signal.aborted) await follow().catch(() => delay(100))
  })()
  return names
}

async function assertServesFromCache(): Promise<void> {
  const began = performance.now()
  const [list, one, live, ready, fresh] = await Promise.all([
    plane.ask({ path: `${PATHS.configMaps}?resourceVersion=0` }),
    plane.ask({ path: `${PATHS.configMaps}/before?resourceVersion=0` }).then(answer => ({ ...answer, ms: performance.now() - began })),
    plane.ask({ path: '/livez' }),
    plane.ask({ path: '/readyz' }),
    plane.ask({ path: PATHS.configMaps }),
  ])
  assert.equal(list.code, 200)
  assert.equal(one.code, 200)
  assert.ok(one.ms < 1000, `A read from the cache took ${one.ms} ms`)
  assert.equal(live.code, 200)
  assert.equal(ready.code, 500)
  assert.match(ready.text, /\[-\]etcd failed/)
  assert.equal(fresh.code, 503)
  assert.match(fresh.message, /Cannot read the latest state: etcd does not answer.*; the cache was last current \d+\.\d s ago/)
}

/** Writes, watches and controllers do their work again. */
async function assertResumed(name: string, watched: Set<string>): Promise<void> {
  await until('a write to succeed', async () => (await create(name)).code === 201)
  await until('the watch to report it', () => watched.has(name))
  assert.equal((await plane.ask({ path: `${PATHS.configMaps}/${name}` })).code, 200)
  await plane.client
    .resource(deploymentKind)
    .create(deployment(({ metadata }) => Object.assign(metadata, { namespace: 'default' }), name) as never)
  await until('the controllers to make a ReplicaSet', async () => {
    const { items } = await plane.client.resource(replicaSetKind).list({ namespace: 'default' })
    return items.some(({ metadata }) => metadata.ownerReferences?.[0]?.name === name)
  })
}

describe('While etcd is', { concurrency: false }, () => {
  const stop = new AbortController()
  let watched: Set<string>
  before(async () => {
    assert.equal((await create('before')).code, 201)
    watched = watchNames(stop.signal)
    await until('the watch to stand', () => watched.has('before'))
  })
  after(() => stop.abort())

  it('dead, writes fail at once and name it, the cache is served, and all resumes once it is back', async () => {
    await etcd.kill()
    const began = performance.now()
    assertSaysEtcdIsAway(await create('while-dead'))
    assertSaysEtcdIsAway(await plane.ask({ method: 'DELETE', path: `${PATHS.configMaps}/before` }))
    assert.ok(performance.now() - began < VERDICT_MS_MAX)
    await assertServesFromCache()
    await etcd.restart()
    await assertResumed('after-death', watched)
    assert.equal((await plane.ask({ path: `${PATHS.configMaps}/before` })).code, 200)
    assert.equal((await plane.ask({ path: `${PATHS.configMaps}/while-dead` })).code, 404)
  })

  it('stopped, writes fail in time and name it, the cache is served, and all resumes once it goes on', async () => {
    etcd.signal('SIGSTOP')
    const began = performance.now()
    const writes = Promise.all([create('while-stopped'), plane.ask({ method: 'DELETE', path: `${PATHS.configMaps}/before` })])
    await assertServesFromCache()
    for (const answer of await writes) assertSaysEtcdIsAway(answer)
    assert.ok(performance.now() - began < VERDICT_MS_MAX, `${performance.now() - began} ms`)
    etcd.signal('SIGCONT')
    await assertResumed('after-stop', watched)
    assert.equal(plane.isAlive(), true)
  })
})

describe('An embedded etcd that is killed', () => {
  it('is started again, and writes go on', async () => {
    const own = await startControlPlane()
    try {
      const write = (name: string) => own.ask({ method: 'POST', path: PATHS.configMaps, body: configMap(name) })
      assert.equal((await write('before')).code, 201)
      const pids = await etcdsOn(own.dataDir)
      assert.equal(pids.length, 1)
      for (const pid of pids) signalProcess(pid, 'SIGKILL')
      await until('a write to succeed', async () => (await write('after')).code === 201)
      assert.equal((await own.ask({ path: `${PATHS.configMaps}/before` })).code, 200)
      const [pid] = await etcdsOn(own.dataDir)
      assert.notEqual(pid, pids[0])
    } finally {
      await own[Symbol.asyncDispose]()
    }
    assert.deepEqual(await etcdsOn(own.dataDir), [])
  })
})
