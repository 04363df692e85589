/** Two control planes on one etcd: one leads, another takes over, and whoever slept through its term does no harm when it wakes. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type ConfigMap,
  configMapKind,
  type Deployment,
  deploymentKind,
  isReason,
  leaseKind,
  type Pod,
  podKind,
  type Service,
  serviceKind,
} from '@davit/api'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { startEtcd, type TestEtcd } from './etcd.ts'
import { configMap, deployment } from './manifests.ts'
import { until } from './until.ts'

/** The Lease's four seconds, and what two looks at it may take. */
const TAKEOVER_MS_MAX = 7500
const STOPPED_MS = 8000

let etcd: TestEtcd
let planes: ControlPlane[] = []
before(async () => {
  etcd = await startEtcd()
  const first = await startControlPlane({ etcdUrl: etcd.url })
  planes = [first, await startControlPlane({ etcdUrl: etcd.url, besides: first })]
})
after(async () => {
  await Promise.all(planes.map(plane => plane[Symbol.asyncDispose]()))
  await etcd[Symbol.asyncDispose]()
})

/** The process that holds the controllers' Lease, as another one sees it. */
async function leaderSeenBy(plane: ControlPlane): Promise<ControlPlane | undefined> {
  const lease = await plane.client.resource(leaseKind).get({ name: 'davit-controllers', namespace: 'kube-system' })
  return planes.find(({ port }) => lease.spec?.holderIdentity?.startsWith(`test-${port}_`))
}

async function leaderAndOther(): Promise<[leader: ControlPlane, other: ControlPlane]> {
  const leader = await until('a leader', () => leaderSeenBy(planes[0] as ControlPlane))
  return [leader, planes.find(plane => plane !== leader) as ControlPlane]
}

/** Every event of the pods with `app: web`, in order, and how many were there at a time. */
class PodWatch {
  readonly events: string[] = []
  readonly #active = new Set<string>()
  /** Most at once since it was last set. */
  most = 0

  get active(): number {
    return this.#active.size
  }

  async follow(plane: ControlPlane, signal: AbortSignal): Promise<void> {
    const pods = plane.client.resource(podKind)
    const { items, metadata } = await pods.list({ namespace: 'default', labelSelector: 'app=web' })
    for (const pod of items) this.#note(pod, true)
    let resourceVersion = metadata.resourceVersion ?? ''
    while (!signal.aborted) {
      try {
        for await (const { type, object } of pods.watch({ namespace: 'default', labelSelector: 'app=web', resourceVersion, signal })) {
          resourceVersion = object.metadata.resourceVersion ?? resourceVersion
          if (type === 'BOOKMARK') continue
          this.#note(object as Pod, type !== 'DELETED')
          this.events.push(`${type} ${object.metadata.name}@${resourceVersion}`)
        }
      } catch (error) {
        // A stopped process answers no pings; the watch goes on where it was, unless that is too old.
        if (signal.aborted || !isReason(error, 'ServiceUnavailable')) throw error
      }
    }
  }

  #note({ metadata: { name = '', deletionTimestamp } }: Pod, isThere: boolean): void {
    if (isThere && !deletionTimestamp) this.#active.add(name)
    else this.#active.delete(name)
    this.most = Math.max(this.most, this.active)
  }
}

async function scale(plane: ControlPlane, replicas: number): Promise<void> {
  const patch = { type: 'merge', body: { spec: { replicas } } } as const
  await plane.client.resource(deploymentKind).patch({ name: 'web', namespace: 'default' }, patch)
}

it('one of them leads', async () => {
  const [leader, other] = await leaderAndOther()
  assert.equal(await leaderSeenBy(other), leader)
  const leads = (plane: ControlPlane) => plane.log.some(({ msg, lease }) => msg === 'Leading' && lease === 'davit-controllers')
  assert.deepEqual([leads(leader), leads(other)], [true, false])
})

