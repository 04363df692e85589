import { validateRange } from '../../addresses.ts'
import { duplicateValue, forbiddenField, invalidIf, invalidValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Quantity } from '../../meta.ts'
import { isLabelValue, isQualifiedName } from '../../names.ts'
import { once } from '../../once.ts'
import { compareQuantities, isQuantity } from '../../quantity.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { boolean, field, int32, int64, list, object, oneOf, quantityMap, required, string, strings, time } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { nodeCondition } from './node-state.ts'
import type { Node, Taint } from './node-types.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'
const ROLE_LABEL = 'kubernetes.io/role'
const TAINT_EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'] as const

const taintSchema = once(() =>
  object('Taint', 'Keeps away pods that do not tolerate it.', {
    key: required(string('Key of the taint.')),
    value: string('Value of the taint.'),
    effect: required(oneOf(TAINT_EFFECTS, 'What happens to pods that do not tolerate it.')),
    timeAdded: time('When it was added; only for NoExecute.'),
  }),
)

const systemInfoSchema = once(() =>
  object('NodeSystemInfo', 'What the machine and its software are.', {
    machineID: string('Machine id of the node.'),
    systemUUID: string('UUID of the hardware.'),
    bootID: string('Changes with every boot.'),
    kernelVersion: string('Version of the kernel, from `uname -r`.'),
    osImage: string('The operating system, from /etc/os-release.'),
    containerRuntimeVersion: string('Name and version of the container runtime, such as `docker://20.10.24`.'),
    kubeletVersion: string('Version of the node agent.'),
    kubeProxyVersion: string('Version of the service proxy.'),
    operatingSystem: string('Operating system, such as linux.'),
    architecture: string('Processor architecture, such as amd64.'),
  }),
)

const specSchema = once(() =>
  object('NodeSpec', 'What a node is to be.', {
    podCIDR: string('Address range of the pods on the node.'),
    podCIDRs: strings('The same for each address family, podCIDR first.', { patchStrategy: 'merge', listType: 'set' }),
    providerID: string('Id of the machine at its provider.'),
    unschedulable: boolean('Whether new pods are kept away, as `kubectl cordon` does.'),
    taints: list(taintSchema(), 'Keep away pods that do not tolerate them.'),
  }),
)

const statusSchema = once(() =>
  object('NodeStatus', 'How a node is, as its agent reports.', {
    capacity: quantityMap('What the node has.'),
    allocatable: quantityMap('What of that is for pods.'),
    phase: string('Not used any more.'),
    conditions: conditionListSchema('NodeCondition', 'Aspects of the node: Ready, MemoryPressure, DiskPressure, PIDPressure.', {
      lastHeartbeatTime: time('When the agent last reported it.'),
    }),
    addresses: list(
      object('NodeAddress', 'One address of a node.', {
        type: required(string('Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.')),
        address: required(string('The address.')),
      }),
      'Where the node can be reached.',
      { mergeKey: 'type' },
    ),
    daemonEndpoints: field(
      object('NodeDaemonEndpoints', 'Ports of the daemons on a node.', {
        kubeletEndpoint: field(object('DaemonEndpoint', 'Port of a daemon.', { Port: required(int32('The port.')) }), 'Port of the agent.'),
      }),
      'Ports of the daemons on the node.',
    ),
    nodeInfo: field(systemInfoSchema(), 'What the machine and its software are.'),
    images: list(
      object('ContainerImage', 'An image on a node.', {
        names: strings('Names of the image.'),
        sizeBytes: int64('Size in bytes.'),
      }),
      'Images on the node.',
    ),
    volumesInUse: strings('Attachable volumes that pods on the node use.'),
    volumesAttached: list(
      object('AttachedVolume', 'A volume attached to a node.', {
        name: required(string('Name of the volume.')),
        devicePath: required(string('Device under which it is.')),
      }),
      'Volumes attached to the node.',
    ),
    runtimeHandlers: list(
      object('NodeRuntimeHandler', 'A way of running containers.', {
        name: string('Name; empty for the default.'),
        features: field(
          object('NodeRuntimeHandlerFeatures', 'What a runtime handler can do.', {
            recursiveReadOnlyMounts: boolean('Whether mounts can be read-only all the way down.'),
            userNamespaces: boolean('Whether containers can have user namespaces.'),
          }),
          'What it can do.',
        ),
      }),
      'Ways of running containers on the node.',
    ),
    features: field(
      object('NodeFeatures', 'What the runtime of a node can do.', {
        supplementalGroupsPolicy: boolean('Whether the runtime knows supplementalGroupsPolicy.'),
      }),
      'What the runtime of the node can do.',
    ),
  }),
)

