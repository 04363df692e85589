/** Where LoadBalancer Services are reached: at every node's address, as nodes forward their ports there. Pure. */
import { isNodeReady, type Node, type Service, TAINTS } from '@davit/api'

/** Addresses of the nodes that can take traffic now, in a stable order. */
export function loadBalancerAddresses(nodes: Iterable<Node>): string[] {
  const addresses: string[] = []
  for (const node of nodes) {
    const { metadata, spec, status } = node
    const isLost = spec?.taints?.some(taint => taint.key === TAINTS.unreachable)
    const isLeftOut = metadata.labels?.['node.kubernetes.io/exclude-from-external-load-balancers'] !== undefined
    const address =
      status?.addresses?.find(each => each.type === 'ExternalIP') ?? status?.addresses?.find(each => each.type === 'InternalIP')
    if (isNodeReady(node) && !isLost && !isLeftOut && address) addresses.push(address.address)
  }
  return addresses.sort()
}

/**
 * The Service that came first and serves one of the same ports: two cannot share a node's port. Services of a class of their own
 * are another's business.
 */
export function portHolder(service: Service, services: Iterable<Service>): Service | undefined {
  const ports = portsOf(service)
  for (const other of services) {
    if (other.metadata.uid === service.metadata.uid || !isOurs(other) || !(other.status?.loadBalancer?.ingress ?? []).length) continue
    if (portsOf(other).some(port => ports.includes(port))) return other
  }
  return undefined
}

/** A Service that nodes themselves balance. */
export function isOurs({ spec, metadata }: Service): boolean {
  return spec?.type === 'LoadBalancer' && !spec.loadBalancerClass && metadata.deletionTimestamp === undefined
}

function portsOf({ spec }: Service): string[] {
  return (spec?.ports ?? []).map(port => `${port.protocol ?? 'TCP'}/${port.port}`)
}