it('a write through one is read through the other at once, and none is lost between them', async () => {
  const increments = async (plane: ControlPlane, count: number) => {
    const maps = plane.client.resource(configMapKind)
    for (let made = 0; made < count; ) {
      const map = await maps.get({ name: 'counter', namespace: 'default' })
      try {
        await maps.update({ ...map, data: { value: String(Number(map.data?.value) + 1) } })
        made++
      } catch (error) {
        if (!isReason(error, 'Conflict')) throw error
      }
    }
  }
  const [a, b] = planes as [ControlPlane, ControlPlane]
  const metadata = { name: 'counter', namespace: 'default' }
  await a.client.resource(configMapKind).create({ ...configMap('counter', { value: '0' }), metadata } as ConfigMap)
  await Promise.all([increments(a, 30), increments(b, 30)])
  for (const { client } of planes) assert.equal((await client.resource(configMapKind).get(metadata)).data?.value, '60')
})

it('no address and no node port is given out twice', async () => {
  const services = await Promise.all(
    Array.from({ length: 40 }, (_, i) => {
      const spec = { type: 'NodePort', ports: [{ port: 80 }] }
      const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: `s-${i}`, namespace: 'default' }, spec }
      return (planes[i % 2] as ControlPlane).client.resource(serviceKind).create(service as Service)
    }),
  )
  assert.equal(new Set(services.map(({ spec }) => spec.clusterIP)).size, 40)
  assert.equal(new Set(services.map(({ spec }) => spec.ports?.[0]?.nodePort)).size, 40)
})

it('when the leader is killed, the other leads within seconds and goes on with its work', async t => {
  const [leader, other] = await leaderAndOther()
  const metadata = { name: 'web', namespace: 'default' }
  const body = { ...deployment(({ spec }) => Object.assign(spec, { replicas: 3 })), metadata }
  await other.client.resource(deploymentKind).create(body as unknown as Deployment)
  const pods = async () => (await other.client.resource(podKind).list({ namespace: 'default', labelSelector: 'app=web' })).items.length
  await until('three pods', async () => (await pods()) === 3)

  await leader.kill()
  const began = performance.now()
  await scale(other, 5)
  await until('the other to lead', async () => (await leaderSeenBy(other)) === other)
  const tookMs = performance.now() - began
  t.diagnostic(`took over after ${Math.round(tookMs)} ms`)
  assert.ok(tookMs < TAKEOVER_MS_MAX, `took over after ${tookMs} ms`)
  await until('five pods', async () => (await pods()) === 5)
  await leader.start()
  assert.equal(await leaderSeenBy(other), other)
})

it('a leader that sleeps through its term in the middle of its work makes no pod too many when it wakes', async t => {
  const [leader, other] = await leaderAndOther()
  const stop = new AbortController()
  const watches = [new PodWatch(), new PodWatch()] as const
  const following = [watches[0].follow(other, stop.signal), watches[1].follow(leader, stop.signal)]
  for (const follow of following) {
    follow.catch(error => {
      if (!stop.signal.aborted) t.diagnostic(`a watch failed: ${error}`)
    })
  }
  const [seen] = watches
  await until('the watches to stand', () => watches.every(({ active }) => active === 5))

  await scale(other, 60)
  await until('the leader to be in the middle of it', () => seen.active >= 10)
  leader.signal('SIGSTOP')
  const stopped = delay(STOPPED_MS)
  t.diagnostic(`stopped with ${seen.active} of 60 pods made`)
  await until('the other to finish', () => seen.active === 60)
  await scale(other, 20)
  await until('the other to scale down', () => seen.active === 20)
  assert.equal(seen.most, 60)
  await stopped
  seen.most = 0

  leader.signal('SIGCONT')
  await until('the former leader to notice', () =>
    leader.log.some(({ msg, lease }) => lease === 'davit-controllers' && String(msg).startsWith('Lost the leadership')),
  )
  // What it still had in its hands comes now or never.
  await delay(1500)
  assert.ok(seen.most <= 20, `${seen.most} pods where 20 were wanted`)
  assert.equal(await leaderSeenBy(other), other)

  await until('both watches to have seen the same', () => watches[1].events.at(-1) === seen.events.at(-1))
  assert.deepEqual(watches[1].events, seen.events)
  stop.abort()
  const lists = await Promise.all(planes.map(({ client }) => client.resource(podKind).list({ namespace: 'default' })))
  assert.deepEqual(lists[0]?.items, lists[1]?.items)
})
