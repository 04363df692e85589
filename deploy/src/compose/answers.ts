/** From what a person asked `davit init` for to a configuration, for a new cluster and for one that is there. */
import { DAVIT_VERSION, NETWORKS } from '@davit/api'
import { type ClusterConfig, ConfigError, type ControlPlaneConfig, checkConfig } from './config.ts'

/** Flags as typed; what is left out keeps its value, or takes the default in a new cluster. */
export interface InitAnswers {
  /** `ADDRESS`, `ADDRESS:PORT`, or with `NAME=` before. */
  controlPlanes?: readonly string[]
  /** How many on the one address. */
  replicas?: number
  name?: string
  port?: number
  tlsSans?: readonly string[]
  podCidr?: string
  serviceCidr?: string
  /** Also asks for a balancer. */
  balancerPort?: number
  imageRegistry?: string
  /** Of the control planes, in a cluster that is there: what an upgrade changes. */
  version?: string
  controlPlaneImage?: string
  /** In the order of the control planes, or `NAME=user@host`. */
  ssh?: readonly string[]
  /** Of a new cluster: its data comes from a backup. */
  restored?: boolean
  /** `NAME` or `NAME=NEWADDRESS` of a member that was lost. */
  replace?: string
  /** Names of members that the cluster was recovered without. */
  lost?: readonly string[]
}

const API_PORT = 6443
const ELSEWHERE = 'For a cluster that differs in this: davit init in another directory, and restore a backup there.'
const ETCD_PORT = 2379
/** Between the etcd ports of members on one machine. */
const ETCD_PORT_STEP = 10
const ETCD_IMAGE = 'coreos/etcd:v3.5.21'
const BALANCER_IMAGE = 'haproxy:3.0-alpine'

/** A new cluster's configuration. Throws ConfigError. */
export function newConfig(answers: InitAnswers): ClusterConfig {
  if (!answers.controlPlanes?.length)
    throw new ConfigError('--control-plane is missing: want the address of each control plane, such as --control-plane 10.0.0.11')
  if (answers.replace) throw new ConfigError(`--replace ${answers.replace}: there is no cluster in this directory yet`)
  const raw = {
    apiVersion: 'davit.dev/v1',
    kind: 'ClusterConfig',
    name: answers.name ?? 'davit',
    version: DAVIT_VERSION,
    ...(answers.restored && { restored: true }),
    controlPlanes: withSsh(controlPlanesOf(answers.controlPlanes, answers), answers.ssh ?? []),
    networks: { podCidr: answers.podCidr ?? NETWORKS.pods, serviceCidr: answers.serviceCidr ?? NETWORKS.services },
    tlsSans: answers.tlsSans ?? [],
    ...(answers.balancerPort !== undefined && { balancer: { port: answers.balancerPort } }),
    images: imagesOf(DAVIT_VERSION, answers.imageRegistry),
  }
  return checkConfig(raw, 'what was asked for')
}

/** What is there, changed as asked. Throws ConfigError for changes that would cut the cluster off from its data or its nodes. */
export function changedConfig(before: ClusterConfig, answers: InitAnswers): ClusterConfig {
  refuseFixed(before, answers)
  const present = answers.replace ? replaced(before, answers.replace) : before.controlPlanes
  const controlPlanes = present.map(member => (answers.lost?.includes(member.name) ? { ...member, lost: true } : member))
  const { restored: _, ...kept } = before
  const raw: ClusterConfig = {
    ...kept,
    controlPlanes: withSsh(controlPlanes, answers.ssh ?? []),
    tlsSans: [...new Set([...before.tlsSans, ...(answers.tlsSans ?? [])])],
    ...(answers.balancerPort !== undefined && { balancer: { port: answers.balancerPort } }),
    version: answers.version ?? before.version,
    images: changedImages(before, answers),
  }
  return checkConfig(raw, 'what was asked for')
}

function refuseFixed(before: ClusterConfig, { controlPlanes, ...answers }: InitAnswers): void {
  const { podCidr, serviceCidr } = before.networks
  const { port, address } = before.controlPlanes[0]!
  const replicas = before.controlPlanes.filter(member => member.address === address).length
  const fixed: readonly [string, string | number | undefined, string | number, string][] = [
    ['--name', answers.name, before.name, 'the volumes with its data are named after it'],
    ['--pod-cidr', answers.podCidr, podCidr, 'pods have addresses of it'],
    ['--service-cidr', answers.serviceCidr, serviceCidr, 'Services have addresses of it'],
    // Beside --control-plane they are part of what it asks for.
    ['--port', controlPlanes ? undefined : answers.port, port, 'nodes and kubeconfigs name it'],
    ['--replicas', controlPlanes ? undefined : answers.replicas, replicas, 'its data is with those members'],
  ]
  for (const [flag, asked, present, why] of fixed) {
    if (asked === undefined || asked === present) continue
    throw new ConfigError(`${flag} is "${asked}", and this cluster has "${present}": it cannot change, ${why}.\n${ELSEWHERE}`)
  }
  if (!controlPlanes) return
  const listed = (members: readonly ControlPlaneConfig[]) =>
    members.map(member => `${member.name}=${member.address}:${member.port}`).join(', ')
  const asked = listed(controlPlanesOf(controlPlanes, { port, ...answers }))
  const present = listed(before.controlPlanes)
  if (asked === present) return
  throw new ConfigError(
    `--control-plane asks for ${asked}, and this cluster has ${present}: its data is with those members.\n` +
      `To put a new machine in the place of a lost one: davit init --replace NAME=NEWADDRESS.\n${ELSEWHERE}`,
  )
}

