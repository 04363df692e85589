import type { Informer, KubernetesObject } from '@davit/api'
import type { Peer } from './routes.ts'

/** What the network reads of a Node. */
export interface NodeObject extends KubernetesObject {
  spec?: { podCIDR?: string | undefined } | undefined
  status?: { addresses?: readonly { type: string; address: string }[] | undefined } | undefined
}

/** All nodes but `nodeName` that have an address and a range for pods; in the order of their names. */
export function peersOf(nodes: Iterable<NodeObject>, nodeName: string): Peer[] {
  const peers: Peer[] = []
  for (const { metadata, spec, status } of nodes) {
    const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
    if (metadata.name === undefined || metadata.name === nodeName || address === undefined || !spec?.podCIDR) continue
    peers.push({ name: metadata.name, address, podCidr: spec.podCIDR })
  }
  return peers.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export type NodeInformer = Informer<NodeObject>
