import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildImage, ended, push, type Registry, says, startRegistry } from './testing/registry.ts'
import { createImagesWorld, type ImagesWorld } from './testing/world.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const MEBIBYTE = 1 << 20
const DISK_BYTES = 100 * MEBIBYTE
const IMAGE_BYTES = 10 * MEBIBYTE

/** A Docker of its own whose disk is small. */
describe('Image collection on a small disk', { skip: !host, concurrency: false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'davit-small-'))
  const socket = join(dir, 'docker.sock')
  let dockerd: ChildProcess
  let registry: Registry
  let world: ImagesWorld
  let wanted: string[] = []
  const gc = { scope: 'own', highPercent: 85, lowPercent: 60, pinned: ['*/pinned:*'], ageMsMin: 0 } as const
  const name = (which: string) => `${registry.address}/${which}:1`
  const names = async () =>
    (await world.docker.listImages()).flatMap(({ tags }) => tags.flatMap(tag => /\/(\w+):1$/.exec(tag)?.[1] ?? [])).sort()

  before(async () => {
    mkdirSync(join(dir, 'data'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', join(dir, 'data')])
    const places = [
      '--data-root',
      join(dir, 'data'),
      '--exec-root',
      join(dir, 'exec'),
      '--pidfile',
      join(dir, 'pid'),
      '-H',
      `unix://${socket}`,
    ]
    const started = spawn('dockerd', ['--bridge=none', '--iptables=false', ...places], { stdio: ['ignore', 'ignore', 'pipe'] })
    dockerd = started
    await says(started, /API listen on/)
    registry = await startRegistry()
    world = await createImagesWorld(socket, { gc, wantedNames: () => wanted })
    for (const which of ['first', 'second', 'third', 'pinned', 'waiting', 'used', 'foreign']) {
      await buildImage(world.docker.raw, name(which), { from: 'scratch', bytes: IMAGE_BYTES })
      await push(world.docker.raw, name(which))
    }
  })
  after(async () => {
    await world?.close()
    await registry?.stop()
    if (dockerd) await ended(dockerd)
    execFileSync('umount', ['-l', join(dir, 'data')])
    rmSync(dir, { recursive: true, force: true })
  })

  it('does nothing while there is room', async () => {
    for (const which of ['first', 'second']) await world.ensure(name(which))
    await world.images.collect()
    assert.deepEqual(await names(), ['first', 'second'])
  })

  it('removes what it pulled and nothing uses, least recently used first, and remembers that over a restart', async () => {
    for (const which of ['third', 'pinned', 'waiting', 'used']) await world.ensure(name(which))
    // Somebody else's: not through the agent.
    await world.docker.pullImage(name('foreign'), { signal: AbortSignal.timeout(30_000) })
    await world.docker.raw.createContainer({ Image: name('used'), Cmd: ['none'] })
    await world.ensure(name('first'))
    wanted = [name('waiting')]
    await world.restart()
    fill(20 * MEBIBYTE)
    await world.images.collect()
    const left = await names()
    assert.ok(!left.includes('second'), 'the least recently used went first')
    for (const which of ['pinned', 'waiting', 'used', 'foreign']) assert.ok(left.includes(which), `${which} stays`)
  })

  it('says on the node what it could not free, and what would help', async () => {
    world.events.splice(0)
    fill(45 * MEBIBYTE)
    await world.images.collect()
    assert.deepEqual(await names(), ['foreign', 'pinned', 'used', 'waiting'])
    assert.match(
      world.events.join('\n'),
      /^node FreeDiskSpaceFailed: Failed to garbage collect required amount of images\. Attempted to free \d+ bytes, but only found \d+ bytes eligible to free\. 1 images of \d+ bytes were not pulled by this agent and stay/,
    )
    await world.images.collect()
    assert.match(world.events.at(-1) ?? '', /^node ImageGCFailed: Failed to garbage collect/)
  })

  it('takes everybody’s when it is told to', async () => {
    await world.restart({ gc: { ...gc, scope: 'all' } })
    await world.images.collect()
    assert.deepEqual(await names(), ['pinned', 'used', 'waiting'])
  })

  it('counts a pull that it did not see the end of as its own', async () => {
    rmSync(join(dir, 'data', 'filler'))
    const file = join(world.dataDir, 'images.json')
    await world.restart()
    await world.docker.pullImage(name('first'), { signal: AbortSignal.timeout(30_000) })
    // As an agent that was killed while Docker went on would have left it.
    await world.stop()
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), images: {}, pulling: { [name('first')]: '' } }))
    await world.restart()
    assert.ok((await names()).includes('first'))
    await world.images.removeUnused()
    assert.deepEqual(await names(), ['pinned', 'used', 'waiting'])
  })

  function fill(bytes: number): void {
    writeFileSync(join(dir, 'data', 'filler'), Buffer.alloc(bytes, 1))
  }
})
