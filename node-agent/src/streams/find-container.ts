/** Which of Docker's containers a request means, or in Kubernetes' words why there is none. */
import { badRequest } from '@davit/api'
import { type ContainerInfo, SANDBOX } from '../docker/index.ts'

/** The containers of this node's pods; `ContainerStore` is one. */
export interface PodContainers {
  /** All attempts of the pod's containers, sandbox included, oldest first. */
  ofPod(podUid: string): readonly ContainerInfo[]
  /** Why the pod's container is not running yet, such as `ImagePullBackOff`; left out: `ContainerCreating`. */
  waitingReason?(podUid: string, container: string): string | undefined
}

/** The container of a pod as a request names it. */
export interface ContainerName {
  readonly podName: string
  readonly podUid: string
  readonly container: string
}

const WAITING: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
}

/** The attempt whose log is asked for: the newest that ever ran, or the one before it. Throws BadRequest. */
export function findForLog(containers: PodContainers, { podName, podUid, container }: ContainerName, previous: boolean): ContainerInfo {
  const attempts = containers.ofPod(podUid).filter(info => info.container === container && info.startedAt !== undefined)
  const what = `container ${JSON.stringify(container)} in pod ${JSON.stringify(podName)}`
  if (previous) {
    // While a crashed container waits for its next attempt, that crash is what came before.
    const waits = attempts.at(-1)?.state === 'exited' && containers.waitingReason?.(podUid, container) !== undefined
    const found = attempts.at(waits ? -1 : -2)
    if (!found) throw badRequest(`previous terminated ${what} not found`)
    return found
  }
  const found = attempts.at(-1)
  if (found) return found
  const reason = containers.waitingReason?.(podUid, container) ?? 'ContainerCreating'
  throw badRequest(`${what} is waiting to start: ${WAITING[reason] ?? reason}`)
}

/** The running attempt. Throws BadRequest. */
export function findRunning(containers: PodContainers, { podUid, container }: ContainerName): ContainerInfo {
  const found = containers.ofPod(podUid).findLast(info => info.container === container && info.state === 'running')
  if (!found) throw badRequest(`unable to upgrade connection: container not found (${JSON.stringify(container)})`)
  return found
}

/** A process inside the pod's network namespace, as the host sees it; undefined when nothing of the pod runs. */
export function pidInNetwork(containers: PodContainers, podUid: string): number | undefined {
  const running = containers.ofPod(podUid).filter(({ state, pid }) => state === 'running' && pid > 1)
  return (running.find(({ container }) => container === SANDBOX) ?? running.at(-1))?.pid
}
