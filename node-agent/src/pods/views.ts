/** What other rooms (streams, stats, the proxy) may ask about this node's pods. */
import type { Pod } from '@davit/api'
import type { ContainerInfo, ContainerStore } from '../docker/index.ts'
import { anchorOf } from './plan.ts'
import type { PodRuntime } from './runtime.ts'

export interface PodView {
  readonly uid: string
  readonly pod: Pod
  /** Undefined before one is given, and with hostNetwork. */
  readonly address: string | undefined
  readonly containers: readonly ContainerInfo[]
}

export interface PodViews {
  /** The Docker container that stands for a pod's container: the newest attempt, or the one before when `previous`. */
  findContainer(target: { podUid: string; container: string; previous?: boolean }): { id: string; running: boolean } | undefined
  /** A process on the host that lives in the pod's network namespace; undefined when nothing runs. */
  networkPid(podUid: string): number | undefined
  findPod(target: { podUid: string } | { namespace: string; name: string }): PodView | undefined
  /** Pods of which something runs now. */
  runningPods(): PodView[]
  /** All that this agent has to do with, each with its status as last computed here. */
  allPods(): Pod[]
}

export interface ViewSources {
  runtimes: ReadonlyMap<string, PodRuntime>
  containers: ContainerStore
  /** A static pod's uid, given its mirror's: others know only that. */
  ownUid: (uid: string) => string
}

export function podViews({ runtimes, containers, ownUid }: ViewSources): PodViews {
  const view = (runtime: PodRuntime): PodView => ({
    uid: runtime.uid,
    pod: runtime.shown ?? runtime.pod,
    address: runtime.pod.spec.hostNetwork ? undefined : runtime.checkpoint.address,
    containers: containers.ofPod(runtime.uid),
  })
  return {
    findContainer({ podUid, container, previous = false }) {
      const attempts = containers.ofPod(ownUid(podUid)).filter(info => info.container === container && info.state !== 'created')
      const found = previous ? attempts.at(-2) : attempts.at(-1)
      return found && { id: found.id, running: found.state === 'running' }
    },
    networkPid(podUid) {
      const present = containers.ofPod(ownUid(podUid))
      return (anchorOf(present) ?? present.find(({ state }) => state === 'running'))?.pid
    },
    findPod(target) {
      if ('podUid' in target) {
        const runtime = runtimes.get(ownUid(target.podUid))
        return runtime && view(runtime)
      }
      const found = [...runtimes.values()].filter(
        ({ pod }) => pod.metadata.namespace === target.namespace && pod.metadata.name === target.name,
      )
      // A pod of that name may still be on its way out beside its successor.
      const runtime = found.find(({ shown }) => shown !== undefined) ?? found[0]
      return runtime && view(runtime)
    },
    allPods: () => [...runtimes.values()].map(({ pod, checkpoint: { status } }) => (status ? { ...pod, status } : pod)),
    runningPods: () =>
      [...runtimes.values()].map(view).filter(({ containers: present }) => present.some(({ state }) => state === 'running')),
  }
}
