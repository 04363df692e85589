/** Which mirrors the API should have: pure. */
import { isMirrorPod, type Node, type Pod, STATIC_PODS } from '@davit/api'

export type Action = { kind: 'create'; pod: Pod } | { kind: 'delete'; pod: Pod }

/**
 * Each static pod has one mirror, made again when somebody deletes it; others go. `shown`: the pods of this node as the API has them.
 * A mirror to be replaced goes first: the next look makes the other. None is made before the Node is there to which it belongs.
 */
export function planMirrors(statics: readonly Pod[], shown: readonly Pod[], node: Node | undefined): Action[] {
  const key = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`
  const present = new Map(shown.map(pod => [key(pod), pod]))
  const wanted = new Map(statics.map(pod => [key(pod), pod]))
  const actions: Action[] = []
  for (const pod of shown) {
    if (!isMirrorPod(pod)) continue
    const isRight = wanted.get(key(pod))?.metadata.uid === pod.metadata.annotations?.[STATIC_PODS.mirror]
    if (!isRight || pod.metadata.deletionTimestamp) actions.push({ kind: 'delete', pod })
  }
  if (!node?.metadata.uid) return actions
  for (const pod of statics) if (!present.has(key(pod))) actions.push({ kind: 'create', pod: mirrorOf(pod, node) })
  return actions
}

/** As Kubernetes' agents make it: the pod, marked, and gone with its Node. */
export function mirrorOf(pod: Pod, node: Node): Pod {
  const { uid = '', resourceVersion: _, ...metadata } = pod.metadata
  const owner = { apiVersion: 'v1', kind: 'Node', name: node.metadata.name ?? '', uid: node.metadata.uid ?? '', controller: true }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [STATIC_PODS.mirror]: uid },
      ownerReferences: [owner],
    },
    spec: pod.spec,
  }
}
