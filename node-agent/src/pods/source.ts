/** The pods that are to run on this node: those of the API, and static ones of files, whose mirrors in the API only show them. */
import { type Informer, isMirrorPod, isStaticPod, type Pod, STATIC_PODS } from '@davit/api'

/** Pods of files. They are known before anything is started. */
export interface StaticPods {
  get(uid: string): Pod | undefined
  list(): readonly Pod[]
  /** Calls `handler` with the uid of each pod that came or went. */
  onChange(handler: (uid: string) => void): void
}

export const NO_STATIC_PODS: StaticPods = { get: () => undefined, list: () => [], onChange: () => {} }

export interface PodSource {
  /** The pod as it is wanted, with the status that the API shows of it. Never a mirror. */
  shown(uid: string): Pod | undefined
  /** Whose status in the API is this pod's: itself or, of a static pod, its mirror, once there is one. */
  reported(uid: string): Pod | undefined
  /** A static pod's uid, given its mirror's; others as they are. */
  ownUid(uid: string): string
  /** Nobody wants the pod any more. `hasApi`: all that the API has was listed. */
  isGone(pod: Pod, hasApi: boolean): boolean
  uids(): string[]
  /** Calls `handler` with the uid of each pod of which something changed; `deleted`: the API has it no more. */
  onChange(handler: (uid: string, deleted: boolean) => void): void
}

export function podSource(pods: Pick<Informer<Pod>, 'cache' | 'onChange'>, statics: StaticPods): PodSource {
  const ofApi = (uid: string) => pods.cache.byIndex('uid', uid)[0]
  const mirrorOf = (pod: Pod) => {
    const found = pods.cache.get(`${pod.metadata.namespace}/${pod.metadata.name}`)
    return found?.metadata.annotations?.[STATIC_PODS.mirror] === pod.metadata.uid ? found : undefined
  }
  const uidOf = ({ metadata }: Pod) => metadata.annotations?.[STATIC_PODS.mirror] ?? metadata.uid ?? ''
  return {
    shown(uid) {
      const own = statics.get(uid)
      if (own) {
        const status = mirrorOf(own)?.status
        return status ? { ...own, status } : own
      }
      const found = ofApi(uid)
      return found && !isMirrorPod(found) ? found : undefined
    },
    reported(uid) {
      const own = statics.get(uid)
      return own ? mirrorOf(own) : ofApi(uid)
    },
    ownUid(uid) {
      const found = ofApi(uid)
      return found ? uidOf(found) : uid
    },
    isGone: (pod, hasApi) =>
      isStaticPod(pod) ? statics.get(pod.metadata.uid ?? '') === undefined : hasApi && !ofApi(pod.metadata.uid ?? ''),
    uids: () => [...statics.list(), ...pods.cache.list()].map(uidOf),
    onChange(handler) {
      pods.onChange(({ type, object }) => handler(uidOf(object), type === 'deleted' && !isMirrorPod(object)))
      statics.onChange(uid => handler(uid, false))
    },
  }
}
