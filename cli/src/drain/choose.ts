/** Which pods of a node may go, and why others may not. */
import { controllerOf, isPodFinished, type Pod } from '@davit/api'

export interface ChooseOptions {
  ignoreDaemonSets: boolean
  deleteEmptyDirData: boolean
  force: boolean
}

export interface Choice {
  readonly evict: readonly Pod[]
  /** What to tell the user about pods that go or stay all the same, in kubectl's words. */
  readonly warnings: readonly string[]
  /** Why the node cannot be drained; empty when it can. */
  readonly errors: readonly string[]
}

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'
const KINDS_THAT_RESTART = ['ReplicationController', 'ReplicaSet', 'Job', 'StatefulSet']

const TEXTS = {
  daemonSet: {
    warning: 'ignoring DaemonSet-managed Pods',
    error: 'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)',
  },
  localStorage: {
    warning: 'deleting Pods with local storage',
    error: 'cannot delete Pods with local storage (use --delete-emptydir-data to override)',
  },
  unmanaged: {
    warning: 'deleting Pods that declare no controller',
    error: 'cannot delete Pods that declare no controller (use --force to override)',
  },
} as const

type Trouble = keyof typeof TEXTS

/** Decides for all pods of a node. */
export function choosePods(pods: readonly Pod[], options: ChooseOptions): Choice {
  const evict: Pod[] = []
  const warned = new Map<Trouble, string[]>()
  const refused = new Map<Trouble, string[]>()
  for (const pod of pods) {
    if (pod.metadata.annotations?.[MIRROR_ANNOTATION]) continue
    const troubles = isPodFinished(pod) ? [] : troublesOf(pod)
    const isDaemon = troubles.includes('daemonSet')
    let isRefused = false
    for (const trouble of troubles) {
      const allowed = { daemonSet: options.ignoreDaemonSets, localStorage: options.deleteEmptyDirData, unmanaged: options.force }[trouble]
      if (!allowed) isRefused = true
      const list = allowed ? warned : refused
      list.set(trouble, [...(list.get(trouble) ?? []), `${pod.metadata.namespace}/${pod.metadata.name}`])
    }
    if (!isDaemon && !isRefused) evict.push(pod)
  }
  const texts = (lists: ReadonlyMap<Trouble, string[]>, which: 'warning' | 'error') =>
    [...lists].map(([trouble, names]) => `${TEXTS[trouble][which]}: ${names.join(', ')}`)
  return { evict, warnings: texts(warned, 'warning'), errors: texts(refused, 'error') }
}

function troublesOf(pod: Pod): Trouble[] {
  const controller = controllerOf(pod)
  if (controller?.kind === 'DaemonSet') return ['daemonSet']
  const troubles: Trouble[] = []
  if (pod.spec.volumes?.some(({ emptyDir }) => emptyDir)) troubles.push('localStorage')
  if (!controller || !KINDS_THAT_RESTART.includes(controller.kind)) troubles.push('unmanaged')
  return troubles
}
