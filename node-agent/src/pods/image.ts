/** Getting a container's image, by its pull policy. */
import type { Clock, Container, Pod } from '@davit/api'
import type { Docker, ImageInfo, RegistryAuth } from '../docker/index.ts'
import type { ObjectSource } from '../volumes/index.ts'
import type { Events } from './events.ts'
import { createLimit } from './limit.ts'
import { StartFailure } from './start-failure.ts'

const PULLS_AT_ONCE = 3
const REFERENCE =
  /^(?:(?:localhost|[\w-]+(?:\.[\w-]+)+|[\w-]+(?=:))(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[a-f0-9]{32,})?$/

/** With `:latest` where neither tag nor digest is given; throws InvalidImageName. */
export function normalizeImage(image: string): string {
  if (!REFERENCE.test(image) && !/^sha256:[a-f0-9]{64}$/.test(image)) {
    const why = `couldn't parse image name "${image}": invalid reference format`
    throw new StartFailure('InvalidImageName', `Failed to apply default image tag "${image}": ${why}`)
  }
  const last = image.slice(image.lastIndexOf('/') + 1)
  return last.includes(':') || image.includes('@') ? image : `${image}:latest`
}

/** What a container is given when it does not say. */
export function pullPolicy({ image = '', imagePullPolicy }: Container): 'Always' | 'IfNotPresent' | 'Never' {
  return imagePullPolicy ?? (normalizeImage(image).endsWith(':latest') ? 'Always' : 'IfNotPresent')
}

export type EnsureImage = (pod: Pod, container: Container, signal: AbortSignal) => Promise<ImageInfo>

/** Makes sure of an image, telling the pod's events; throws a StartFailure. Pulls of the same image are one. */
export function createImages({
  docker,
  objects,
  events,
  clock,
  signal: agentSignal,
}: {
  docker: Docker
  objects: ObjectSource
  events: Events
  clock: Clock
  signal: AbortSignal
}): EnsureImage {
  const limit = createLimit(PULLS_AT_ONCE)
  const pulling = new Map<string, Promise<void>>()

  // A pod that is stopped meanwhile ends its own waiting and nobody else's.
  const pull = (reference: string, auth: RegistryAuth | undefined) => {
    const key = `${reference} ${JSON.stringify(auth)}`
    const running = pulling.get(key)
    if (running) return running
    const started = limit(() => docker.pullImage(reference, { signal: agentSignal, ...(auth && { auth }) })).finally(() =>
      pulling.delete(key),
    )
    pulling.set(key, started)
    return started
  }

  return async (pod, container, signal) => {
    const { image = '' } = container
    const reference = checkedReference(pod, image, events)
    const policy = pullPolicy(container)
    const present = await docker.inspectImage(reference)
    if (policy === 'Never' && !present) {
      const message = `Container image "${image}" is not present with pull policy of Never`
      events.warning(pod, 'ErrImageNeverPull', message)
      throw new StartFailure('ErrImageNeverPull', message)
    }
    if (present && policy !== 'Always') {
      events.normal(pod, 'Pulled', `Container image "${image}" already present on machine`)
      return present
    }
    if (present && present.digests.length === 0) {
      events.normal(pod, 'Pulled', `Container image "${image}" was loaded on this machine and never pulled: using it as it is`)
      return present
    }
    events.normal(pod, 'Pulling', `Pulling image "${image}"`)
    const since = clock.monotonic()
    try {
      await whileWanted(pull(reference, await authFor(pod, reference, objects)), signal)
    } catch (err) {
      signal.throwIfAborted()
      const why = err instanceof Error ? err.message : String(err)
      events.warning(pod, 'Failed', `Failed to pull image "${image}": ${why}`)
      throw new StartFailure('ErrImagePull', why, { cause: err })
    }
    const pulled = await docker.inspectImage(reference)
    if (!pulled) throw new StartFailure('ErrImagePull', `image "${image}" is not there after it was pulled`)
    const took = `${((clock.monotonic() - since) / 1000).toFixed(3)}s`
    events.normal(
      pod,
      'Pulled',
      `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${pulled.sizeBytes} bytes.`,
    )
    return pulled
  }
}

function whileWanted<R>(work: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

function checkedReference(pod: Pod, image: string, events: Events): string {
  try {
    return normalizeImage(image)
  } catch (err) {
    if (err instanceof StartFailure) events.warning(pod, 'InspectFailed', err.message)
    throw err
  }
}

/** Credentials of the first imagePullSecret that knows the image's registry. */
async function authFor(pod: Pod, reference: string, objects: ObjectSource): Promise<RegistryAuth | undefined> {
  const registry = registryOf(reference)
  for (const { name = '' } of pod.spec.imagePullSecrets ?? []) {
    const secret = await objects.secret(pod.metadata.namespace ?? 'default', name).catch(() => undefined)
    const encoded = secret?.data?.['.dockerconfigjson']
    if (!encoded) continue
    const auth = readAuth(Buffer.from(encoded, 'base64').toString(), registry)
    if (auth) return auth
  }
  return undefined
}

/** Host of a reference; Docker Hub's when it names none. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/')
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io'
}

function readAuth(text: string, registry: string): RegistryAuth | undefined {
  let auths: Record<string, { username?: string; password?: string; auth?: string; identitytoken?: string }>
  try {
    auths = (JSON.parse(text) as { auths?: typeof auths }).auths ?? {}
  } catch {
    return undefined
  }
  for (const [address, entry] of Object.entries(auths)) {
    const host = address.replace(/^https?:\/\//, '').split('/')[0]
    if (host !== registry && !(registry === 'docker.io' && host === 'index.docker.io')) continue
    const [username = '', ...password] = Buffer.from(entry.auth ?? '', 'base64')
      .toString()
      .split(':')
    if (entry.identitytoken) return { serveraddress: address, identitytoken: entry.identitytoken }
    return { serveraddress: address, username: entry.username ?? username, password: entry.password ?? password.join(':') }
  }
  return undefined
}
