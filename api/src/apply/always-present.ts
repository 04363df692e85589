/**
 * Objects and lists that every object of Kubernetes has, empty or not, because they are structs and not pointers in its Go types.
 * Nobody brings them into being, so nobody owns them as such: `f:spec` has no `.`, while `f:labels` has one.
 */
import type { Node } from './values.ts'

/** Of a kind that Kubernetes has in Go; objects of kinds that users define have only what they were given, and no component. */
const WHOLE = ['metadata', 'spec', 'status']

const BY_COMPONENT: Readonly<Record<string, readonly string[]>> = {
  Container: ['resources'],
  ContainerStatus: ['lastState', 'state'],
  DaemonSetSpec: ['template', 'updateStrategy'],
  DeploymentSpec: ['strategy', 'template'],
  CronJobSpec: ['jobTemplate'],
  Endpoint: ['addresses', 'conditions'],
  EphemeralContainer: ['resources'],
  IngressStatus: ['loadBalancer'],
  JobSpec: ['template'],
  JobTemplateSpec: ['metadata', 'spec'],
  NodeStatus: ['daemonEndpoints', 'nodeInfo'],
  NodeDaemonEndpoints: ['kubeletEndpoint'],
  PersistentVolumeClaimSpec: ['resources'],
  PersistentVolumeClaimTemplate: ['metadata', 'spec'],
  PodSpec: ['containers'],
  PodTemplate: ['metadata', 'template'],
  PodTemplateSpec: ['metadata', 'spec'],
  ReplicaSetSpec: ['template'],
  ResourceClaimTemplateSpec: ['metadata', 'spec'],
  ServiceStatus: ['loadBalancer'],
  StatefulSetSpec: ['template', 'updateStrategy'],
}

/** Whether the field of an object that `node` describes is there even when nobody gave it. */
export function isAlwaysPresent(node: Node, name: string, isKind: boolean): boolean {
  if (node?.type !== 'object' || node.component === undefined) return false
  const known = Object.hasOwn(BY_COMPONENT, node.component) ? BY_COMPONENT[node.component] : isKind ? WHOLE : undefined
  return known?.includes(name) ?? false
}
