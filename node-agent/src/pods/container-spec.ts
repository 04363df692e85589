/** From a pod's spec to the body of Docker's create call. Pure; everything daemon.json could change is said here. */
import { type Container, DOCKER_LABELS, type EphemeralContainer, type Pod } from '@davit/api'
import { type CreateBody, type HostConfig, type Mount, PAUSE_IMAGE, SANDBOX } from '../docker/index.ts'
import { type DeviceMapping, podHostname } from '../volumes/index.ts'
import { imageHash } from './containers.ts'
import { deviceRequests } from './devices.ts'
import { ConfigError, expand } from './env.ts'
import { sysctlName } from './node-admission.ts'
import type { Network } from './plan.ts'
import { limitsLabel } from './resize.ts'
import { cgroupLimits } from './resources.ts'
import { type SecurityFacts, securityFields, userOf } from './security.ts'

/** What is the same for all containers of this node. */
export interface NodeFacts extends SecurityFacts {
  /** Cluster and node. */
  readonly labels: Readonly<Record<string, string>>
  /** Such as `1.41`. */
  readonly isOldMacApi: boolean
  readonly cgroupDriver: string
  /** `1` or `2`. */
  readonly cgroupVersion: string
  readonly memoryCapacityBytes: number
  /** Without it no limit is raised and no process gets less than nothing of the OOM killer's attention. */
  readonly canRaiseLimits: boolean
  readonly dockerNetwork: string
  /** Docker before 25, which starts its own resolver in each container with a dozen processes. */
  readonly hasCostlyResolver: boolean
  /** Of each container's log, by rotation. */
  readonly logs: { readonly maxBytes: number; readonly maxFiles: number }
  /** Processes and threads a container may have; 0: any number. */
  readonly maxPids: number
  readonly clusterDomain: string
}

export interface ContainerPlace {
  readonly attempt: number
  readonly network: Network
  /** Of the pod; undefined with hostNetwork. */
  readonly address: string | undefined
  readonly env: ReadonlyMap<string, string>
  readonly mounts: readonly Mount[]
  /** Block devices of volumes. */
  readonly volumeDevices?: readonly DeviceMapping[]
  /** Reference or id to create from. */
  readonly image: string
  /** The image's own user, for runAsNonRoot. */
  readonly imageUser: string
  /** Docker id of the container whose processes an ephemeral container joins. */
  readonly targetId?: string
  /** Docker's runtime that the pod's RuntimeClass names. */
  readonly runtime?: string
  /** Ids of the devices given to the container, by resource name. */
  readonly devices?: Readonly<Record<string, readonly string[]>>
}

/**
 * Keeps Docker's resolver out of the container: before 25 it gives up on it when this option is wrong, and says so in its log. Pods ask
 * the node's resolver, and without Docker's a start costs a quarter less, and the pod's namespace gets neither NAT nor conntrack.
 */
const NO_RESOLVER = ['ndots:none']
/** What Docker and Kubernetes both give; said because daemon.json may say something else. */
const SHM_BYTES = 64 << 20
/** As much as the kernel keeps of a host's name. */
const HOSTNAME_LENGTH_MAX = 64
const ULIMITS = [{ Name: 'nofile', Soft: 1_048_576, Hard: 1_048_576 }]

/** Throws a ConfigError when the spec cannot be met with this image. */
export function containerBody(
  pod: Pod,
  container: Container | EphemeralContainer,
  { node, place }: { node: NodeFacts; place: ContainerPlace },
): CreateBody {
  const lookup = (name: string) => place.env.get(name)
  const { command = [], args = [] } = container
  const user = userOf(pod, container, place.imageUser)
  return {
    Image: place.image,
    Labels: {
      ...labelsOf(pod, { container: container.name, attempt: place.attempt, hash: imageHash(container.image ?? ''), node }),
      [DOCKER_LABELS.limits]: limitsLabel(container),
    },
    Env: [...place.env].map(([name, value]) => `${name}=${value}`),
    ...(command.length > 0 && { Entrypoint: command.map(word => expand(word, lookup)) }),
    ...(args.length > 0 && { Cmd: args.map(word => expand(word, lookup)) }),
    ...(container.workingDir && { WorkingDir: container.workingDir }),
    ...(user && { User: user }),
    Tty: container.tty ?? false,
    OpenStdin: container.stdin ?? false,
    StdinOnce: container.stdinOnce ?? false,
    ...(container.lifecycle?.stopSignal && { StopSignal: container.lifecycle.stopSignal }),
    ...networkFields(pod, place.network, { address: place.address, node }),
    HostConfig: {
      ...commonHostConfig(pod, place.network, node),
      ...pidMode(pod, place),
      ...cgroupNamespace(container, node),
      ...(place.runtime && { Runtime: place.runtime }),
      Mounts: [...place.mounts],
      ...(place.volumeDevices && place.volumeDevices.length > 0 && { Devices: [...place.volumeDevices] }),
      ...cgroupLimits(pod, container, node),
      ...deviceRequests(place.devices),
      ...securityFields(pod, container.securityContext ?? {}, node),
    },
  }
}

