/** From a pod's spec to the body of Docker's create call. Pure; everything daemon.json could change is said here. */
import { type Container, DOCKER_LABELS, type EphemeralContainer, type Pod, podQosClass, type SecurityContext } from '@davit/api'
import { type BindMount, type CreateBody, type HostConfig, PAUSE_IMAGE, SANDBOX } from '../docker/index.ts'
import { podHostname } from '../volumes/index.ts'
import { imageHash } from './containers.ts'
import { ConfigError, expand } from './env.ts'
import type { Network } from './plan.ts'
import { cgroupLimits } from './resources.ts'

/** What is the same for all containers of this node. */
export interface NodeFacts {
  /** Cluster and node. */
  readonly labels: Readonly<Record<string, string>>
  /** Such as `1.41`. */
  readonly isOldMacApi: boolean
  readonly cgroupDriver: string
  readonly memoryCapacityBytes: number
  /** Without it no limit is raised and no process gets less than nothing of the OOM killer's attention. */
  readonly canRaiseLimits: boolean
  readonly dockerNetwork: string
  /** Docker before 25, which starts its own resolver in each container with a dozen processes. */
  readonly hasCostlyResolver: boolean
  /** Of each container's log, by rotation. */
  readonly logs: { readonly maxBytes: number; readonly maxFiles: number }
  /** Text of the seccomp profile a `Localhost` profile names. */
  readonly seccompProfile: (path: string) => string
}

export interface ContainerPlace {
  readonly attempt: number
  readonly network: Network
  /** Of the pod; undefined with hostNetwork. */
  readonly address: string | undefined
  readonly env: ReadonlyMap<string, string>
  readonly mounts: readonly BindMount[]
  /** Reference or id to create from. */
  readonly image: string
  /** The image's own user, for runAsNonRoot. */
  readonly imageUser: string
  /** Docker id of the container whose processes an ephemeral container joins. */
  readonly targetId?: string
}

/**
 * Keeps Docker's resolver out of the container: before 25 it gives up on it when this option is wrong, and says so in its log. Pods ask
 * the node's resolver, and without Docker's a start costs a quarter less, and the pod's namespace gets neither NAT nor conntrack.
 */
const NO_RESOLVER = ['ndots:none']
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
    Labels: labelsOf(pod, { container: container.name, attempt: place.attempt, hash: imageHash(container.image ?? ''), node }),
    Env: [...place.env].map(([name, value]) => `${name}=${value}`),
    ...(command.length > 0 && { Entrypoint: command.map(word => expand(word, lookup)) }),
    ...(args.length > 0 && { Cmd: args.map(word => expand(word, lookup)) }),
    ...(container.workingDir && { WorkingDir: container.workingDir }),
    ...(user && { User: user }),
    Tty: container.tty ?? false,
    OpenStdin: container.stdin ?? false,
    StdinOnce: container.stdinOnce ?? false,
    ...networkFields(pod, place.network, { address: place.address, node }),
    HostConfig: {
      ...commonHostConfig(pod, place.network, node),
      ...pidMode(pod, place),
      Mounts: [...place.mounts],
      ...cgroupLimits(container, { qos: podQosClass(pod), node }),
      ...securityFields(pod, container.securityContext ?? {}, node),
    },
  }
}

/** The sandbox holds what is per pod: network, hostname, shared memory, sysctls, and the process namespace when it is shared. */
export function sandboxBody(pod: Pod, { attempt, address, node }: { attempt: number; address: string; node: NodeFacts }): CreateBody {
  const network: Network = { from: 'own' }
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
      Mounts: [],
      CpuShares: 2,
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
    Hostname: podHostname(pod),
    ...(node.isOldMacApi && { MacAddress: macAddress }),
    NetworkingConfig: {
      EndpointsConfig: {
        [node.dockerNetwork]: { IPAMConfig: { IPv4Address: address }, ...(!node.isOldMacApi && { MacAddress: macAddress }) },
      },
    },
  }
}

/** `02:42` and the address: what Docker's bridge would choose, so that neighbours' caches stay right across restarts. */
export function macOf(address: string): string {
  const bytes = address.split('.').map(Number)
  return ['02', '42', ...bytes.map(byte => byte.toString(16).padStart(2, '0'))].join(':')
}