export const nodeKind = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  storagePrefix: 'minions',
  subresources: ['status', 'proxy'],
  hasGeneration: false,
  description: 'A machine that runs pods.',
  schema: () =>
    object('Node', 'A machine that runs pods.', {
      spec: field(specSchema(), 'What the node is to be.'),
      status: field(statusSchema(), 'How the node is.'),
    }),
  applyDefaults(node) {
    node.spec ??= {}
    node.status ??= {}
    // Both say the same; where they do not, the older field counts, as in Kubernetes.
    if (node.spec.podCIDR && node.spec.podCIDRs?.[0] !== node.spec.podCIDR) node.spec.podCIDRs = [node.spec.podCIDR]
    else if (!node.spec.podCIDR && node.spec.podCIDRs?.[0]) node.spec.podCIDR = node.spec.podCIDRs[0]
    if (!node.status.allocatable && node.status.capacity) node.status.allocatable = { ...node.status.capacity }
  },
  validate: ({ spec, status }) => [
    ...validateTaints(spec?.taints ?? []),
    ...(spec?.podCIDRs ?? []).flatMap((range, i) => validateRange(`spec.podCIDRs[${i}]`, range)),
    ...validateAmounts('status.capacity', status?.capacity),
    ...validateAmounts('status.allocatable', status?.allocatable),
  ],
  validateUpdate({ spec, status }, old) {
    const errors: FieldError[] = []
    const oldRanges = old.spec?.podCIDRs ?? []
    if (oldRanges.length > 0 && oldRanges.join() !== (spec?.podCIDRs ?? []).join()) {
      errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
    }
    if (old.spec?.providerID && old.spec.providerID !== spec?.providerID) {
      errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'))
    }
    const addresses = (status?.addresses ?? []).map(({ type, address }) => JSON.stringify([type, address]))
    addresses.forEach((address, i) => {
      if (addresses.indexOf(address) < i) errors.push(duplicateValue(`status.addresses[${i}]`, status?.addresses?.[i]))
    })
    return errors
  },
  selectableFields: { 'spec.unschedulable': node => String(node.spec?.unschedulable ?? false) },
  columns: [
    nameColumn,
    { name: 'Status', type: 'string', description: 'Whether the node is ready for pods.', value: formatStatus },
    { name: 'Roles', type: 'string', description: 'Roles of the node, from its labels.', value: formatRoles },
    ageColumn,
    {
      name: 'Version',
      type: 'string',
      description: 'Version of the node agent.',
      value: node => node.status?.nodeInfo?.kubeletVersion ?? '',
    },
    { name: 'Internal-IP', type: 'string', priority: 1, description: 'Address inside the cluster.', value: addressOf('InternalIP') },
    { name: 'External-IP', type: 'string', priority: 1, description: 'Address outside the cluster.', value: addressOf('ExternalIP') },
    { name: 'OS-Image', type: 'string', priority: 1, description: 'The operating system.', value: info('osImage') },
    { name: 'Kernel-Version', type: 'string', priority: 1, description: 'Version of the kernel.', value: info('kernelVersion') },
    {
      name: 'Container-Runtime',
      type: 'string',
      priority: 1,
      description: 'Name and version of the container runtime.',
      value: info('containerRuntimeVersion'),
    },
  ],
})

function formatStatus(node: Node): string {
  const ready = nodeCondition(node, 'Ready')
  const text = !ready ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return node.spec?.unschedulable ? `${text},SchedulingDisabled` : text
}

function formatRoles({ metadata }: Node): string {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length))
    else if (key === ROLE_LABEL && value) roles.add(value)
  }
  return roles.size === 0 ? '<none>' : [...roles].sort().join(',')
}

function addressOf(type: string): (node: Node) => string {
  return node => node.status?.addresses?.find(address => address.type === type)?.address ?? '<none>'
}

function info(name: 'osImage' | 'kernelVersion' | 'containerRuntimeVersion'): (node: Node) => string {
  return node => node.status?.nodeInfo?.[name] || '<unknown>'
}

function validateTaints(taints: readonly Taint[]): FieldError[] {
  const seen = new Set<string>()
  return taints.flatMap((taint, i) => {
    // Upstream looks for taints under metadata when it names them; users' scripts see that path.
    const path = `metadata.taints[${i}]`
    const errors = [
      ...invalidIf(`${path}.key`, taint.key, isQualifiedName(taint.key ?? '')),
      ...invalidIf(`${path}.value`, taint.value, isLabelValue(taint.value ?? '')),
    ]
    const id = `${taint.effect} ${taint.key}`
    if (seen.has(id)) errors.push({ ...duplicateValue(path, taint), detail: 'taints must be unique by key and effect pair' })
    seen.add(id)
    return errors
  })
}

function validateAmounts(path: string, amounts: Readonly<Record<string, Quantity>> = {}): FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) =>
    isQuantity(amount) && compareQuantities(amount, 0) < 0
      ? [invalidValue(`${path}.${name}`, amount, 'must be greater than or equal to 0')]
      : [],
  )
}
