import {
  ageSince,
  type Container,
  type Event,
  eventKind,
  formatQuantity,
  isPodFinished,
  type Lease,
  leaseKind,
  NAMESPACES,
  type Node,
  type Pod,
  parseMilli,
  parseQuantity,
  podKind,
  podResourceRequests,
} from '@davit/api'
import { writeQuantities } from './containers.ts'
import type { DescribeContext, Describer } from './describer.ts'
import { timeOf, writeEvents } from './events.ts'
import { type DescriptionWriter, formatDate, goBool, writeAnnotations, writeMap } from './writer.ts'

const ROLE_LABEL = 'node-role.kubernetes.io/'

export const describeNode: Describer<Node> = async (out, node, context) => {
  const { metadata, spec, status } = node
  const roles = Object.keys(metadata.labels ?? {}).filter(label => label.startsWith(ROLE_LABEL) && label !== ROLE_LABEL)
  out.field(0, 'Name', metadata.name)
  out.field(
    0,
    'Roles',
    roles
      .map(label => label.slice(ROLE_LABEL.length))
      .sort()
      .join(',') || '<none>',
  )
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  out.field(0, 'CreationTimestamp', formatDate(metadata.creationTimestamp))
  const taints = (spec?.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)
  for (const [at, text] of (taints.length > 0 ? taints.sort() : ['<none>']).entries()) out.line(0, at === 0 ? 'Taints:' : '', text)
  out.field(0, 'Unschedulable', goBool(spec?.unschedulable))
  writeLease(out, await leaseOf(node, context))
  writeConditions(out, node)
  out.line(0, 'Addresses:')
  for (const { type, address } of status?.addresses ?? []) out.field(1, type, address)
  writeQuantities(out, 'Capacity', status?.capacity, 0)
  writeQuantities(out, 'Allocatable', status?.allocatable, 0)
  writeSystemInfo(out, node)
  if (spec?.podCIDR) out.field(0, 'PodCIDR', spec.podCIDR)
  if (spec?.podCIDRs?.length) out.field(0, 'PodCIDRs', spec.podCIDRs.join(','))
  if (spec?.providerID) out.field(0, 'ProviderID', spec.providerID)
  await writePods(out, node, context)
  if (context.showEvents) writeEvents(out, await nodeEvents(node, context), context.now)
}

async function leaseOf({ metadata }: Node, { session }: DescribeContext): Promise<Lease | Error> {
  return session.client
    .resource(leaseKind)
    .get({ namespace: NAMESPACES.nodeLease, name: metadata.name ?? '' })
    .catch((err: Error) => err)
}

function writeLease(out: DescriptionWriter, lease: Lease | Error): void {
  if (lease instanceof Error) {
    out.field(0, 'Lease', `Failed to get lease: ${lease.message}`)
    return
  }
  const { holderIdentity, acquireTime, renewTime } = lease.spec ?? {}
  out.line(0, 'Lease:')
  out.field(1, 'HolderIdentity', holderIdentity ?? '<unset>')
  out.field(1, 'AcquireTime', formatDate(acquireTime))
  out.field(1, 'RenewTime', formatDate(renewTime))
}

function writeConditions(out: DescriptionWriter, { status }: Node): void {
  if (!status?.conditions?.length) return
  out.line(0, 'Conditions:')
  out.line(1, 'Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message')
  out.line(1, '----', '------', '-----------------', '------------------', '------', '-------')
  for (const { type, status: state, lastHeartbeatTime, lastTransitionTime, reason = '', message = '' } of status.conditions) {
    const times = [dateOrZero(lastHeartbeatTime), dateOrZero(lastTransitionTime)]
    out.line(1, `${type} `, `${state} `, ...times.map(time => `${time} `), `${reason} `, message)
  }
}

/** Go prints a time that was never set as the year 1. */
function dateOrZero(time: string | undefined): string {
  return time ? formatDate(time) : 'Mon, 01 Jan 0001 00:00:00 +0000'
}

