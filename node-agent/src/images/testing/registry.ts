/** A real registry on loopback, a line to it that can be cut or held up, and images to put there; for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type Dockerode from 'dockerode'
import { extract, pack } from 'tar-stream'

/** The only login of a registry with `isPrivate`; a test's own, good for nothing else. */
export const LOGIN = { username: 'reader', password: 'correct-horse' }
const HTPASSWD = 'reader:$2b$05$abcdefghijklmnopqrstuuZ0Fx87Pb/Aqb0E90lfvCwzXnaFKUHpS\n'

export interface Registry {
  /** `127.0.0.1:PORT`: Docker trusts what is on 127.0.0.0/8 without TLS. */
  readonly address: string
  readonly port: number
  stop(): Promise<void>
}

/** Starts Debian's docker-registry in a directory of its own. */
export async function startRegistry({ isPrivate = false } = {}): Promise<Registry> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-registry-'))
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  await writeFile(join(dir, 'htpasswd'), HTPASSWD)
  const auth = isPrivate ? `auth: {htpasswd: {realm: test, path: ${join(dir, 'htpasswd')}}}\n` : ''
  const storage = `storage: {filesystem: {rootdirectory: ${join(dir, 'data')}}, delete: {enabled: true}}\n`
  await writeFile(join(dir, 'config.yml'), `version: 0.1\nlog: {level: info}\n${storage}http: {addr: '${address}'}\n${auth}`)
  const child = spawn('docker-registry', ['serve', join(dir, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] })
  await says(child, /listening on/)
  return {
    address,
    port,
    async stop() {
      await ended(child)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const START_MS_MAX = 30_000

/** Resolves once the process has written such a line to its stderr, a pipe; rejects when it ends without, or takes too long. */
export function says(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let last = ''
    const fail = (why: string) => reject(new Error(`${child.spawnfile} ${why}; the last that it said is "${last}"`))
    const timer = setTimeout(() => fail(`did not say ${pattern}`), START_MS_MAX)
    child.once('error', reject).once('exit', code => fail(`ended with ${code}`))
    // Read to the end, or the process would have to wait.
    if (child.stderr)
      createInterface({ input: child.stderr }).on('line', line => {
        last = line
        if (!pattern.test(line)) return
        clearTimeout(timer)
        resolve()
      })
  })
}

/** Ends a process and waits for its end. */
export async function ended(child: ChildProcess, how: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const end = new Promise(resolve => child.once('exit', resolve))
  child.kill(how)
  await end
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

export interface Line {
  readonly address: string
  /** `flow`: bytes pass. `hold`: nothing moves after `heldAfterBytes` of one connection. `cut`: connections are refused and broken. */
  state: 'flow' | 'hold' | 'cut'
  /** Connections that are held up now. */
  readonly holding: number
  /** Resolves when a connection is held. */
  held(): Promise<void>
  /** Lets each of them have a little more: who still reads stays, who does not is gone. */
  drip(): void
  close(): Promise<void>
}

/** A way to the registry that is not always there. */
export async function startLine(registry: Registry, { heldAfterBytes = 200_000 } = {}): Promise<Line> {
  const sockets = new Set<Socket>()
  const holding = new Map<Socket, Buffer>()
  let state: Line['state'] = 'flow'
  let onHeld = () => {}
  const server = createServer(socket => {
    if (state === 'cut') return void socket.destroy()
    const upstream = connect(registry.port, '127.0.0.1')
    sockets.add(socket)
    let bytes = 0
    upstream.on('data', chunk => {
      bytes += chunk.length
      if (state === 'hold' && bytes > heldAfterBytes) {
        upstream.pause()
        holding.set(socket, chunk)
        return onHeld()
      }
      socket.write(chunk)
    })
    socket.pipe(upstream)
    const close = () => {
      sockets.delete(socket)
      holding.delete(socket)
      socket.destroy()
      upstream.destroy()
    }
    for (const each of [socket, upstream]) each.on('close', close).on('error', close)
  })
  const port = await freePort()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${port}`,
    get state() {
      return state
    },
    set state(wanted) {
      state = wanted
      // What was held is lost: a connection goes on only from its beginning.
      for (const socket of sockets) socket.destroy()
    },
    get holding() {
      return holding.size
    },
    drip() {
      for (const [socket, chunk] of holding) socket.write(chunk)
    },
    held: () =>
      new Promise(resolve => {
        onHeld = resolve
      }),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Builds an image with a layer of its own of `bytes` random bytes. */
export async function buildImage(
  docker: Dockerode,
  name: string,
  { from = 'busybox:1.36', bytes = 1_000, labels = {} }: { from?: string; bytes?: number; labels?: Record<string, string> } = {},
): Promise<void> {
  const context = pack()
  const label = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}\n`)
  context.entry({ name: 'Dockerfile' }, `FROM ${from}\nCOPY blob /blob\n${label.join('')}`)
  context.entry({ name: 'blob' }, randomBytes(bytes))
  context.finalize()
  await drained(docker, await docker.buildImage(context as unknown as NodeJS.ReadableStream, { t: name, forcerm: true }))
}

/** Pushes it, and takes the name away here: it is to be pulled. */
export async function push(docker: Dockerode, name: string, auth?: typeof LOGIN): Promise<void> {
  await drained(
    docker,
    await docker.getImage(name).push({ authconfig: auth ?? { username: '', password: '' } } as Dockerode.ImagePushOptions),
  )
  await docker
    .getImage(name)
    .remove()
    .catch((err: { statusCode?: number }) => {
      // A pod that waited for it was quicker.
      if (err.statusCode !== 409) throw err
    })
}

/** A copy of an image that says it is for another architecture, as `docker load` takes it. */
export async function archiveFor(
  docker: Dockerode,
  image: string,
  { name, architecture }: { name: string; architecture: string },
): Promise<Buffer> {
  const files = new Map<string, Buffer>()
  const reading = extract()
  reading.on('entry', (header, stream, next) => {
    const chunks: Buffer[] = []
    stream.on('data', chunk => chunks.push(chunk as Buffer))
    stream.on('end', () => {
      if (header.type === 'file') files.set(header.name, Buffer.concat(chunks))
      next()
    })
  })
  const saved = (await docker.getImage(image).get()) as Readable
  await pipeline(saved, reading)
  const manifest = JSON.parse(String(files.get('manifest.json'))) as { Config: string; RepoTags: string[] }[]
  const [only] = manifest
  if (!only) throw new Error('an archive without an image')
  only.RepoTags = [name]
  const config = JSON.parse(String(files.get(only.Config))) as { architecture: string }
  config.architecture = architecture
  files.set(only.Config, Buffer.from(JSON.stringify(config)))
  files.set('manifest.json', Buffer.from(JSON.stringify(manifest)))
  files.delete('repositories')
  const archive = pack()
  for (const [path, data] of files) archive.entry({ name: path }, data)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export async function load(docker: Dockerode, archive: Buffer): Promise<void> {
  await drained(docker, await docker.loadImage(archive as unknown as string))
}

/** Waits for the end of what Docker says; rejects with its error. */
function drained(docker: Dockerode, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => docker.modem.followProgress(stream, err => (err ? reject(err) : resolve())))
}
