/** Getting a container's image, by its pull policy. */
import type { Clock, Container, Logger, Pod } from '@davit/api'
import type { Docker, ImageInfo, RegistryAuth } from '../docker/index.ts'
import { emulatedArchitectures, platformOf, runsOn, type Unsuitable } from './architecture.ts'
import { ImageFailure } from './failure.ts'
import { keyringOf, type SecretSource } from './keyring.ts'
import { formatProgress, type Progress } from './progress.ts'
import { pullError } from './pull-error.ts'
import type { Pulls } from './pulls.ts'
import { type ImageName, pullPolicy, readImageName } from './reference.ts'
import type { ImageUses } from './uses.ts'

/** The part of a pod's events that this room uses. */
export interface PodEvents {
  normal(pod: Pod, reason: string, message: string): void
  warning(pod: Pod, reason: string, message: string): void
}

export interface EnsureOptions {
  docker: Docker
  pulls: Pulls
  uses: ImageUses
  unsuitable: Unsuitable
  secrets: SecretSource
  credentialsFile: string | undefined
  events: PodEvents
  clock: Clock
  log: Logger
}

/** Makes sure of an image, telling the pod's events. Throws an ImageFailure, the signal's reason, or what may be tried again at once. */
export type EnsureImage = (pod: Pod, container: Container, signal: AbortSignal) => Promise<ImageInfo>

/** Somebody may remove the image the moment it is there. */
const PULLS_MAX = 3
/** When a long pull is told of, after its beginning; later ones follow at the last distance. Bounded, for events are. */
const TELL_AFTER_MS = [10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000]

interface Wanted {
  pod: Pod
  image: string
  name: ImageName
  signal: AbortSignal
}

export function createEnsure(options: EnsureOptions): EnsureImage {
  const { docker, events, uses, unsuitable } = options
  const ensure = async (wanted: Wanted, policy: ReturnType<typeof pullPolicy>): Promise<ImageInfo> => {
    const { pod, image, name, signal } = wanted
    const present = await docker.inspectImage(name.docker)
    if (policy === 'Never' && !present) {
      const message = `Container image "${image}" is not present with pull policy of Never`
      events.warning(pod, 'ErrImageNeverPull', message)
      throw new ImageFailure('ErrImageNeverPull', message)
    }
    const wrong = present && (await whyNotHere(image, present, docker))
    // What no registry gave cannot be asked of one. One for another machine is pulled again if that may bring the right one.
    const isLocal = present && (present.digests.length === 0 || name.id !== undefined)
    if (present && !wrong && policy !== 'Always') {
      events.normal(pod, 'Pulled', `Container image "${image}" already present on machine`)
      return present
    }
    if (present && !wrong && isLocal) {
      events.normal(pod, 'Pulled', `Container image "${image}" was loaded on this machine and never pulled: using it as it is`)
      return present
    }
    if (wrong && (isLocal || policy === 'Never')) throw refused(wanted, wrong, options)
    if (name.id) throw new ImageFailure('ErrImagePull', `image id "${image}" is not on this node, and no registry can be asked for an id`)
    for (let pull = 1; pull <= PULLS_MAX; pull++) {
      const pulled = await pullNow(wanted, options)
      signal.throwIfAborted()
      if (!pulled) continue
      const mismatch = await whyNotHere(image, pulled, docker)
      if (mismatch) throw refused(wanted, mismatch, options)
      return pulled
    }
    // Not the registry's fault: tried again soon, and not with an image's long back-off.
    throw new Error(`image "${image}" is not there after it was pulled: something on this machine removes it`)
  }

  return async (pod, container, signal) => {
    const { image = '' } = container
    const name = checked(pod, image, events)
    const ready = await ensure({ pod, image, name, signal }, pullPolicy(container))
    uses.used(ready.id)
    unsuitable.remove(image)
    return ready
  }
}

function checked(pod: Pod, image: string, events: PodEvents): ImageName {
  try {
    return readImageName(image)
  } catch (err) {
    if (err instanceof ImageFailure) events.warning(pod, 'InspectFailed', err.message)
    throw err
  }
}