function writeSystemInfo(out: DescriptionWriter, { status }: Node): void {
  const info = status?.nodeInfo
  out.line(0, 'System Info:')
  out.field(1, 'Machine ID', info?.machineID ?? '')
  out.field(1, 'System UUID', info?.systemUUID ?? '')
  out.field(1, 'Boot ID', info?.bootID ?? '')
  out.field(1, 'Kernel Version', info?.kernelVersion ?? '')
  out.field(1, 'OS Image', info?.osImage ?? '')
  out.field(1, 'Operating System', info?.operatingSystem ?? '')
  out.field(1, 'Architecture', info?.architecture ?? '')
  out.field(1, 'Container Runtime Version', info?.containerRuntimeVersion ?? '')
  out.field(1, 'Kubelet Version', info?.kubeletVersion ?? '')
  out.field(1, 'Kube-Proxy Version', info?.kubeProxyVersion ?? '')
}

async function writePods(out: DescriptionWriter, node: Node, { session, now }: DescribeContext): Promise<void> {
  const fieldSelector = `spec.nodeName=${node.metadata.name},status.phase!=Succeeded,status.phase!=Failed`
  const { items } = await session.client.resource(podKind).list({ fieldSelector })
  const pods = items.filter(pod => !isPodFinished(pod))
  const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {}
  const cpu = parseMilli(allocatable.cpu ?? 0)
  const memory = parseQuantity(allocatable.memory ?? 0)
  const storage = parseQuantity(allocatable['ephemeral-storage'] ?? 0)
  out.field(0, 'Non-terminated Pods', `(${pods.length} in total)`)
  out.line(1, 'Namespace', 'Name', '', 'CPU Requests', 'CPU Limits', 'Memory Requests', 'Memory Limits', 'Age')
  out.line(1, '---------', '----', '', '------------', '----------', '---------------', '-------------', '---')
  const totals = { requests: { cpu: 0, memory: 0, storage: 0 }, limits: { cpu: 0, memory: 0, storage: 0 } }
  for (const pod of pods) {
    const requests = amountsOf(pod)
    const limits = amountsOf(withLimitsAsRequests(pod))
    for (const name of ['cpu', 'memory', 'storage'] as const) {
      totals.requests[name] += requests[name]
      totals.limits[name] += limits[name]
    }
    const cells = [milli(requests.cpu, cpu), milli(limits.cpu, cpu), bytes(requests.memory, memory), bytes(limits.memory, memory)]
    out.line(1, pod.metadata.namespace, pod.metadata.name, '', ...cells, ageSince(pod.metadata.creationTimestamp, now))
  }
  out.line(0, 'Allocated resources:')
  out.line(1, '(Total limits may be over 100 percent, i.e., overcommitted.)')
  out.line(1, 'Resource', 'Requests', 'Limits')
  out.line(1, '--------', '--------', '------')
  out.line(1, 'cpu', milli(totals.requests.cpu, cpu), milli(totals.limits.cpu, cpu))
  out.line(1, 'memory', bytes(totals.requests.memory, memory), bytes(totals.limits.memory, memory))
  out.line(1, 'ephemeral-storage', bytes(totals.requests.storage, storage), bytes(totals.limits.storage, storage))
}

function amountsOf(pod: Pick<Pod, 'spec'>): { cpu: number; memory: number; storage: number } {
  const { milliCpu, memoryBytes, ephemeralStorageBytes } = podResourceRequests(pod)
  return { cpu: milliCpu, memory: memoryBytes, storage: ephemeralStorageBytes }
}

function withLimitsAsRequests({ spec }: Pod): Pick<Pod, 'spec'> {
  const swapped = (containers: readonly Container[]) =>
    containers.map(container => ({ ...container, resources: { requests: container.resources?.limits ?? {} } }))
  return { spec: { ...spec, containers: swapped(spec.containers), initContainers: swapped(spec.initContainers ?? []) } }
}

function milli(amount: number, of: number): string {
  return `${formatQuantity(`${amount}m`)} (${percent(amount, of)}%)`
}

function bytes(amount: number, of: number): string {
  return `${formatQuantity(amount, 'BinarySI')} (${percent(amount, of)}%)`
}

function percent(amount: number, of: number): number {
  return of === 0 ? 0 : Math.trunc((amount / of) * 100)
}

/** Agents and controllers write a node's events with its name or its uid, in the default namespace. */
async function nodeEvents({ metadata }: Node, { session }: DescribeContext): Promise<Event[]> {
  const list = await session.client
    .resource(eventKind)
    .list({ fieldSelector: `involvedObject.kind=Node,involvedObject.name=${metadata.name}` })
  return list.items.toSorted((one, other) => timeOf(one).localeCompare(timeOf(other)))
}
