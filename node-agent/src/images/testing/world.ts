/** This room on a real Docker, with Secrets and events in memory; for tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Container, type Logger, type Pod, type Secret, systemClock } from '@davit/api'
import { connectDocker, type Docker, type ImageInfo } from '../../docker/index.ts'
import { ImageFailure } from '../failure.ts'
import { type Images, type ImagesOptions, startImages } from '../images.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export interface ImagesWorld {
  readonly docker: Docker
  readonly dataDir: string
  images: Images
  readonly events: string[]
  readonly secrets: Map<string, Secret>
  /** Stops what runs and starts anew on the same directory. */
  restart(overrides?: Partial<ImagesOptions>): Promise<void>
  stop(): Promise<void>
  ensure(image: string, wanted?: { policy?: Container['imagePullPolicy']; secrets?: string[]; signal?: AbortSignal }): Promise<ImageInfo>
  /** Reason and message of the failure. */
  failure(image: string, wanted?: Parameters<ImagesWorld['ensure']>[1]): Promise<string>
  putSecret(name: string, config: unknown, type?: '.dockerconfigjson' | '.dockercfg'): void
  /** Waits until it is so, ten seconds at most. */
  eventually(what: string, is: () => boolean | Promise<boolean>): Promise<void>
  close(): Promise<void>
}

export async function createImagesWorld(host: string, options: Partial<ImagesOptions> = {}): Promise<ImagesWorld> {
  const dataDir = await mkdtemp(join(tmpdir(), 'davit-images-'))
  const clusterId = `images-${process.pid}`
  const docker = await connectDocker({ socketPath: host.replace('unix://', ''), clusterId, nodeName: 'test', log: silent })
  const events: string[] = []
  const secrets = new Map<string, Secret>()
  const tell = (_: Pod, reason: string, message: string) => void events.push(`${reason}: ${message}`)
  let stop = new AbortController()
  const start = (overrides: Partial<ImagesOptions>) => {
    stop = new AbortController()
    return startImages({
      docker,
      dataDir,
      secrets: { secret: async (_, name) => secrets.get(name) },
      parallelPullsMax: 3,
      gc: { scope: 'own', highPercent: 100, lowPercent: 100, pinned: [] },
      wantedNames: () => [],
      events: { normal: tell, warning: tell },
      warnNode: (reason, message) => events.push(`node ${reason}: ${message}`),
      clock: systemClock,
      log: silent,
      signal: stop.signal,
      ...options,
      ...overrides,
    })
  }
  const world: ImagesWorld = {
    docker,
    dataDir,
    images: await start({}),
    events,
    secrets,
    async stop() {
      stop.abort()
      await world.images.stopped
    },
    async restart(overrides = {}) {
      await world.stop()
      world.images = await start(overrides)
    },
    ensure: (image, { policy, secrets: names = [], signal = AbortSignal.timeout(60_000) } = {}) =>
      world.images.ensure(
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'p', namespace: 'default', uid: 'p' },
          spec: { containers: [], imagePullSecrets: names.map(name => ({ name })) },
        },
        { name: 'main', image, ...(policy && { imagePullPolicy: policy }) },
        signal,
      ),
    async failure(image, wanted) {
      const got = await world.ensure(image, wanted).catch((err: unknown) => err)
      if (!(got instanceof ImageFailure)) throw new Error(`"${image}" did not fail as an image: ${String(got)}`)
      return `${got.reason}: ${got.message}`
    },
    putSecret(name, config, type = '.dockerconfigjson') {
      const data = { [type]: Buffer.from(JSON.stringify(config)).toString('base64') }
      secrets.set(name, { apiVersion: 'v1', kind: 'Secret', metadata: { name, resourceVersion: String(secrets.size + 1) }, data } as Secret)
    },
    async eventually(what, is) {
      for (const until = Date.now() + 10_000; Date.now() < until; await new Promise(resolve => setTimeout(resolve, 25)))
        if (await is()) return
      throw new Error(`${what} did not come about. Events:\n${events.join('\n')}`)
    },
    async close() {
      await world.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  return world
}
