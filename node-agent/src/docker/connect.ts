/** The Docker engine beside this agent, as the agent's rooms use it: versioned calls, deadlines, validated answers. */
import { type Clock, DOCKER_LABELS, type Logger, systemClock } from '@davit/api'
import Dockerode from 'dockerode'
import { z } from 'zod'
import { ask, DockerError, isDockerCode, toDockerError } from './calls.ts'
import type { CreateBody, LimitsUpdate } from './create-body.ts'
import { lockEngine } from './engine-lock.ts'
import { type ExecResult, runExec } from './exec.ts'
import { unframed } from './frames.ts'
import { PAUSE_IMAGE, pauseArchive } from './pause-image.ts'
import {
  type ContainerInfo,
  type DockerEvent,
  type EngineInfo,
  type ImageEvent,
  type ImageInfo,
  type PullLine,
  readContainer,
  readEvent,
  readImage,
  readImageEvent,
  readInfo,
  readSummaries,
} from './shapes.ts'

/** Newest API version this agent was written for, and the oldest it works with. */
const API_VERSION_MAX = [1, 52] as const
const API_VERSION_MIN = [1, 41] as const
const PROGRESS_STALL_MS = 120_000

export interface DockerOptions {
  socketPath: string
  /** kube-system's uid. */
  clusterId: string
  nodeName: string
  log: Logger
  clock?: Clock
}

/** Credentials for a registry, as `X-Registry-Auth` carries them. */
export interface RegistryAuth {
  username?: string
  password?: string
  serveraddress?: string
  identitytoken?: string
  registrytoken?: string
}

export interface Docker {
  readonly clusterId: string
  readonly nodeName: string
  /** Such as `1.41`: what the daemon and this agent both speak. */
  readonly apiVersion: string
  /** What the engine said when last asked. */
  readonly engine: EngineInfo
  /** For calls that only one room makes (networks, attached streams). Versioned; deadlines are the caller's. */
  readonly raw: Dockerode
  /** Labels that every object this agent makes must carry. */
  readonly labels: Readonly<Record<string, string>>
  /** Asks the engine again; also settles the API version anew after an upgrade of the daemon. */
  refreshEngine(signal?: AbortSignal): Promise<EngineInfo>
  ping(): Promise<void>
  /** Makes this process the engine's only agent. */
  lock(signal: AbortSignal): Promise<void>
  /** All containers of this cluster and node, with whether they run. */
  listContainers(): Promise<{ id: string; running: boolean }[]>
  /** Undefined when there is none. `id` may be a name. */
  inspectContainer(id: string): Promise<ContainerInfo | undefined>
  /** The new container's id. A `DockerError` of code 409 when the name is taken, 404 when the image or network is missing. */
  createContainer(name: string, body: CreateBody): Promise<string>
  startContainer(id: string): Promise<void>
  /** Changes limits of a container that runs; resolves also when it is gone. */
  updateContainer(id: string, limits: LimitsUpdate): Promise<void>
  /** Resolves also when it has already ended or is gone. */
  killContainer(id: string, killSignal: string): Promise<void>
  /** By force, with its anonymous volumes; resolves also when it is gone. */
  removeContainer(id: string): Promise<void>
  inspectImage(reference: string): Promise<ImageInfo | undefined>
  listImages(): Promise<ImageInfo[]>
  /** Rejects with the registry's own words. `onLine` is told of everything that Docker says meanwhile. */
  pullImage(reference: string, options: { auth?: RegistryAuth; signal: AbortSignal; onLine?: (line: PullLine) => void }): Promise<void>
  /** Takes one name from an image, and the image itself with its last name. Never by force: one that a container uses stays. */
  removeImage(reference: string): Promise<'removed' | 'in use' | 'gone'>
  /** Ids of the images of all containers on this host, whoever made them. */
  usedImages(): Promise<ReadonlySet<string>>
  /** Changes of this host's images; ends or throws when the connection does. `onOpen` runs once events flow. */
  imageEvents(options: { signal: AbortSignal; onOpen: () => void }): AsyncIterable<ImageEvent>
  /** Makes sure the sandbox's image is there. */
  ensurePauseImage(): Promise<void>
  /** The end of what a container wrote, at most `bytes` and `lines`. */
  logTail(id: string, limits: { lines: number; bytes: number }): Promise<string>
  /** Runs a command to its end; after `timeoutMs` its processes are killed and `timedOut` is set. */
  exec(id: string, command: readonly string[], options: { timeoutMs: number; signal?: AbortSignal }): Promise<ExecResult>
  /** Events of this cluster's and node's containers; ends or throws when the connection does. `onOpen` runs once events flow. */
  events(options: { signal: AbortSignal; onOpen: () => void }): AsyncIterable<DockerEvent>
}