/** The sandbox holds what is per pod: network, hostname, shared memory, sysctls, and the process namespace when it is shared. */
export function sandboxBody(
  pod: Pod,
  { attempt, address, node, runtime }: { attempt: number; address: string; node: NodeFacts; runtime?: string | undefined },
): CreateBody {
  const network: Network = { from: pod.spec.hostNetwork ? 'host' : 'own' }
  return {
    Image: PAUSE_IMAGE,
    Labels: labelsOf(pod, { container: SANDBOX, attempt, hash: imageHash(PAUSE_IMAGE), node }),
    Env: [],
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    ...networkFields(pod, network, { address, node }),
    HostConfig: {
      ...commonHostConfig(pod, network, node),
      ...(pod.spec.hostPID && { PidMode: 'host' }),
      ...cgroupNamespace({}, node),
      ...(runtime && { Runtime: runtime }),
      Mounts: [],
      CpuShares: 2,
      ...(node.maxPids > 0 && { PidsLimit: node.maxPids }),
      OomScoreAdj: node.canRaiseLimits ? -998 : 0,
      SecurityOpt: ['no-new-privileges'],
    },
  }
}

function labelsOf(
  pod: Pod,
  { container, attempt, hash, node }: { container: string; attempt: number; hash: string; node: NodeFacts },
): Record<string, string> {
  return {
    ...node.labels,
    [DOCKER_LABELS.podUid]: pod.metadata.uid ?? '',
    [DOCKER_LABELS.podNamespace]: pod.metadata.namespace ?? '',
    [DOCKER_LABELS.podName]: pod.metadata.name ?? '',
    [DOCKER_LABELS.container]: container,
    [DOCKER_LABELS.attempt]: String(attempt),
    [DOCKER_LABELS.hash]: hash,
  }
}

/** Only who holds the namespace may have a hostname and an address; whoever joins takes both from it. */
function networkFields(
  pod: Pod,
  network: Network,
  { address, node }: { address: string | undefined; node: NodeFacts },
): Pick<CreateBody, 'Hostname' | 'MacAddress' | 'NetworkingConfig'> {
  if (network.from !== 'own' || !address) return {}
  const macAddress = macOf(address)
  return {
    Hostname: kernelHostname(pod, node.clusterDomain),
    ...(node.isOldMacApi && { MacAddress: macAddress }),
    NetworkingConfig: {
      EndpointsConfig: {
        [node.dockerNetwork]: { IPAMConfig: { IPv4Address: address }, ...(!node.isOldMacApi && { MacAddress: macAddress }) },
      },
    },
  }
}

/** What `hostname` says in the pod: short, or all of its name where the pod asks for that. Throws when the kernel could not hold it. */
function kernelHostname(pod: Pod, clusterDomain: string): string {
  const { setHostnameAsFQDN, subdomain } = pod.spec
  const name = podHostname(pod)
  if (!setHostnameAsFQDN || !subdomain) return name
  const full = `${name}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}`
  if (full.length <= HOSTNAME_LENGTH_MAX) return full
  throw new ConfigError(
    `Failed to construct FQDN from Pod hostname and cluster domain, FQDN ${full} is too long (${HOSTNAME_LENGTH_MAX} characters is the max, ${full.length} characters requested)`,
  )
}

/** `02:42` and the address: what Docker's bridge would choose, so that neighbours' caches stay right across restarts. */
export function macOf(address: string): string {
  const bytes = address.split('.').map(Number)
  return ['02', '42', ...bytes.map(byte => byte.toString(16).padStart(2, '0'))].join(':')
}

function commonHostConfig(pod: Pod, network: Network, node: NodeFacts): Omit<HostConfig, 'Mounts' | 'OomScoreAdj'> {
  const joined = network.from === 'container' ? `container:${network.id}` : undefined
  const sysctls = pod.spec.securityContext?.sysctls ?? []
  // Of a pod on the host's network the sysctls of IPC are its own still.
  const holds = network.from !== 'container'
  return {
    NetworkMode: joined ?? (network.from === 'host' ? 'host' : node.dockerNetwork),
    IpcMode: pod.spec.hostIPC ? 'host' : (joined ?? 'shareable'),
    ...(!joined && !pod.spec.hostIPC && { ShmSize: SHM_BYTES }),
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'json-file', Config: { 'max-size': String(node.logs.maxBytes), 'max-file': String(node.logs.maxFiles) } },
    Ulimits: node.canRaiseLimits ? ULIMITS : [],
    CgroupParent: node.cgroupDriver === 'systemd' ? 'system.slice' : '/docker',
    Init: false,
    ...(network.from === 'own' && node.hasCostlyResolver && { DnsOptions: NO_RESOLVER }),
    ...(holds && sysctls.length > 0 && { Sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [sysctlName(name), value])) }),
  }
}

/** As containerd does for Kubernetes; what daemon.json would choose does not count. */
function cgroupNamespace(
  { securityContext }: Pick<Container, 'securityContext'>,
  { cgroupVersion }: NodeFacts,
): Pick<HostConfig, 'CgroupnsMode'> {
  return { CgroupnsMode: cgroupVersion === '2' && !securityContext?.privileged ? 'private' : 'host' }
}

function pidMode(pod: Pod, { network, targetId }: ContainerPlace): { PidMode?: string } {
  if (pod.spec.hostPID) return { PidMode: 'host' }
  if (targetId) return { PidMode: `container:${targetId}` }
  return pod.spec.shareProcessNamespace && network.from === 'container' ? { PidMode: `container:${network.id}` } : {}
}
