import type { Node } from '@davit/api'
import type { Peer } from './routes.ts'

/** All nodes but `nodeName` that have an address and a range for pods; in the order of their names. */
export function peersOf(nodes: Iterable<Node>, nodeName: string): Peer[] {
  const peers: Peer[] = []
  for (const { metadata, spec, status } of nodes) {
    const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
    if (metadata.name === undefined || metadata.name === nodeName || address === undefined || !spec?.podCIDR) continue
    peers.push({ name: metadata.name, address, podCidr: spec.podCIDR })
  }
  return peers.sort((a, b) => (a.name < b.name ? -1 : 1))
}