/** Connects and asks who is there; throws when Docker is away or too old. */
export async function connectDocker({ socketPath, clusterId, nodeName, log, clock = systemClock }: DockerOptions): Promise<Docker> {
  const raw = new Dockerode({ socketPath })
  let apiVersion = await settleVersion(raw)
  let engine = await readEngine(raw)
  const labels = { [DOCKER_LABELS.cluster]: clusterId, [DOCKER_LABELS.node]: nodeName }
  const ours = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  let pauseImage: Promise<void> | undefined

  const container = (id: string) => raw.getContainer(id)
  const docker: Docker = {
    clusterId,
    nodeName,
    get apiVersion() {
      return apiVersion
    },
    get engine() {
      return engine
    },
    raw,
    labels,

    async refreshEngine(signal) {
      apiVersion = await settleVersion(raw, signal)
      engine = await readEngine(raw, signal)
      return engine
    },

    async ping() {
      await ask('ping', 10_000, () => raw.ping())
    },

    lock: signal => lockEngine(engine.id, signal),

    async listContainers() {
      const filters = JSON.stringify({ label: ours })
      return readSummaries(await ask('list containers', 30_000, abortSignal => raw.listContainers({ all: true, filters, abortSignal })))
    },

    async inspectContainer(id) {
      try {
        return readContainer(await ask('inspect container', 30_000, abortSignal => container(id).inspect({ abortSignal })))
      } catch (err) {
        if (isDockerCode(err, 404)) return undefined
        throw err
      }
    },

    async createContainer(name, body) {
      // dockerode's type of the body is narrower than the API; the shape is ours and tested against real engines.
      const options = { name, ...body } as unknown as Dockerode.ContainerCreateOptions
      const created = await ask('create container', 60_000, abortSignal => raw.createContainer({ ...options, abortSignal }))
      return created.id
    },

    async startContainer(id) {
      await ask('start container', 120_000, abortSignal => container(id).start({ abortSignal }))
    },

    async updateContainer(id, limits) {
      try {
        await ask('update container', 30_000, abortSignal => container(id).update({ ...limits, abortSignal }))
      } catch (err) {
        if (!isDockerCode(err, 404)) throw err
      }
    },

    async killContainer(id, killSignal) {
      try {
        await ask('kill container', 30_000, abortSignal => container(id).kill({ signal: killSignal, abortSignal }))
      } catch (err) {
        // 404: gone. 409: not running.
        if (!isDockerCode(err, 404) && !isDockerCode(err, 409)) throw err
      }
    },

    async removeContainer(id) {
      try {
        await ask('remove container', 60_000, abortSignal => container(id).remove({ force: true, v: true, abortSignal }))
      } catch (err) {
        // 409: its removal is already under way.
        if (!isDockerCode(err, 404) && !isDockerCode(err, 409)) throw err
      }
    },

    async inspectImage(reference) {
      try {
        return readImage(await ask('inspect image', 30_000, () => raw.getImage(reference).inspect()))
      } catch (err) {
        if (isDockerCode(err, 404)) return undefined
        throw err
      }
    },

    async listImages() {
      const listed = await ask('list images', 30_000, abortSignal => raw.listImages({ abortSignal }))
      return z.array(z.unknown()).parse(listed).map(readImage)
    },

    async pullImage(reference, { auth, signal, onLine }) {
      // The registry is asked before the first byte of the answer, which may take its time.
      const options = auth ? { authconfig: auth as Dockerode.AuthConfig } : {}
      const progress = await ask(
        'pull image',
        PROGRESS_STALL_MS,
        async abortSignal =>
          stream(await raw.createImage({ fromImage: reference, ...options, abortSignal } as unknown as Dockerode.AuthConfig)),
        signal,
      )
      await finished(progress, clock, signal, onLine)
    },

    async removeImage(reference) {
      try {
        await ask('remove image', 120_000, abortSignal => raw.getImage(reference).remove({ abortSignal }))
        return 'removed'
      } catch (err) {
        if (isDockerCode(err, 404)) return 'gone'
        if (isDockerCode(err, 409)) return 'in use'
        throw err
      }
    },

    async usedImages() {
      const listed = await ask('list containers', 30_000, abortSignal => raw.listContainers({ all: true, abortSignal }))
      return new Set(
        z
          .array(z.object({ ImageID: z.string() }))
          .parse(listed)
          .map(({ ImageID }) => ImageID),
      )
    },

    async ensurePauseImage() {
      pauseImage ??= (async () => {
        if (await docker.inspectImage(PAUSE_IMAGE)) return
        const [repo, tag] = PAUSE_IMAGE.split(':')
        const archive = await pauseArchive(engine.architecture)
        const options = { repo, tag, changes: ['ENTRYPOINT ["/pause"]'] }
        const progress = await ask('import image', 60_000, async () =>
          stream(await raw.importImage(archive as unknown as string & Buffer, options)),
        )
        await finished(progress, clock, AbortSignal.timeout(60_000))
        log.info({ image: PAUSE_IMAGE }, 'Imported the sandbox image')
      })()
      try {
        await pauseImage
      } finally {
        pauseImage = undefined
      }
    },

    async logTail(id, { lines, bytes }) {
      const text = await ask('read log', 30_000, async abortSignal => {
        const info = await docker.inspectContainer(id)
        if (!info) return ''
        const answer = await container(id).logs({ stdout: true, stderr: true, tail: lines, follow: false, abortSignal })
        return info.tty ? answer.toString() : unframed(Buffer.isBuffer(answer) ? answer : Buffer.from(answer))
      })
      return Buffer.from(text).subarray(-bytes).toString()
    },

    exec: (id, command, options) => runExec(raw, id, command, options),

    async *events({ signal, onOpen }) {
      // One merely created is nothing to look at: it is started by whoever made it, or found by a list.
      const filters = JSON.stringify({ type: ['container'], label: ours, event: ['start', 'die', 'destroy', 'oom'] })
      const body = await ask('watch events', 30_000, () => raw.getEvents({ filters, abortSignal: signal }) as Promise<unknown>, signal)
      onOpen()
      for await (const line of jsonLines(stream(body))) yield readEvent(line)
    },

    async *imageEvents({ signal, onOpen }) {
      const filters = JSON.stringify({ type: ['image'], event: ['pull', 'load', 'import', 'tag', 'untag', 'delete'] })
      const body = await ask('watch images', 30_000, () => raw.getEvents({ filters, abortSignal: signal }) as Promise<unknown>, signal)
      onOpen()
      for await (const line of jsonLines(stream(body))) yield readImageEvent(line)
    },
  }
  return docker
}