async function whyNotHere(image: string, found: ImageInfo, { engine }: Pick<Docker, 'engine'>): Promise<string | undefined> {
  if (runsOn(found, engine) || runsOn(found, engine, await emulatedArchitectures())) return undefined
  const here = platformOf({ os: engine.operatingSystem, architecture: engine.architecture })
  return `image "${image}" is for ${platformOf(found)} and cannot run on this node, which is ${here}`
}

function refused({ pod, image }: Wanted, why: string, { events, unsuitable }: EnsureOptions): ImageFailure {
  events.warning(pod, 'InspectFailed', why)
  unsuitable.add(image)
  return new ImageFailure('ErrImageArchitecture', why)
}

/** Undefined when it is gone again. */
async function pullNow(wanted: Wanted, options: EnsureOptions): Promise<ImageInfo | undefined> {
  const { pod, image, name, signal } = wanted
  const { docker, events, clock, unsuitable } = options
  const { credentials, missing } = await keyringOf(pod, name, options)
  if (missing.length > 0) {
    const names = missing.join(', ')
    const message = `Unable to retrieve some image pull secrets (${names}); attempting to pull the image may not succeed.`
    events.warning(pod, 'FailedToRetrieveImagePullSecret', message)
  }
  events.normal(pod, 'Pulling', `Pulling image "${image}"`)
  const since = clock.monotonic()
  let tookMs: number
  try {
    tookMs = await tryEach(wanted, credentials, options)
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof ImageFailure)) throw err
    events.warning(pod, 'Failed', `Failed to pull image "${image}": ${err.message}`)
    if (err.reason === 'ErrImageArchitecture') unsuitable.add(image)
    throw err
  }
  const pulled = await docker.inspectImage(name.docker)
  if (!pulled) return undefined
  const [took, all] = [formatTook(tookMs), formatTook(clock.monotonic() - since)]
  const message = `Successfully pulled image "${image}" in ${took} (${all} including waiting). Image size: ${pulled.sizeBytes} bytes.`
  events.normal(pod, 'Pulled', message)
  return pulled
}

/** Credentials in their order until one works; what all of them were told when none does. */
async function tryEach(
  { pod, image, name, signal }: Wanted,
  credentials: readonly RegistryAuth[],
  options: EnsureOptions,
): Promise<number> {
  const { docker, pulls, events, clock } = options
  const platform = platformOf({ os: docker.engine.operatingSystem, architecture: docker.engine.architecture })
  const failures = new Map<string, ImageFailure>()
  let progress: (() => Progress) | undefined
  const over = new AbortController()
  const telling = tellProgress(
    () => {
      if (progress) events.normal(pod, 'Pulling', `Pulling image "${image}": ${formatProgress(progress())}`)
    },
    { clock, signal: AbortSignal.any([signal, over.signal]) },
  )
  try {
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        const onStart = (shown: () => Progress) => {
          progress = shown
        }
        const { tookMs } = await pulls.pull(name.docker, auth, { signal, onStart })
        return tookMs
      } catch (err) {
        signal.throwIfAborted()
        const { reason, message } = pullError(err instanceof Error ? err.message : String(err), { image, platform })
        failures.set(message, new ImageFailure(reason, message, { cause: err }))
        // Another login does not bring a registry back that does not answer.
        if (reason !== 'ErrImagePull') break
      }
    }
  } finally {
    over.abort()
    await telling
  }
  const all = [...failures.values()]
  const [only] = all
  if (only && all.length === 1) throw only
  throw new ImageFailure(all.at(-1)?.reason ?? 'ErrImagePull', `[${all.map(({ message }) => message).join(', ')}]`)
}

/** Calls `tell` at those times until the signal aborts; resolves then, or after the last. */
export async function tellProgress(tell: () => void, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> {
  let before = 0
  for (const afterMs of TELL_AFTER_MS) {
    const isOver = await clock.sleep(afterMs - before, signal).then(
      () => false,
      () => true,
    )
    if (isOver) return
    before = afterMs
    tell()
  }
}

/** As Go prints a duration cut to milliseconds: `532ms`, `1.204s`, `1m2.5s`. */
export function formatTook(ms: number): string {
  const whole = Math.trunc(ms)
  if (whole < 1_000) return `${whole}ms`
  const minutes = Math.floor(whole / 60_000)
  const seconds = `${(whole % 60_000) / 1_000}s`
  return minutes === 0 ? seconds : minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}
