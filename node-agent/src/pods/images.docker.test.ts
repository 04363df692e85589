import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Container, isPodReady, type Pod, type PodSpec } from '@davit/api'
import { archiveFor, buildImage, LOGIN, load, push, type Registry, startLine, startRegistry } from '../images/testing/registry.ts'
import { containerName } from './containers.ts'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done'
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)
const waiting = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0]?.state?.waiting

describe('Pods and their images, on Docker with a registry', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  let open: Registry
  let closed: Registry
  before(async () => {
    ;[open, closed] = await Promise.all([startRegistry(), startRegistry({ isPrivate: true })])
    world = await createWorld(host ?? '')
    agent = await world.startAgent()
  })
  after(async () => {
    const { docker } = agent
    await world?.close()
    for (const { tags, digests } of await docker.listImages())
      for (const name of [...tags, ...digests]) if (/^(127\.0\.0\.1:|davit-test-)/.test(name)) await docker.removeImage(name)
    await Promise.all([open?.stop(), closed?.stop()])
  })
  const run = (name: string, image: string, fields: Partial<PodSpec> & { policy?: Container['imagePullPolicy'] } = {}) => {
    const { policy, ...spec } = fields
    const container: Container = { name: 'main', image, command: ['sh', '-c', HEEDS_TERM], ...(policy && { imagePullPolicy: policy }) }
    return world.create(name, { terminationGracePeriodSeconds: 1, containers: [container], ...spec })
  }
  const remove = async (name: string, ms?: number) => {
    await world.delete(name)
    await world.until(name, gone => gone === undefined, ms)
  }
  const publish = async (name: string, login?: typeof LOGIN, bytes?: number) => {
    await buildImage(agent.docker.raw, name, { ...(bytes && { bytes }) })
    await push(agent.docker.raw, name, login)
    return name
  }
  const eventsOf = (name: string) => world.events.filter(({ pod }) => pod === name).map(({ reason, message }) => `${reason}: ${message}`)

  describe('side by side, as most of it is waiting', { concurrency: true }, () => {
    it('backs off from an image that cannot be pulled, and says so as Kubernetes does', async () => {
      const image = `${open.address}/missing:1`
      await run('missing', image)
      await world.until('missing', pod => waiting(pod)?.reason === 'ErrImagePull')
      const pod = await world.until('missing', found => waiting(found)?.reason === 'ImagePullBackOff')
      const words = `manifest for ${image} not found: manifest unknown`
      assert.equal(waiting(pod)?.message, `Back-off pulling image "${image}": ErrImagePull: ${words}`)
      // Told a moment after the status.
      await world.eventually('the event of the back-off', () => eventsOf('missing').length >= 5)
      assert.deepEqual(eventsOf('missing').slice(0, 5), [
        `Pulling: Pulling image "${image}"`,
        `Failed: Failed to pull image "${image}": ${words}`,
        'Failed: Error: ErrImagePull',
        `BackOff: Back-off pulling image "${image}"`,
        'Failed: Error: ImagePullBackOff',
      ])
      await publish(image)
      // The next try, after ten seconds.
      await world.until('missing', isReady)
      await remove('missing')
    })

    it('pulls with the Secret’s login, and again soon after the Secret was corrected', async () => {
      const image = await publish(`${closed.address}/team/app:1`, LOGIN)
      const config = (password: string) =>
        JSON.stringify({ auths: { [closed.address]: { auth: Buffer.from(`${LOGIN.username}:${password}`).toString('base64') } } })
      await world.createSecret('login', { '.dockerconfigjson': config('wrong') })
      await run('private', image, { imagePullSecrets: [{ name: 'login' }] })
      await world.until('private', pod => /unauthorized/.test(waiting(pod)?.message ?? ''))
      await world.updateSecret('login', { '.dockerconfigjson': config(LOGIN.password) })
      await world.until('private', isReady, 30_000)
      await remove('private')
    })

    it('starts at once when an image is loaded for which it waits', async () => {
      await run('loaded', 'davit-test-loaded:1', { policy: 'Never' })
      await world.until('loaded', pod => waiting(pod)?.reason === 'ErrImageNeverPull')
      await agent.docker.raw.getImage('busybox:1.36').tag({ repo: 'davit-test-loaded', tag: '1' })
      await world.until('loaded', isReady, 8_000)
      await remove('loaded')
    })

    it('refuses an image for another architecture until there is one for its own', async () => {
      const name = 'davit-test-arm:1'
      await load(agent.docker.raw, await archiveFor(agent.docker.raw, 'busybox:1.36', { name, architecture: 'arm64' }))
      await run('arm', name)
      const pod = await world.until('arm', found => waiting(found)?.reason === 'ErrImageArchitecture')
      assert.match(waiting(pod)?.message ?? '', /is for linux\/arm64 and cannot run on this node, which is linux\//)
      assert.deepEqual(agent.images.unsuitable, [name])
      await agent.docker.raw.getImage('busybox:1.36').tag({ repo: 'davit-test-arm', tag: '1' })
      await world.until('arm', isReady, 8_000)
      assert.deepEqual(agent.images.unsuitable, [])
      await remove('arm')
    })

    it('goes at once when it is deleted in the middle of a pull', async () => {
      await publish(`${open.address}/big:1`, undefined, 3_000_000)
      const line = await startLine(open)
      line.state = 'hold'
      const held = line.held()
      await run('pulling', `${line.address}/big:1`)
      await held
      await remove('pulling', 6_000)
      await line.close()
    })

    it('comes up however often its image is taken away meanwhile', async () => {
      const image = await publish(`${open.address}/taken:1`)
      const taking = new AbortController()
      let taken = 0
      const thief = (async () => {
        while (!taking.signal.aborted) {
          await agent.docker.raw
            .getImage(image)
            .remove({ force: true })
            .then(
              () => taken++,
              () => {},
            )
          await new Promise(resolve => setTimeout(resolve, 5))
        }
      })()
      const names = ['taken-1', 'taken-2', 'taken-3', 'taken-4']
      for (const name of names) await run(name, image)
      while (taken < 6) await new Promise(resolve => setTimeout(resolve, 20))
      taking.abort()
      await thief
      for (const name of names) await world.until(name, isReady, 30_000)
      for (const name of names) await remove(name)
    })

    it('keeps of a container that fails again and again the newest attempt and the one before', async () => {
      const made = await world.create('failing', { containers: [{ name: 'main', image: 'busybox:1.36', command: ['true'] }] })
      await world.until('failing', pod => (pod?.status?.containerStatuses?.[0]?.restartCount ?? 0) >= 2, 60_000)
      const attempts = () =>
        agent.containers.ofPod(made.metadata.uid ?? '').flatMap(({ container, attempt }) => (container === 'main' ? attempt : []))
      await world.eventually('the first attempt going', () => !attempts().includes(0))
      assert.deepEqual(attempts().slice(0, 2), [1, 2])
      await remove('failing')
    })
  })

  it('leaves nothing of what an agent that was killed had only half made', async () => {
    await agent.stop()
    const labels = agent.docker.labels
    const made = await run('half', 'busybox:1.36')
    const create = (podUid: string, name: string) =>
      agent.docker.raw.createContainer({
        name,
        Image: 'busybox:1.36',
        Labels: {
          ...labels,
          'davit.dev/pod-uid': podUid,
          'davit.dev/container': 'main',
          'davit.dev/attempt': '0',
          'davit.dev/pod-name': 'half',
        },
      })
    const [own, orphan] = [
      await create(made.metadata.uid ?? '', containerName(made, 'main', 0)),
      await create('nobody', 'davit-test-orphan'),
    ]
    agent = await world.startAgent()
    await world.until('half', isReady)
    for (const { id } of [own, orphan])
      await world.eventually('its going', async () => (await agent.docker.inspectContainer(id)) === undefined)
    await remove('half')
    assert.deepEqual(await agent.docker.listContainers(), [])
  })
})
