/** Which pod, container and node a stream is for; refusals in Kubernetes' words. */
import { badRequest, isPodFinished, type Pod } from '@davit/api'
import type { StreamCall } from '../http/index.ts'
import type { Registry } from '../registry/index.ts'

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

export interface Target {
  readonly pod: Pod
  /** Empty while the pod waits for a node. */
  readonly nodeName: string
  /** `<namespace>/<pod>/<uid>`, encoded for a path. */
  readonly path: string
}

/** Throws NotFound. */
export async function findTarget(registry: Registry, { user, namespace, name }: StreamCall, signal?: AbortSignal): Promise<Target> {
  const kind = registry.kinds.find('', 'v1', 'pods')
  if (!kind) throw new Error('Cannot find a pod: the registry does not serve "pods"')
  const { object } = await registry.get({ user, ...(signal && { signal }) }, kind, { namespace, name })
  const pod = object as Pod
  const path = [namespace, name, pod.metadata.uid ?? ''].map(encodeURIComponent).join('/')
  return { pod, path, nodeName: pod.spec.nodeName ?? '' }
}

/** Throws BadRequest unless the pod may have processes now. */
export function checkRunnable({ pod, nodeName }: Target, what: string): void {
  const name = pod.metadata.name ?? ''
  if (isPodFinished(pod)) throw badRequest(`cannot ${what} in a completed pod; current phase is ${pod.status?.phase}`)
  if (!nodeName) throw badRequest(`pod ${name} does not have a host assigned`)
}

/** The container asked for, or the only one, or the one its annotation names. Throws BadRequest. */
export function containerOf(pod: Pod, asked: string | null): string {
  const name = pod.metadata.name ?? ''
  const containers = (pod.spec.containers ?? []).map(container => container.name)
  const init = (pod.spec.initContainers ?? []).map(container => container.name)
  const ephemeral = (pod.spec.ephemeralContainers ?? []).map(container => container.name)
  if (asked) {
    if ([...containers, ...init, ...ephemeral].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  const annotated = pod.metadata.annotations?.[DEFAULT_CONTAINER]
  if (annotated && containers.includes(annotated)) return annotated
  const [only, ...others] = containers
  if (only === undefined) throw badRequest(`a container must be specified for pod ${name}`)
  if (others.length === 0) return only
  const orInit = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : ''
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]${orInit}`)
}
