/** Starting sandboxes and containers: everything between the plan's decision and a running process. */
import type { Container, EphemeralContainer } from '@davit/api'
import { type ContainerInfo, type CreateBody, isDockerAway, isDockerCode, SANDBOX } from '../docker/index.ts'
import { failpoint } from '../failpoints/index.ts'
import { ImageFailure } from '../images/index.ts'
import type { PodPlace } from '../volumes/index.ts'
import { type ContainerPlace, containerBody, sandboxBody } from './container-spec.ts'
import { containerName, specContainer } from './containers.ts'
import type { Deps } from './deps.ts'
import { ConfigError, containerEnv, type EnvContext, envSources, expand } from './env.ts'
import { runHook } from './hooks.ts'
import { hostPortsOf } from './host-ports.ts'
import type { Network } from './plan.ts'
import { withAllocated } from './resize.ts'
import type { PodRuntime } from './runtime.ts'
import { messageOf, StartFailure } from './start-failure.ts'
import { stopContainer } from './stop.ts'

const HOOK_MS_MAX = 600_000
/** Failures of a start that are the node's and not the container's: it is made anew and no attempt is used up. */
const NODE_FAILURES =
  /address already in use|network \S+ not found|no such network|endpoint with name|cannot join network|no such container|no such image|could not find an available/i

/** Gives the pod its address, directories and volumes. */
export async function preparePod(runtime: PodRuntime, deps: Deps): Promise<void> {
  const { pod, checkpoint, uid } = runtime
  try {
    if (!pod.spec.hostNetwork) {
      if (checkpoint.address) deps.network.adopt(uid, checkpoint.address)
      else checkpoint.address = deps.network.allocate(uid)
      await failpoint('pods.start.address-allocated')
      // Before anything runs on it: another pod must never be given the same after a crash.
      await deps.checkpoints.save(checkpoint)
      await failpoint('pods.start.checkpoint-saved')
    }
    await claimPorts(runtime, deps)
  } catch (err) {
    deps.events.warning(pod, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(err)}`)
    throw err
  }
  try {
    await deps.volumes.prepare(pod, volumePlace(runtime, deps))
    await failpoint('pods.start.volumes-made')
  } catch (err) {
    deps.events.warning(pod, 'FailedMount', messageOf(err))
    throw err
  }
  runtime.prepared = true
}

/** Where the pod's volumes lie, and what they are made with. */
export function volumePlace(runtime: PodRuntime, deps: Deps): PodPlace {
  const { pod, uid, signal } = runtime
  return {
    dir: deps.checkpoints.podDir(uid),
    context: runtime.downward(deps),
    async image(volume, { reference, pullPolicy }) {
      const policy = pullPolicy as Container['imagePullPolicy']
      const { id } = await deps.ensureImage(pod, { name: volume, image: reference, ...(policy && { imagePullPolicy: policy }) }, signal)
      return id
    },
  }
}

/** Keeps the node's ports the pod asks for; also for a pod that runs since before this agent. */
export async function claimPorts(runtime: PodRuntime, { hostPorts }: Pick<Deps, 'hostPorts'>): Promise<void> {
  const { pod, checkpoint, uid } = runtime
  if (runtime.hasPorts || !checkpoint.address) return
  const ports = hostPortsOf(pod, checkpoint.address)
  if (ports.length > 0) await hostPorts.claim(uid, ports)
  runtime.hasPorts = true
}

export async function startSandbox(runtime: PodRuntime, attempt: number, deps: Deps): Promise<void> {
  const { pod, checkpoint } = runtime
  const address = checkpoint.address ?? ''
  try {
    await deps.docker.ensurePauseImage()
    const body = sandboxBody(pod, { attempt, address, node: deps.nodeFacts(), runtime: await dockerRuntime(runtime, deps) })
    await deps.startLimit(() => createAndStart(containerName(pod, SANDBOX, attempt), body, { runtime, deps }))
  } catch (err) {
    if (!isDockerAway(err)) deps.events.warning(pod, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(err)}`)
    throw err
  }
}

/** Remembered, as a class never changes and a start must not wait for the API. Undefined for Docker's own choice. */
async function dockerRuntime({ pod, checkpoint }: PodRuntime, deps: Deps): Promise<string | undefined> {
  const { runtimeClassName } = pod.spec
  if (!runtimeClassName) return undefined
  try {
    checkpoint.dockerRuntime ??= await deps.runtimeHandler(runtimeClassName)
  } catch (err) {
    throw new StartFailure('ContainerCreating', `failed to get sandbox runtime: ${messageOf(err)}`, { cause: err })
  }
  return checkpoint.dockerRuntime
}

