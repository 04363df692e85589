/** The two kinds that keep a number of equal pods. They differ in how they say which pods are theirs, and in nothing else. */
import {
  type Kind,
  type KubernetesObject,
  type PodTemplateSpec,
  type ReplicaSetStatus,
  replicaSetKind,
  replicationControllerKind,
  type Selector,
  selectorFromLabelSelector,
  selectorFromMap,
} from '@davit/api'

/** A ReplicaSet or a ReplicationController, without its selector. */
export interface PodSet extends KubernetesObject {
  spec: { replicas?: number; minReadySeconds?: number; template?: PodTemplateSpec }
  status?: ReplicaSetStatus
}

export interface PodSetKind {
  readonly kind: Kind<PodSet>
  readonly selectorOf: (set: PodSet) => Selector
}

export const REPLICA_SETS = podSetKind(replicaSetKind, ({ spec }) => selectorFromLabelSelector(spec.selector))
export const REPLICATION_CONTROLLERS = podSetKind(replicationControllerKind, ({ spec }) => selectorFromMap(spec.selector))

function podSetKind<T extends PodSet>(kind: Kind<T>, selectorOf: (set: T) => Selector): PodSetKind {
  return { kind: kind as unknown as Kind<PodSet>, selectorOf: set => selectorOf(set as T) }
}