function replaced({ controlPlanes }: ClusterConfig, text: string): ControlPlaneConfig[] {
  const [name = '', address] = text.split('=')
  const names = controlPlanes.map(member => member.name)
  if (!names.includes(name)) throw new ConfigError(`--replace is "${text}": want one of ${names.join(', ')}, or NAME=NEWADDRESS`)
  if (controlPlanes.length === 1)
    throw new ConfigError(
      `--replace ${name}: it is the only member, nobody else has its data. Restore a backup onto a new cluster instead: davit backup restore --help`,
    )
  const others = controlPlanes.filter(member => member.name !== name)
  if (address !== undefined && others.every(other => other.address === others[0]!.address && other.address !== address))
    throw new ConfigError(`--replace is "${text}": all members are on ${others[0]!.address}: want --replace ${name}, without an address`)
  const without = others.filter(({ lost }) => lost).map(other => other.name)
  return controlPlanes.map(member => {
    if (member.name !== name) return member
    const { ssh, lost: _lost, without: _without, ...rest } = member
    const moved = address !== undefined && address !== member.address
    return { ...rest, ...(moved ? { address } : ssh && { ssh }), replaced: true, ...(without.length > 0 && { without }) }
  })
}

function controlPlanesOf(texts: readonly string[], { replicas = 1, port = API_PORT }: InitAnswers): ControlPlaneConfig[] {
  if (replicas !== 1 && texts.length !== 1)
    throw new ConfigError(`--replicas is ${replicas} with ${texts.length} addresses: want it with one address only`)
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 9) throw new ConfigError(`--replicas is ${replicas}: want 1, 3 or 5`)
  const parsed = Array.from({ length: replicas }, () => texts)
    .flat()
    .map(parseControlPlane)
  const seen = new Map<string, number>()
  return parsed.map((member, index) => {
    const earlier = seen.get(member.address) ?? 0
    seen.set(member.address, earlier + 1)
    const etcdClientPort = ETCD_PORT + earlier * ETCD_PORT_STEP
    return {
      name: replicas === 1 && member.name ? member.name : `cp-${index + 1}`,
      address: member.address,
      port: replicas === 1 && member.port !== undefined ? member.port : (member.port ?? port) + earlier,
      etcdClientPort,
      etcdPeerPort: etcdClientPort + 1,
    }
  })
}

function parseControlPlane(text: string): { name?: string; address: string; port?: number } {
  const [, name, address = '', port] = /^(?:([^=]*)=)?([^=:]+)(?::(\d+))?$/.exec(text) ?? []
  if (!address)
    throw new ConfigError(`--control-plane is "${text}": want ADDRESS or NAME=ADDRESS[:PORT], such as 10.0.0.11 or cp-1=10.0.0.11`)
  return { address, ...(name !== undefined && { name }), ...(port !== undefined && { port: Number(port) }) }
}

function withSsh(controlPlanes: readonly ControlPlaneConfig[], targets: readonly string[]): ControlPlaneConfig[] {
  const byName = new Map<string, string>()
  for (const [index, text] of targets.entries()) {
    const [, name = controlPlanes[index]?.name, target = text] = /^([^=@]+)=(.*)$/.exec(text) ?? []
    if (name === undefined || !controlPlanes.some(member => member.name === name))
      throw new ConfigError(`--ssh is "${text}": there is no control plane for it; want one a control plane, or NAME=user@host`)
    byName.set(name, target)
  }
  return controlPlanes.map(member => {
    const ssh = byName.get(member.name) ?? member.ssh
    return { ...member, ...(ssh !== undefined && { ssh }) }
  })
}

function changedImages({ images, version }: ClusterConfig, answers: InitAnswers): ClusterConfig['images'] {
  const { imageRegistry, controlPlaneImage } = answers
  const found = imageRegistry === undefined ? images : imagesOf(answers.version ?? version, imageRegistry)
  return { ...found, ...(controlPlaneImage !== undefined && { controlPlane: controlPlaneImage }) }
}

/** `registry` takes the place of every registry that images come from. */
function imagesOf(version: string, registry?: string): ClusterConfig['images'] {
  const prefix = registry?.replace(/\/+$/, '')
  const at = (image: string, origin = '') => `${prefix ? `${prefix}/` : origin}${image}`
  return { controlPlane: at(`davit/control-plane:${version}`), etcd: at(ETCD_IMAGE, 'quay.io/'), balancer: at(BALANCER_IMAGE) }
}