export async function startContainer(
  runtime: PodRuntime,
  { name, attempt, network }: { name: string; attempt: number; network: Network },
  deps: Deps,
): Promise<void> {
  const { pod } = runtime
  const spec = specContainer(withAllocated(pod, runtime.checkpoint.allocated), name)?.spec
  if (!spec) return
  try {
    const info = await createContainer(runtime, spec, { attempt, network, deps })
    const { postStart } = spec.lifecycle ?? {}
    if (postStart && info) await afterStart(runtime, spec, { info, deps })
  } catch (err) {
    const isTold = err instanceof ImageFailure || (err instanceof StartFailure && err.reason !== 'ContainerCreating')
    if (isTold && !runtime.signal.aborted)
      deps.events.warning(pod, 'Failed', `Error: ${err instanceof ImageFailure ? err.reason : err.message}`)
    throw err
  }
}

async function createContainer(
  runtime: PodRuntime,
  spec: Container,
  { attempt, network, deps }: { attempt: number; network: Network; deps: Deps },
): Promise<ContainerInfo | undefined> {
  const { signal, checkpoint } = runtime
  const pod = withAllocated(runtime.pod, checkpoint.allocated)
  const image = await deps.ensureImage(pod, spec, signal)
  await failpoint('pods.start.image-there')
  signal.throwIfAborted()
  const place = await gather(runtime, spec, { attempt, deps })
  const target = targetOf(runtime, spec, deps)
  const runtimeName = await dockerRuntime(runtime, deps).catch((err: unknown) => {
    deps.events.warning(pod, 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(err)}`)
    throw err
  })
  const devices = checkpoint.devices?.[spec.name]
  const body = asConfigFailure(() =>
    containerBody(pod, spec, {
      node: deps.nodeFacts(),
      place: {
        ...place,
        attempt,
        network,
        image: image.id,
        imageUser: image.user,
        address: checkpoint.address,
        ...(target && { targetId: target }),
        ...(runtimeName && { runtime: runtimeName }),
        ...(devices && { devices }),
      },
    }),
  )
  return deps.startLimit(async () => {
    signal.throwIfAborted()
    return createAndStart(containerName(pod, spec.name, attempt), body, { runtime, deps, container: spec.name })
  })
}

/** Environment and mounts; what is missing makes the container wait. */
async function gather(
  runtime: PodRuntime,
  spec: Container,
  { attempt, deps }: { attempt: number; deps: Deps },
): Promise<Pick<ContainerPlace, 'env' | 'mounts' | 'volumeDevices'>> {
  const { uid } = runtime
  const pod = withAllocated(runtime.pod, runtime.checkpoint.allocated)
  const context = runtime.downward(deps)
  try {
    const env = containerEnv(pod, spec, {
      ...(await objectsFor(runtime, spec, deps)),
      downward: context,
      services: deps.services(pod.metadata.namespace ?? 'default'),
    })
    const dir = deps.checkpoints.podDir(uid)
    const mounts = await deps.volumes.mountsOf(spec, { dir, context, attempt, expand: text => expandWhole(text, env) })
    return { env, mounts, volumeDevices: deps.volumes.devicesOf(spec, { dir }) }
  } catch (err) {
    throw new StartFailure('CreateContainerConfigError', messageOf(err), { cause: err })
  }
}

/** For a subPathExpr, where every variable must have a value. */
function expandWhole(text: string, env: ReadonlyMap<string, string>): string {
  const missing = new Set<string>()
  const expanded = expand(text, name => {
    if (!env.get(name)) missing.add(name)
    return env.get(name)
  })
  if (missing.size > 0) throw new Error(`missing value for ${[...missing].sort().join(', ')}`)
  return expanded
}

async function objectsFor({ pod }: PodRuntime, spec: Container, { objects }: Deps): Promise<Pick<EnvContext, 'configMaps' | 'secrets'>> {
  const names = envSources(spec)
  const namespace = pod.metadata.namespace ?? 'default'
  const found = async <T>(list: readonly string[], get: (namespace: string, name: string) => Promise<T | undefined>) => {
    const pairs = await Promise.all(list.map(async name => [name, await get(namespace, name)] as const))
    return new Map(pairs.flatMap(([name, object]) => (object ? [[name, object] as const] : [])))
  }
  return { configMaps: await found(names.configMaps, objects.configMap), secrets: await found(names.secrets, objects.secret) }
}

function asConfigFailure<R>(make: () => R): R {
  try {
    return make()
  } catch (err) {
    if (err instanceof ConfigError) throw new StartFailure('CreateContainerConfigError', err.message, { cause: err })
    throw err
  }
}

/** The running container whose processes an ephemeral container is to see. */
function targetOf(runtime: PodRuntime, spec: Container | EphemeralContainer, deps: Deps): string | undefined {
  const name = 'targetContainerName' in spec ? spec.targetContainerName : undefined
  if (!name) return undefined
  const found = deps.containers.ofPod(runtime.uid).findLast(({ container, state }) => container === name && state === 'running')
  if (!found) throw new StartFailure('CreateContainerConfigError', `unable to find target container "${name}"`)
  return found.id
}

/** Creates or adopts the container of that name and starts it. A start that the container itself failed resolves: it has ended. */
async function createAndStart(
  name: string,
  body: CreateBody,
  { runtime, deps, container }: { runtime: PodRuntime; deps: Deps; container?: string },
): Promise<ContainerInfo | undefined> {
  const { docker, containers, events, network } = deps
  const { pod, checkpoint } = runtime
  const id = await createOrAdopt(name, body, { runtime, deps })
  await failpoint(container ? 'pods.start.container-created' : 'pods.start.sandbox-created')
  const adopted = containers.get(id)
  if (adopted?.state === 'running' || adopted?.startedAt !== undefined) return adopted
  if (container) events.normal(pod, 'Created', `Created container: ${container}`)
  let info: ContainerInfo | undefined
  try {
    info = await containers.start(id)
    await failpoint(container ? 'pods.start.container-started' : 'pods.start.sandbox-started')
  } catch (err) {
    if (isDockerAway(err)) throw err
    const message = messageOf(err)
    if (!container || NODE_FAILURES.test(message)) {
      await docker.removeContainer(id)
      await containers.refresh(id)
      if (/address already in use/i.test(message) && checkpoint.address) await network.freeStaleEndpoint(checkpoint.address)
      throw new StartFailure('ContainerCreating', message, { cause: err })
    }
    events.warning(pod, 'Failed', `Error: failed to start container "${container}": Error response from daemon: ${message}`)
    return containers.refresh(id)
  }
  if (container) events.normal(pod, 'Started', `Started container ${container}`)
  if (info && body.NetworkingConfig && info.state === 'running') network.attached(checkpoint.address ?? '', info.macAddress)
  return info
}

async function createOrAdopt(name: string, body: CreateBody, { runtime, deps }: { runtime: PodRuntime; deps: Deps }): Promise<string> {
  const { docker, containers } = deps
  const create = async () => {
    try {
      return await docker.createContainer(name, body)
    } catch (err) {
      if (isDockerCode(err, 409) || isDockerAway(err)) throw err
      throw new StartFailure(NODE_FAILURES.test(messageOf(err)) ? 'ContainerCreating' : 'CreateContainerError', messageOf(err), {
        cause: err,
      })
    }
  }
  try {
    return await create()
  } catch (err) {
    if (!isDockerCode(err, 409)) throw err
    const found = await containers.refresh((await docker.inspectContainer(name))?.id ?? name)
    if (found && found.podUid !== runtime.uid) {
      throw new StartFailure(
        'CreateContainerError',
        `The container name "${name}" is in use by container ${found.id}, which is not this pod's`,
      )
    }
    // Ours from a start whose answer was lost, or from before a crash. One that never ran may hold on to what has changed since.
    if (found?.startedAt !== undefined) return found.id
    if (found) {
      await docker.removeContainer(found.id)
      await containers.refresh(found.id)
    }
    return create()
  }
}

/** The postStart hook; when it fails the container is stopped, as in Kubernetes. */
async function afterStart(runtime: PodRuntime, spec: Container, { info, deps }: { info: ContainerInfo; deps: Deps }): Promise<void> {
  const { docker, events, clock } = deps
  const address = runtime.downward(deps).podIp
  try {
    await runHook(spec.lifecycle?.postStart ?? {}, {
      docker,
      clock,
      id: info.id,
      container: spec,
      address,
      timeoutMs: HOOK_MS_MAX,
      signal: runtime.signal,
    })
    await failpoint('pods.start.post-start-done')
  } catch (err) {
    if (runtime.signal.aborted) return
    events.warning(runtime.pod, 'FailedPostStartHook', `PostStartHook failed: ${messageOf(err)}`)
    await stopContainer(runtime, { id: info.id, why: 'FailedPostStartHook' }, { deps, signal: runtime.signal })
  }
}
