import { validateAddress, validateNonSpecialAddress } from '../../addresses.ts'
import { duplicateValue, immutable, invalidIf, requiredValue, tooMany } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isDnsLabel, isDnsSubdomain, isQualifiedName } from '../../names.ts'
import { once } from '../../once.ts'
import { atomic, boolean, field, int32, list, object, oneOf, required, string, stringMap, strings } from '../../schema/fields.ts'
import { validateLabels } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, firstThree, nameColumn } from '../columns.ts'
import { type ObjectReference, objectReferenceSchema } from '../core/object-reference.ts'
import type { Protocol } from '../core/pod/container-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ */
export interface EndpointSlice extends KubernetesObject {
  addressType: 'IPv4' | 'IPv6' | 'FQDN'
  endpoints: Endpoint[]
  ports?: EndpointPort[]
}

export interface Endpoint {
  addresses: string[]
  conditions?: EndpointConditions
  hostname?: string
  targetRef?: ObjectReference
  deprecatedTopology?: Record<string, string>
  nodeName?: string
  zone?: string
  hints?: { forZones?: { name: string }[] }
}

export interface EndpointConditions {
  /** Absent counts as true. */
  ready?: boolean
  serving?: boolean
  terminating?: boolean
}

export interface EndpointPort {
  name?: string
  protocol?: Protocol
  /** Absent: all ports. */
  port?: number
  appProtocol?: string
}

const ENDPOINTS_MAX = 1000
const ADDRESSES_MAX = 100
const PORTS_MAX = 100
const TOPOLOGY_MAX = 16

const endpointSchema = once(() =>
  object('Endpoint', 'One place a Service leads to.', {
    addresses: required(strings('Addresses of the endpoint; all mean the same.', { listType: 'set' })),
    conditions: field(
      object('EndpointConditions', 'How an endpoint is.', {
        ready: boolean('Whether it takes new connections; never true while it terminates. Absent counts as true.'),
        serving: boolean('Whether it serves, also while it terminates.'),
        terminating: boolean('Whether it is about to end.'),
      }),
      'How the endpoint is.',
    ),
    hostname: string('Host name, from which DNS names of single endpoints are made.'),
    targetRef: field(objectReferenceSchema(), 'The pod.'),
    deprecatedTopology: stringMap('Topology in the form of v1beta1.'),
    nodeName: string('Node on which it runs.'),
    zone: string('Zone in which it runs.'),
    hints: field(
      object('EndpointHints', 'Who should use an endpoint.', {
        forZones: list(
          object('ForZone', 'A zone that should use an endpoint.', { name: required(string('Name of the zone.')) }),
          'Zones that should use it.',
        ),
      }),
      'Who should use it.',
    ),
  }),
)

export const endpointSliceKind = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  hasGeneration: true,
  description: 'A part of where a Service leads.',
  schema: () =>
    object('EndpointSlice', 'A part of where a Service leads.', {
      addressType: required(oneOf(['FQDN', 'IPv4', 'IPv6'], 'What the addresses are. It cannot be changed.')),
      endpoints: list(endpointSchema(), 'The endpoints, at most 1000.'),
      ports: list(
        atomic(
          object('EndpointPort', 'A port of the endpoints.', {
            name: string('Name of the port, as the Service has it.'),
            protocol: oneOf(['SCTP', 'TCP', 'UDP'], 'Protocol of the port. Default TCP.'),
            port: int32('The port; absent means all ports.'),
            appProtocol: string('Protocol spoken on the port.'),
          }),
        ),
        'Ports that all these endpoints have, at most 100.',
      ),
    }),
  applyDefaults(slice) {
    slice.endpoints ??= []
    for (const port of slice.ports ?? []) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
  },
  validate: slice => [...validateEndpoints(slice), ...validatePorts(slice.ports ?? [])],
  validateUpdate: (slice, old) => immutable('addressType', slice.addressType, old.addressType),
  columns: [
    nameColumn,
    { name: 'AddressType', type: 'string', description: 'What the addresses are.', value: slice => slice.addressType },
    { name: 'Ports', type: 'string', description: 'Ports of the endpoints.', value: formatPorts },
    { name: 'Endpoints', type: 'string', description: 'The first addresses.', value: formatEndpoints },
    ageColumn,
  ],
})

function validateEndpoints({ endpoints = [], addressType }: EndpointSlice): FieldError[] {
  if (endpoints.length > ENDPOINTS_MAX) return [tooMany('endpoints', endpoints.length, ENDPOINTS_MAX)]
  return endpoints.flatMap((endpoint, i) => {
    const path = `endpoints[${i}]`
    const errors: FieldError[] = []
    const addresses = endpoint.addresses ?? []
    if (addresses.length === 0) errors.push(requiredValue(`${path}.addresses`, 'must contain at least 1 address'))
    if (addresses.length > ADDRESSES_MAX) errors.push(tooMany(`${path}.addresses`, addresses.length, ADDRESSES_MAX))
    addresses.forEach((address, j) => {
      errors.push(...validateEndpointAddress(`${path}.addresses[${j}]`, address, addressType))
    })
    const topology = endpoint.deprecatedTopology ?? {}
    const topologyCount = Object.keys(topology).length
    if (topologyCount > TOPOLOGY_MAX) errors.push(tooMany(`${path}.deprecatedTopology`, topologyCount, TOPOLOGY_MAX))
    errors.push(...validateLabels(topology, `${path}.deprecatedTopology`))
    if (endpoint.hostname !== undefined) errors.push(...invalidIf(`${path}.hostname`, endpoint.hostname, isDnsLabel(endpoint.hostname)))
    if (endpoint.nodeName !== undefined) errors.push(...invalidIf(`${path}.nodeName`, endpoint.nodeName, isDnsSubdomain(endpoint.nodeName)))
    return errors
  })
}

function validateEndpointAddress(path: string, address: string, type: EndpointSlice['addressType']): FieldError[] {
  if (type === 'FQDN') return invalidIf(path, address, isDnsSubdomain(address))
  return [...validateAddress(path, address, type), ...validateNonSpecialAddress(path, address)]
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  if (ports.length > PORTS_MAX) return [tooMany('ports', ports.length, PORTS_MAX)]
  const names = new Set<string>()
  return ports.flatMap(({ name = '', appProtocol }, i) => {
    const errors: FieldError[] = []
    if (name) errors.push(...invalidIf(`ports[${i}].name`, name, isDnsLabel(name)))
    if (names.has(name)) errors.push(duplicateValue(`ports[${i}].name`, name))
    names.add(name)
    if (appProtocol) errors.push(...invalidIf(`ports[${i}].appProtocol`, appProtocol, isQualifiedName(appProtocol)))
    return errors
  })
}

function formatPorts({ ports = [] }: EndpointSlice): string {
  return ports.length === 0 ? '<unset>' : firstThree(ports.map(({ port }) => (port === undefined ? '*' : String(port))))
}

function formatEndpoints({ endpoints = [] }: EndpointSlice): string {
  return endpoints.length === 0 ? '<unset>' : firstThree(endpoints.flatMap(({ addresses }) => addresses ?? []))
}
