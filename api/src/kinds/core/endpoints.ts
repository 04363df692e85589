import { validateAddress, validateNonSpecialAddress } from '../../addresses.ts'
import { invalidIf, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isDnsLabel, isDnsSubdomain, isPortNumber, isQualifiedName } from '../../names.ts'
import { once } from '../../once.ts'
import { atomic, field, int32, list, object, oneOf, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, firstThree, nameColumn } from '../columns.ts'
import { type ObjectReference, objectReferenceSchema } from './object-reference.ts'
import type { Protocol } from './pod/container-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoints-v1/ */
export interface Endpoints extends KubernetesObject {
  subsets?: EndpointSubset[]
}

/** Every address with every port. */
export interface EndpointSubset {
  addresses?: EndpointAddress[]
  notReadyAddresses?: EndpointAddress[]
  ports?: EndpointsPort[]
}

export interface EndpointAddress {
  ip: string
  hostname?: string
  nodeName?: string
  targetRef?: ObjectReference
}

export interface EndpointsPort {
  name?: string
  port: number
  protocol?: Protocol
  appProtocol?: string
}

const addressSchema = once(() =>
  atomic(
    object('EndpointAddress', 'An address of a pod.', {
      ip: required(string('The address.')),
      hostname: string('Host name of the pod.'),
      nodeName: string('Node on which it runs.'),
      targetRef: field(objectReferenceSchema(), 'The pod.'),
    }),
  ),
)

const subsetSchema = once(() =>
  object('EndpointSubset', 'Addresses that have the same ports.', {
    addresses: list(addressSchema(), 'Addresses that are ready.'),
    notReadyAddresses: list(addressSchema(), 'Addresses that are not ready.'),
    ports: list(
      atomic(
        object('EndpointPort', 'A port of an endpoint.', {
          name: string('Name of the port, as the Service has it.'),
          port: required(int32('The port.')),
          protocol: oneOf(['SCTP', 'TCP', 'UDP'], 'Protocol of the port. Default TCP.'),
          appProtocol: string('Protocol spoken on the port.'),
        }),
      ),
      'Ports of these addresses.',
    ),
  }),
)

export const endpointsKind = defineKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  storagePrefix: 'services/endpoints',
  description: 'Where a Service leads, in the old form; EndpointSlice is the new one.',
  schema: () =>
    object('Endpoints', 'Where a Service leads.', { subsets: list(subsetSchema(), 'Sets of addresses that have the same ports.') }),
  applyDefaults(endpoints) {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= 'TCP'
  },
  validate: ({ subsets = [] }) => subsets.flatMap((subset, i) => validateSubset(subset, `subsets[${i}]`)),
  columns: [
    nameColumn,
    { name: 'Endpoints', type: 'string', description: 'The first addresses that are ready.', value: formatEndpoints },
    ageColumn,
  ],
})

function validateSubset({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (addresses.length + notReadyAddresses.length === 0) errors.push(requiredValue(path, 'must specify `addresses` or `notReadyAddresses`'))
  addresses.forEach((address, i) => {
    errors.push(...validateEndpoint(address, `${path}.addresses[${i}]`))
  })
  notReadyAddresses.forEach((address, i) => {
    errors.push(...validateEndpoint(address, `${path}.notReadyAddresses[${i}]`))
  })
  ports.forEach((port, i) => {
    const portPath = `${path}.ports[${i}]`
    if (port.name) errors.push(...invalidIf(`${portPath}.name`, port.name, isDnsLabel(port.name)))
    else if (ports.length > 1) errors.push(requiredValue(`${portPath}.name`))
    if (port.port !== undefined) errors.push(...invalidIf(`${portPath}.port`, port.port, isPortNumber(port.port)))
    if (port.appProtocol) errors.push(...invalidIf(`${portPath}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol)))
  })
  return errors
}

function validateEndpoint({ ip, hostname, nodeName }: EndpointAddress, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (ip) {
    const wrong = validateAddress(`${path}.ip`, ip)
    errors.push(...(wrong.length > 0 ? wrong : validateNonSpecialAddress(`${path}.ip`, ip)))
  }
  if (hostname) errors.push(...invalidIf(`${path}.hostname`, hostname, isDnsLabel(hostname)))
  if (nodeName) errors.push(...invalidIf(`${path}.nodeName`, nodeName, isDnsSubdomain(nodeName)))
  return errors
}

function formatEndpoints({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return '<none>'
  const texts = subsets.flatMap(({ addresses = [], ports = [] }) => {
    if (ports.length === 0) return addresses.map(({ ip }) => ip)
    return ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)))
  })
  return firstThree(texts)
}