async function settleVersion(raw: Dockerode, signal?: AbortSignal): Promise<string> {
  const modem = raw.modem as { version?: string }
  delete modem.version
  const answer = await ask('version', 10_000, () => raw.version(), signal)
  const { ApiVersion, MinAPIVersion } = z.object({ ApiVersion: z.string(), MinAPIVersion: z.string().default('1.12') }).parse(answer)
  const settled = olderOf(ApiVersion, API_VERSION_MAX.join('.'))
  if (isOlder(settled, API_VERSION_MIN.join('.'))) {
    throw new DockerError(`Docker speaks API ${ApiVersion}, wanted at least ${API_VERSION_MIN.join('.')} (Docker 20.10)`, 0)
  }
  if (isOlder(settled, MinAPIVersion))
    throw new DockerError(`Docker speaks API ${MinAPIVersion} and newer, wanted ${API_VERSION_MAX.join('.')}`, 0)
  modem.version = `v${settled}`
  return settled
}

async function readEngine(raw: Dockerode, signal?: AbortSignal): Promise<EngineInfo> {
  return readInfo(await ask('info', 30_000, () => raw.info(), signal))
}

/** True when API version `a` (such as `1.41`) comes before `b`. */
export function isOlder(a: string, b: string): boolean {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA !== majorB ? majorA < majorB : minorA < minorB
}

function olderOf(a: string, b: string): string {
  return isOlder(a, b) ? a : b
}

function stream(answer: unknown): AsyncIterable<Buffer> & { destroy(err?: Error): void } {
  return answer as AsyncIterable<Buffer> & { destroy(err?: Error): void }
}

const progressSchema = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional() }).optional(),
})

/** Reads a progress stream to its end; rejects with the error it carries, or when nothing comes for too long. */
async function finished(
  progress: AsyncIterable<Buffer> & { destroy(err?: Error): void },
  clock: Clock,
  signal: AbortSignal,
  onLine: (line: PullLine) => void = () => {},
): Promise<void> {
  const done = new AbortController()
  let lastAt = clock.monotonic()
  const stop = () => progress.destroy(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  const watchdog = async () => {
    for (;;) {
      await clock.sleep(PROGRESS_STALL_MS / 4, done.signal)
      if (clock.monotonic() - lastAt < PROGRESS_STALL_MS) continue
      return progress.destroy(new DockerError(`Docker reported no progress for ${PROGRESS_STALL_MS / 1000} s`, 0))
    }
  }
  watchdog().catch(() => {})
  try {
    for await (const line of jsonLines(progress)) {
      lastAt = clock.monotonic()
      const { error, errorDetail, ...said } = progressSchema.parse(line)
      onLine(said)
      if (error) throw new DockerError(errorDetail?.message ?? error, 500)
    }
  } catch (err) {
    throw toDockerError(err)
  } finally {
    done.abort()
    signal.removeEventListener('abort', stop)
  }
}

async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim()) yield JSON.parse(line)
  }
  if (rest.trim()) yield JSON.parse(rest)
}

export type { ContainerInfo, DockerEvent, EngineInfo, ImageEvent, ImageInfo, PullLine }
