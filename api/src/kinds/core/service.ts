import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import {
  atomic,
  boolean,
  field,
  int32,
  intOrString,
  list,
  object,
  oneOf,
  required,
  string,
  stringMap,
  strings,
} from '../../schema/fields.ts'
import { ageColumn, formatLabels, nameColumn } from '../columns.ts'
import { applyServiceDefaults, validateService, validateServiceUpdate } from './service-rules.ts'
import type { Service } from './service-types.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'] as const
const FAMILIES = ['IPv4', 'IPv6'] as const
const POLICIES = ['Cluster', 'Local'] as const

const portSchema = once(() =>
  object('ServicePort', 'A port of a Service.', {
    name: string('Name of the port; needed when there are several.'),
    protocol: oneOf(PROTOCOLS, 'Protocol of the port. Default TCP.').meta({ default: 'TCP' }),
    appProtocol: string('Protocol spoken on the port, such as `kubernetes.io/h2c`; a hint.'),
    port: required(int32('Port on which the Service is reached.')),
    targetPort: intOrString('Port of the pods, by number or by name. Default: the same as port.'),
    nodePort: int32('Port on which every node answers for the Service; given by the cluster when left out.'),
  }),
)

const specSchema = once(() =>
  object('ServiceSpec', 'What a Service is to be.', {
    ports: list(portSchema(), 'Ports of the Service.', { mergeKey: 'port', listMapKeys: ['port', 'protocol'] }),
    selector: atomic(stringMap('Labels of the pods that serve; without it somebody else keeps the endpoints.')),
    clusterIP: string('Address of the Service in the cluster, given by the cluster when left out; `None` for a headless Service.'),
    clusterIPs: strings('The same for each address family, clusterIP first.'),
    type: oneOf(
      ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'],
      'How it is reached: inside the cluster, on a port of every node, through a balancer, or as another name. Default ClusterIP.',
    ),
    externalIPs: strings('Further addresses on which nodes accept traffic for the Service.'),
    sessionAffinity: oneOf(['ClientIP', 'None'], 'Whether connections of one client go to one pod. Default None.'),
    loadBalancerIP: string('Address asked of the balancer. Deprecated.'),
    loadBalancerSourceRanges: strings('Client ranges that the balancer lets through.'),
    externalName: string('Name that an ExternalName Service stands for.'),
    externalTrafficPolicy: oneOf(POLICIES, 'Whether traffic from outside may go to pods on other nodes. Default Cluster.'),
    healthCheckNodePort: int32('Port on which nodes say whether they have pods of the Service.'),
    publishNotReadyAddresses: boolean('Whether pods that are not ready are among the endpoints.'),
    sessionAffinityConfig: field(
      object('SessionAffinityConfig', 'How session affinity works.', {
        clientIP: field(
          object('ClientIPConfig', 'How affinity by client address works.', {
            timeoutSeconds: int32('Seconds a client stays with its pod after the last connection. Default 10800.'),
          }),
          'How affinity by client address works.',
        ),
      }),
      'How session affinity works.',
    ),
    ipFamilies: list(ipFamily(), 'Address families, the primary first.'),
    ipFamilyPolicy: oneOf(['PreferDualStack', 'RequireDualStack', 'SingleStack'], 'How many address families are wanted.'),
    allocateLoadBalancerNodePorts: boolean('Whether a LoadBalancer Service gets node ports. Default true.'),
    loadBalancerClass: string('Kind of balancer that serves it.'),
    internalTrafficPolicy: oneOf(POLICIES, 'Whether traffic from pods may go to pods on other nodes. Default Cluster.'),
    trafficDistribution: string('Which pods are preferred: PreferClose, those near the client.'),
  }),
)

function ipFamily() {
  return required(oneOf(FAMILIES, 'An address family.'))
}

const statusSchema = once(() =>
  object('ServiceStatus', 'How a Service is.', {
    loadBalancer: field(
      object('LoadBalancerStatus', 'Where a balancer answers.', {
        ingress: list(
          object('LoadBalancerIngress', 'One address of a balancer.', {
            ip: string('Address.'),
            hostname: string('Name.'),
            ipMode: oneOf(['Proxy', 'VIP'], 'Whether nodes may take the address for their own.'),
            ports: list(
              object('PortStatus', 'How one port of a balancer is.', {
                port: required(int32('The port.')),
                protocol: required(oneOf(PROTOCOLS, 'Its protocol.')),
                error: string('What is wrong with it.'),
              }),
              'How its ports are.',
            ),
          }),
          'Addresses of the balancer.',
        ),
      }),
      'Where the balancer answers.',
    ),
    conditions: commonConditionListSchema('Aspects of the Service.'),
  }),
)

export const serviceKind = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  storagePrefix: 'services/specs',
  subresources: ['status', 'proxy'],
  hasGeneration: false,
  nameRule: 'service',
  description: 'One name and address for a set of pods that come and go.',
  schema: () =>
    object('Service', 'One name and address for a set of pods.', {
      spec: field(specSchema(), 'What the Service is to be.'),
      status: field(statusSchema(), 'How the Service is.'),
    }),
  applyDefaults: applyServiceDefaults,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  selectableFields: {
    'spec.clusterIP': service => service.spec.clusterIP ?? '',
    'spec.type': service => service.spec.type ?? '',
  },
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'How it is reached.', value: service => service.spec.type },
    {
      name: 'Cluster-IP',
      type: 'string',
      description: 'Address in the cluster.',
      value: service => service.spec.clusterIPs?.[0] ?? '<none>',
    },
    { name: 'External-IP', type: 'string', description: 'Addresses outside the cluster.', value: formatExternal },
    { name: 'Port(s)', type: 'string', description: 'Its ports, each with its node port if it has one.', value: formatPorts },
    ageColumn,
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Labels of the pods that serve.',
      value: service => formatLabels(service.spec.selector),
    },
  ],
})

function formatExternal({ spec, status }: Service): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  const own = spec.externalIPs ?? []
  if (spec.type !== 'LoadBalancer') return own.join(',') || '<none>'
  const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean)
  return [...balanced, ...own].join(',') || '<pending>'
}

function formatPorts({ spec }: Service): string {
  const texts = (spec.ports ?? []).map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`)
  return texts.join(',') || '<none>'
}
