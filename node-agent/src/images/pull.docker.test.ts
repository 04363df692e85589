import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { archiveFor, buildImage, type Line, LOGIN, load, push, type Registry, startLine, startRegistry } from './testing/registry.ts'
import { createImagesWorld, type ImagesWorld } from './testing/world.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const hasLine = (events: readonly string[], pattern: RegExp) => events.some(event => pattern.test(event))

describe('Images from a real registry', { skip: !host, concurrency: false }, () => {
  let open: Registry
  let closed: Registry
  let world: ImagesWorld
  before(async () => {
    ;[open, closed] = await Promise.all([startRegistry(), startRegistry({ isPrivate: true })])
    world = await createImagesWorld(host ?? '')
  })
  beforeEach(() => void world.events.splice(0))
  afterEach(async () => {
    for (const { tags, digests } of await world.docker.listImages())
      for (const name of [...tags, ...digests]) if (name.startsWith('127.0.0.1:')) await world.docker.removeImage(name)
  })
  after(async () => {
    await world?.close()
    await Promise.all([open?.stop(), closed?.stop()])
  })

  /** Made, pushed, and not here any more. */
  const publish = async (name: string, options?: Parameters<typeof buildImage>[2] & { login?: typeof LOGIN }) => {
    await buildImage(world.docker.raw, name, options)
    await push(world.docker.raw, name, options?.login)
    return name
  }
  const auth = (login: { username: string; password: string }) => ({
    auth: Buffer.from(`${login.username}:${login.password}`).toString('base64'),
  })

  it('pulls what is missing, by tag, digest, both and id, and uses what is there', async () => {
    const name = await publish(`${open.address}/team/app:1`)
    const pulled = await world.ensure(name)
    assert.match(
      world.events.join('\n'),
      /^Pulling: Pulling image "127.*app:1"\nPulled: Successfully pulled image "127.*app:1" in \S+s \(\S+s including waiting\)\. Image size: \d+ bytes\.$/,
    )
    await world.ensure(name)
    assert.equal(world.events.at(-1), `Pulled: Container image "${name}" already present on machine`)
    const digest = pulled.digests[0]?.split('@')[1]
    await world.docker.removeImage(name)
    for (const image of [`${open.address}/team/app@${digest}`, `${name}@${digest}`, pulled.id])
      assert.equal((await world.ensure(image)).id, pulled.id)
    await world.ensure(name, { policy: 'Always' })
    assert.match(world.events.at(-1) ?? '', /^Pulled: Successfully pulled/)
  })

  it('pulls a tag that has moved anew under Always, and not otherwise', async () => {
    const name = await publish(`${open.address}/moving:1`)
    const first = await world.ensure(name)
    const otherWay = await startLine(open)
    await publish(`${otherWay.address}/moving:1`)
    assert.equal((await world.ensure(name)).id, first.id)
    assert.notEqual((await world.ensure(name, { policy: 'Always' })).id, first.id)
    await otherWay.close()
  })

  it('says why it cannot, in the registry’s words', async () => {
    await publish(`${open.address}/here:1`)
    assert.equal(await world.failure('Not An Image').then(text => text.split(':')[0]), 'InvalidImageName')
    assert.equal(
      await world.failure('missing:1', { policy: 'Never' }),
      'ErrImageNeverPull: Container image "missing:1" is not present with pull policy of Never',
    )
    assert.equal(
      await world.failure(`${open.address}/here:2`),
      `ErrImagePull: manifest for ${open.address}/here:2 not found: manifest unknown`,
    )
    assert.match(await world.failure(`${closed.address}/x:1`), /^ErrImagePull: .*no basic auth credentials/)
    assert.match(await world.failure('127.0.0.1:1/x:1'), /^RegistryUnavailable: .*connection refused/)
    assert.match(await world.failure('0'.repeat(64)), /^ErrImagePull: image id .* is not on this node/)
    assert.ok(hasLine(world.events, /^Failed: Failed to pull image "127.*here:2": manifest for .* not found/))
  })

  it('tries every login that fits until one works, and reads them anew each time', async () => {
    const name = await publish(`${closed.address}/team/secret:1`, { login: LOGIN })
    world.putSecret('wrong', { auths: { [closed.address]: auth({ ...LOGIN, password: 'nonsense' }) } })
    world.putSecret('right', { auths: { [`http://${closed.address}/v2/`]: auth(LOGIN) } })
    world.putSecret('old', { [closed.address]: { username: LOGIN.username, password: LOGIN.password } }, '.dockercfg')
    world.putSecret('elsewhere', { auths: { 'registry.example': auth(LOGIN) } })
    const gone = async () => void (await world.docker.removeImage(name))

    assert.match(await world.failure(name, { secrets: ['wrong', 'absent'] }), /^ErrImagePull: .*unauthorized: authentication required/)
    assert.ok(
      hasLine(
        world.events,
        /^FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(absent\); attempting to pull the image may not succeed\.$/,
      ),
    )
    assert.match(await world.failure(name, { secrets: ['elsewhere'] }), /no basic auth credentials/)
    await world.ensure(name, { secrets: ['wrong', 'right'] })
    await gone()
    await world.ensure(name, { secrets: ['old'] })
    // It is here, and still it is not everybody's.
    assert.match(await world.failure(name, { policy: 'Always' }), /no basic auth credentials/)
    await gone()
    world.putSecret('wrong', { auths: { [closed.address]: auth(LOGIN) } })
    await world.ensure(name, { secrets: ['wrong'] })
  })

  it('uses the node’s own logins, after the pod’s', async () => {
    const name = await publish(`${closed.address}/for/nodes:1`, { login: LOGIN })
    const dir = await mkdtemp(join(tmpdir(), 'davit-logins-'))
    await writeFile(join(dir, 'config.json'), JSON.stringify({ auths: { [`${closed.address}/for`]: auth(LOGIN) } }))
    await world.restart({ credentialsFile: join(dir, 'config.json') })
    await world.ensure(name)
    await world.restart()
    await rm(dir, { recursive: true })
  })

  it('refuses an image for another architecture, however it came, until the right one is there', async () => {
    const [loaded, pulled, listed] = ['loaded:arm', `${open.address}/only/arm:1`, `${open.address}/only/arm:list`]
    for (const name of [loaded, pulled]) {
      await load(world.docker.raw, await archiveFor(world.docker.raw, 'busybox:1.36', { name, architecture: 'arm64' }))
    }
    await push(world.docker.raw, pulled)
    await putList(open, { repository: 'only/arm', tag: 'list', of: '1', architecture: 'arm64' })
    const here = `linux/${world.docker.engine.architecture}`
    const wanted = `ErrImageArchitecture: image "${loaded}" is for linux/arm64 and cannot run on this node, which is ${here}`
    assert.equal(await world.failure(loaded), wanted)
    assert.equal(await world.failure(loaded, { policy: 'Never' }), wanted)
    assert.equal(await world.failure(pulled), wanted.replace(loaded, pulled))
    assert.match(await world.failure(listed), new RegExp(`^ErrImageArchitecture: .*which is ${here}: no matching manifest for ${here}`))
    assert.deepEqual(world.images.unsuitable, [loaded, pulled, listed])

    await world.docker.raw.getImage('busybox:1.36').tag({ repo: 'loaded', tag: 'arm' })
    await world.eventually('the image being suitable again', () => !world.images.unsuitable.includes(loaded))
    await world.ensure(loaded)
    await world.docker.removeImage(loaded)
  })

  it('knows what is on the machine', async () => {
    const name = `${open.address}/shown:1`
    await buildImage(world.docker.raw, name)
    const isListed = () => world.images.list.some(({ tags }) => tags.includes(name))
    await world.eventually('its name in the list', isListed)
    await world.docker.removeImage(name)
    await world.eventually('its name going away', () => !isListed())
  })

  describe('over a line that is not always there', () => {
    let line: Line
    before(async () => {
      line = await startLine(open)
    })
    after(() => line?.close())
    const publishBig = async (path: string) => {
      await publish(`${open.address}/${path}`, { bytes: 3_000_000 })
      return `${line.address}/${path}`
    }

    it('ends a pull that stands still, and pulls again when asked', async () => {
      const name = await publishBig('still:1')
      await world.restart({ pullStallMs: 1_500 })
      line.state = 'hold'
      assert.match(await world.failure(name), /^RegistryUnavailable: the pull made no progress for 2s and was ended/)
      line.state = 'flow'
      await world.ensure(name)
      await world.restart()
    })

    it('pulls to the end when the registry dies meanwhile and comes back', async () => {
      const name = await publishBig('dies:1')
      line.state = 'hold'
      const held = line.held()
      const pulling = world.ensure(name)
      await held
      line.state = 'cut'
      line.state = 'flow'
      await pulling
    })

    it('pulls once for many, and not at all for nobody', async () => {
      const name = await publishBig('shared:1')
      line.state = 'hold'
      const held = line.held()
      const [one, two] = [new AbortController(), new AbortController()]
      const pulls = [one, two].map(({ signal }) => world.ensure(name, { signal }).catch((err: unknown) => err))
      await held
      one.abort(new Error('one has gone'))
      assert.equal(String(await pulls[0]), 'Error: one has gone')
      assert.equal(line.holding, 1, 'the other still waits for it, and both for the same')
      two.abort(new Error('two has gone'))
      await pulls[1]
      await world.eventually('the pull being given up', () => {
        line.drip()
        return line.holding === 0
      })
      line.state = 'flow'
      const all = await Promise.all([world.ensure(name), world.ensure(name), world.ensure(name)])
      assert.equal(new Set(all.map(({ id }) => id)).size, 1)
      assert.equal(world.events.filter(event => event.startsWith('Pulled: Successfully')).length, 3)
    })
  })
})

/** Puts a manifest list that has one image, said to be for `architecture`. */
async function putList(
  { address }: Registry,
  { repository, tag, of, architecture }: { repository: string; tag: string; of: string; architecture: string },
): Promise<void> {
  const manifest = 'application/vnd.docker.distribution.manifest.v2+json'
  const found = await fetch(`http://${address}/v2/${repository}/manifests/${of}`, { headers: { accept: manifest } })
  const body = await found.text()
  const entry = {
    mediaType: manifest,
    size: body.length,
    digest: found.headers.get('docker-content-digest'),
    platform: { os: 'linux', architecture },
  }
  const mediaType = 'application/vnd.docker.distribution.manifest.list.v2+json'
  const put = await fetch(`http://${address}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [entry] }),
  })
  assert.equal(put.status, 201)
}