function commonHostConfig(pod: Pod, network: Network, node: NodeFacts): Omit<HostConfig, 'Mounts' | 'OomScoreAdj'> {
  const joined = network.from === 'container' ? `container:${network.id}` : undefined
  const sysctls = pod.spec.securityContext?.sysctls ?? []
  const holds = network.from === 'own'
  return {
    NetworkMode: joined ?? (network.from === 'host' ? 'host' : node.dockerNetwork),
    IpcMode: pod.spec.hostIPC ? 'host' : (joined ?? 'shareable'),
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'json-file', Config: { 'max-size': String(node.logs.maxBytes), 'max-file': String(node.logs.maxFiles) } },
    Ulimits: node.canRaiseLimits ? ULIMITS : [],
    CgroupParent: node.cgroupDriver === 'systemd' ? 'system.slice' : '/docker',
    Init: false,
    ...(holds && node.hasCostlyResolver && { DnsOptions: NO_RESOLVER }),
    ...(holds && sysctls.length > 0 && { Sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])) }),
  }
}

function pidMode(pod: Pod, { network, targetId }: ContainerPlace): { PidMode?: string } {
  if (pod.spec.hostPID) return { PidMode: 'host' }
  if (targetId) return { PidMode: `container:${targetId}` }
  return pod.spec.shareProcessNamespace && network.from === 'container' ? { PidMode: `container:${network.id}` } : {}
}

function userOf(pod: Pod, { name, securityContext = {} }: Container, imageUser: string): string | undefined {
  const shared = pod.spec.securityContext ?? {}
  const user = securityContext.runAsUser ?? shared.runAsUser
  const group = securityContext.runAsGroup ?? shared.runAsGroup
  if (securityContext.runAsNonRoot ?? shared.runAsNonRoot) {
    const text = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${name})`
    const own = imageUser.split(':')[0] ?? ''
    if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${text}`)
    if (user === undefined && (own === '' || own === '0' || own === 'root'))
      throw new ConfigError(`container has runAsNonRoot and image will run as root ${text}`)
    if (user === undefined && !/^\d+$/.test(own)) {
      throw new ConfigError(`container has runAsNonRoot and image has non-numeric user (${own}), cannot verify user is non-root ${text}`)
    }
  }
  if (user === undefined && group === undefined) return undefined
  const base = user === undefined ? imageUser.split(':')[0] || '0' : String(user)
  return group === undefined ? base : `${base}:${group}`
}

function securityFields(pod: Pod, own: SecurityContext, node: NodeFacts): Partial<HostConfig> {
  const shared = pod.spec.securityContext ?? {}
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])]
  const options: string[] = []
  if (own.allowPrivilegeEscalation === false) options.push('no-new-privileges')
  const seccomp = own.seccompProfile ?? shared.seccompProfile
  if (seccomp?.type === 'Unconfined') options.push('seccomp=unconfined')
  if (seccomp?.type === 'Localhost') options.push(`seccomp=${node.seccompProfile(seccomp.localhostProfile ?? '')}`)
  const appArmor = own.appArmorProfile ?? shared.appArmorProfile
  if (appArmor?.type === 'Unconfined') options.push('apparmor=unconfined')
  if (appArmor?.type === 'Localhost') options.push(`apparmor=${appArmor.localhostProfile}`)
  const selinux = own.seLinuxOptions ?? shared.seLinuxOptions ?? {}
  for (const [name, value] of Object.entries(selinux)) options.push(`label=${name}:${value}`)
  const { add = [], drop = [] } = own.capabilities ?? {}
  return {
    ...(own.privileged && { Privileged: true }),
    ...(own.readOnlyRootFilesystem && { ReadonlyRootfs: true }),
    ...(add.length > 0 && { CapAdd: [...add] }),
    ...(drop.length > 0 && { CapDrop: [...drop] }),
    ...(groups.length > 0 && { GroupAdd: groups.map(String) }),
    ...(options.length > 0 && { SecurityOpt: options }),
    ...(own.procMount === 'Unmasked' && { MaskedPaths: [], ReadonlyPaths: [] }),
  }
}
