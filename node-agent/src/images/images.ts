/** Puts this room together: getting images, knowing them, removing them. */
import type { Clock, Logger, Pod } from '@davit/api'
import type { Docker, ImageInfo } from '../docker/index.ts'
import { emulatedArchitectures, runsOn, Unsuitable } from './architecture.ts'
import { createEnsure, type EnsureImage, type PodEvents } from './ensure.ts'
import { type ImageGc, type ImageGcOptions, startImageGc } from './gc.ts'
import { ImageStore } from './image-store.ts'
import { keyringVersion, type SecretSource } from './keyring.ts'
import { createPulls } from './pulls.ts'
import { ImageUses } from './uses.ts'

export interface ImagesOptions {
  docker: Docker
  dataDir: string
  secrets: SecretSource
  /** Registry credentials of this node, like Docker's `config.json`. */
  credentialsFile?: string | undefined
  parallelPullsMax: number
  pullStallMs?: number
  gc: ImageGcOptions
  /** Images that pods of this node name; undefined while that is not known. */
  wantedNames: () => readonly string[] | undefined
  events: PodEvents
  /** An event of the Node. */
  warnNode: (reason: string, message: string) => void
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface Images extends Pick<ImageGc, 'collect' | 'removeUnused'> {
  readonly ensure: EnsureImage
  /** What Docker has, as last listed. */
  readonly list: readonly ImageInfo[]
  /** Canonical names of images that cannot run here, at most fifty. */
  readonly unsuitable: readonly string[]
  /** Calls `handler` after each change of `list` or `unsuitable`. */
  onChange(handler: () => void): void
  /** Changes when a pull Secret of the pod does. */
  keyringVersion(pod: Pod): Promise<string>
  readonly stopped: Promise<void>
}

/** Starts to watch this host's images, after what an earlier run knew was read. */
export async function startImages(options: ImagesOptions): Promise<Images> {
  const { docker, dataDir, secrets, clock, log, signal } = options
  const handlers = new Set<() => void>()
  const changed = () => {
    for (const handler of handlers) handler()
  }
  const uses = new ImageUses(dataDir, { clock, log, signal })
  await uses.load(docker)
  const unsuitable = new Unsuitable(clock, changed)
  const store = new ImageStore({ docker, clock, log, signal })
  store.onChange(() => {
    changed()
    recheck(unsuitable, docker).catch((err: unknown) => log.debug({ err }, 'Cannot look at images again'))
  })
  const pulls = createPulls({
    docker,
    clock,
    width: options.parallelPullsMax,
    ...(options.pullStallMs !== undefined && { stallMs: options.pullStallMs }),
    signal,
    onBegin: async reference => uses.pulling(reference, (await docker.inspectImage(reference))?.id),
    onEnd: async reference => uses.pulled(reference, (await docker.inspectImage(reference).catch(() => undefined))?.id),
  })
  const gc = startImageGc({ ...options, store, uses, warn: options.warnNode, options: options.gc })
  return {
    ensure: createEnsure({ ...options, pulls, uses, unsuitable, credentialsFile: options.credentialsFile }),
    get list() {
      return store.images
    },
    get unsuitable() {
      return unsuitable.names
    },
    onChange: handler => void handlers.add(handler),
    keyringVersion: pod => keyringVersion(pod, secrets),
    collect: gc.collect,
    removeUnused: gc.removeUnused,
    stopped: Promise.all([store.stopped, gc.stopped]).then(() => uses.saved),
  }
}

/** Another image may have come under the name of one that did not run here. */
async function recheck(unsuitable: Unsuitable, docker: Docker): Promise<void> {
  const emulated = await emulatedArchitectures()
  for (const name of unsuitable.names) {
    const found = await docker.inspectImage(name)
    if (found && runsOn(found, docker.engine, emulated)) unsuitable.remove(name)
  }
}
