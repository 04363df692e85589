/** What the pod manager is given, and what its parts work with. */
import { type Client, type Clock, deadlineSignal, type Informer, type Logger, type Pod, runtimeClassKind, type Service } from '@davit/api'
import { type ContainerStore, type Docker, isOlder } from '../docker/index.ts'
import type { Images } from '../images/index.ts'
import type { PodNetwork } from '../network/types.ts'
import type { DownwardContext, Volumes, WatchedObjects } from '../volumes/index.ts'
import { CheckpointStore } from './checkpoint.ts'
import type { NodeFacts } from './container-spec.ts'
import type { Deps } from './deps.ts'
import type { NodeDevices } from './devices.ts'
import type { Drain } from './drain.ts'
import { type EventRecorder, podEvents } from './events.ts'
import type { HostPortClaims } from './host-ports.ts'
import { createLimit } from './limit.ts'
import type { Refusal } from './node-admission.ts'
import { canRaiseLimits } from './privileges.ts'
import type { StaticPods } from './source.ts'

const API_CALL_MS_MAX = 15_000

export interface PodManagerOptions {
  client: Client
  docker: Docker
  containers: ContainerStore
  /** Pods of this node, indexed by `uid`. */
  pods: Informer<Pod>
  /** Pods of files; default: none. */
  statics?: StaticPods
  network: PodNetwork
  hostPorts: HostPortClaims
  volumes: Volumes
  images: Images
  objects: WatchedObjects
  /** Services of a namespace, and `default/kubernetes`. */
  services: (namespace: string) => readonly Service[]
  events: EventRecorder
  dataDir: string
  nodeName: string
  hostIp: string
  allocatable: DownwardContext['allocatable']
  /** Why a pod that was just bound to this node may not start here; default: every pod may. */
  refuse?: (pod: Pod) => Refusal | undefined
  /** True once the API's cluster id was compared with ours in this run: only then is anything removed. */
  isOwnCluster: () => boolean
  drain: Drain
  /** Of each container's log. */
  logs: NodeFacts['logs']
  seccompProfile?: (path: string) => string
  /** Processes and threads a container may have; 0: any number. */
  podMaxPids?: number
  /** Names and `prefix*` patterns besides those that do no neighbour harm. */
  allowedUnsafeSysctls?: readonly string[]
  /** Ids of this node's devices, by resource name. */
  devices?: NodeDevices
  clusterDomain?: string
  clock: Clock
  log: Logger
  signal: AbortSignal
}

/** Makes them of what the manager was given. */
export function makeDeps(options: PodManagerOptions): Deps {
  const { client, docker } = options
  const events = podEvents(options.events)
  const raises = canRaiseLimits()
  if (!raises)
    options.log.warn({}, "This machine does not allow limits to be raised: containers get the daemon's ulimits and no OOM protection")
  const nodeFacts = (): NodeFacts => ({
    labels: docker.labels,
    isOldMacApi: isOlder(docker.apiVersion, '1.44'),
    cgroupDriver: docker.engine.cgroupDriver,
    cgroupVersion: docker.engine.cgroupVersion,
    hasAppArmor: docker.engine.hasAppArmor,
    maxPids: options.podMaxPids ?? 0,
    clusterDomain: options.clusterDomain ?? 'cluster.local',
    memoryCapacityBytes: docker.engine.memoryBytes,
    canRaiseLimits: raises,
    dockerNetwork: options.network.dockerNetwork,
    hasCostlyResolver: isOlder(docker.engine.version, '25.0'),
    logs: options.logs,
    seccompProfile: options.seccompProfile ?? (() => ''),
  })
  return {
    ...options,
    events,
    nodeFacts,
    ensureImage: options.images.ensure,
    runtimeHandler: async name => {
      const found = await client.resource(runtimeClassKind).get({ name }, { signal: deadlineSignal(API_CALL_MS_MAX, options.signal) })
      return found.handler
    },
    checkpoints: new CheckpointStore(options.dataDir),
    // More in flight only make each other wait: on two cores 60 starts took longer with two per core than with one.
    startLimit: createLimit(Math.max(2, docker.engine.cpus)),
  }
}
