import { DOCKER_LABELS } from '@davit/api'
import type Docker from 'dockerode'
import { formatAddress, overlap, parseCidr } from '../ip/index.ts'
import { RESERVED_SIZE } from './address-pool.ts'

export interface DockerNetworkOptions {
  readonly name: string
  readonly bridge: string
  readonly podCidr: string
  readonly mtu: number
  readonly clusterId: string
  readonly nodeName: string
  /** Docker's version, such as `28.1.0`. */
  readonly dockerVersion: string
}

const BRIDGE = 'com.docker.network.bridge'

/** What to ask Docker for: no masquerading (ours knows the cluster), and hand-attached containers kept off the pods' addresses. */
export function networkSpec({ name, bridge, podCidr, mtu, clusterId, nodeName, dockerVersion }: DockerNetworkOptions) {
  const cidr = parseCidr(podCidr)
  const options: Record<string, string> = {
    [`${BRIDGE}.name`]: bridge,
    [`${BRIDGE}.enable_ip_masquerade`]: 'false',
    'com.docker.network.driver.mtu': String(mtu),
  }
  // Docker 28 drops what is routed to a container's address unless the network says otherwise; older ones refuse the option.
  if (majorOf(dockerVersion) >= 28) options[`${BRIDGE}.gateway_mode_ipv4`] = 'nat-unprotected'
  return {
    Name: name,
    Driver: 'bridge',
    CheckDuplicate: true,
    IPAM: {
      Driver: 'default',
      Config: [
        {
          Subnet: podCidr,
          Gateway: formatAddress(cidr.base + 1),
          IPRange: `${formatAddress(cidr.base + cidr.size - RESERVED_SIZE)}/28`,
        },
      ],
    },
    Options: options,
    Labels: { [DOCKER_LABELS.cluster]: clusterId, [DOCKER_LABELS.node]: nodeName },
  }
}

export function majorOf(version: string): number {
  return Number.parseInt(version, 10) || 0
}

/**
 * Makes the network, or finds it as it should be. One that differs is made again when nothing is attached to it; otherwise
 * this throws and says what differs. True when it was made.
 */
export async function ensureDockerNetwork(docker: Docker, options: DockerNetworkOptions): Promise<boolean> {
  const spec = networkSpec(options)
  const found = await inspectNetwork(docker, options.name)
  if (found) {
    const differs = difference(found, spec)
    if (differs === undefined) return false
    const attached = Object.values(found.Containers ?? {}).map(endpoint => endpoint.Name)
    if (attached.length > 0) {
      throw new Error(
        `Cannot use Docker network "${options.name}": its ${differs}, and ${attached.length} containers are attached (${attached.slice(0, 3).join(', ')}); remove them, or run this cluster under another network name`,
      )
    }
    await docker.getNetwork(found.Id).remove()
  }
  await removeForgotten(docker, spec)
  try {
    await docker.createNetwork(spec)
  } catch (cause) {
    throw new Error(`Cannot create Docker network "${options.name}": ${await explain(docker, options, cause)}`, { cause })
  }
  return true
}

/** Networks of this cluster and node under other names, as an agent with another --network-name left one: it would be in the way. */
async function removeForgotten(docker: Docker, { Name, Labels }: ReturnType<typeof networkSpec>): Promise<void> {
  for (const network of await docker.listNetworks().catch(() => [])) {
    const isOurs = Object.entries(Labels).every(([label, value]) => network.Labels?.[label] === value)
    // One that is in use stays: Docker refuses to remove it.
    if (isOurs && network.Name !== Name)
      await docker
        .getNetwork(network.Id)
        .remove()
        .catch(() => {})
  }
}

/** Undefined when there is none of that name. */
export async function inspectNetwork(docker: Docker, name: string): Promise<Docker.NetworkInspectInfo | undefined> {
  try {
    return await docker.getNetwork(name).inspect()
  } catch (err) {
    if (statusCodeOf(err) === 404) return undefined
    throw err
  }
}

export function statusCodeOf(err: unknown): number | undefined {
  return err instanceof Error && 'statusCode' in err && typeof err.statusCode === 'number' ? err.statusCode : undefined
}

function difference(found: Docker.NetworkInspectInfo, wanted: ReturnType<typeof networkSpec>): string | undefined {
  const say = (what: string, is: unknown, want: unknown) => (is === want ? undefined : `${what} is "${is ?? 'not set'}", wanted "${want}"`)
  const ipam = found.IPAM?.Config?.[0]
  const want = wanted.IPAM.Config[0]
  const pairs = [
    say('driver', found.Driver, wanted.Driver),
    say('subnet', ipam?.Subnet, want?.Subnet),
    say('gateway', ipam?.Gateway, want?.Gateway),
    say('address range', ipam?.IPRange, want?.IPRange),
    ...Object.entries(wanted.Options).map(([key, value]) => say(`option ${key}`, found.Options?.[key], value)),
    ...Object.entries(wanted.Labels).map(([key, value]) => say(`label ${key}`, found.Labels?.[key], value)),
  ]
  return pairs.find(text => text !== undefined)
}

/** Takes `address` from an endpoint whose container is gone or does not run. Throws when a running one holds it. */
export async function freeStaleEndpoint(docker: Docker, network: string, address: string): Promise<void> {
  const found = await inspectNetwork(docker, network)
  for (const [id, endpoint] of Object.entries(found?.Containers ?? {})) {
    if (endpoint.IPv4Address.split('/')[0] !== address) continue
    const container = await docker
      .getContainer(id)
      .inspect()
      .catch(() => undefined)
    if (container?.State.Running) throw new Error(`Cannot free address "${address}": running container "${endpoint.Name}" holds it`)
    await docker.getNetwork(network).disconnect({ Container: container ? id : endpoint.Name, Force: true })
  }
}

/** Docker only says that ranges overlap; people want to know with what. */
async function explain(docker: Docker, { podCidr, bridge }: DockerNetworkOptions, cause: unknown): Promise<string> {
  const message = cause instanceof Error ? cause.message : String(cause)
  const range = parseCidr(podCidr)
  for (const network of await docker.listNetworks().catch(() => [])) {
    if (network.Options?.[`${BRIDGE}.name`] === bridge) return `Docker network "${network.Name}" already uses the link "${bridge}"`
    for (const { Subnet } of network.IPAM?.Config ?? []) {
      if (Subnet?.includes('.') && overlap(parseCidr(Subnet), range)) {
        return `the node's pod range ${podCidr} overlaps ${Subnet} of Docker network "${network.Name}"; remove that network, or choose another pod range for the cluster`
      }
    }
  }
  return message
}
