/** What the parts of this room work with; `manager.ts` puts it together. */
import type { Clock, Logger, Service } from '@davit/api'
import type { ContainerStore, Docker } from '../docker/index.ts'
import type { EnsureImage } from '../images/index.ts'
import type { PodNetwork } from '../network/types.ts'
import type { DownwardContext, ObjectSource, Volumes } from '../volumes/index.ts'
import type { CheckpointStore } from './checkpoint.ts'
import type { NodeFacts } from './container-spec.ts'
import type { Drain } from './drain.ts'
import type { Events } from './events.ts'
import type { HostPortClaims } from './host-ports.ts'
import type { Limit } from './limit.ts'

export interface Deps {
  readonly docker: Docker
  readonly containers: ContainerStore
  readonly network: PodNetwork
  readonly hostPorts: HostPortClaims
  readonly volumes: Volumes
  readonly objects: ObjectSource
  /** Services of a namespace, and `default/kubernetes`. */
  readonly services: (namespace: string) => readonly Service[]
  readonly events: Events
  readonly ensureImage: EnsureImage
  readonly checkpoints: CheckpointStore
  readonly nodeFacts: () => NodeFacts
  /** The handler of the RuntimeClass of that name: Docker's runtime. Rejects when there is none. */
  readonly runtimeHandler: (runtimeClass: string) => Promise<string>
  readonly nodeName: string
  readonly hostIp: string
  readonly allocatable: DownwardContext['allocatable']
  /** Holds starts to what the machine does in parallel with profit. */
  readonly startLimit: Limit
  /** Resolves once no node sends new connections to the pod and none is open; bounded by itself and by `signal`. */
  readonly drain: Drain
  readonly clock: Clock
  readonly log: Logger
}
