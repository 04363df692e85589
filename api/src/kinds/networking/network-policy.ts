import { isStrictSubrange, validateRange } from '../../addresses.ts'
import { forbiddenField, invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { IntOrString, KubernetesObject, LabelSelector } from '../../meta.ts'
import { isPortName, isPortNumber } from '../../names.ts'
import { once } from '../../once.ts'
import { field, int32, intOrString, list, object, oneOf, required, string, strings } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { formatLabelSelector } from '../../selectors/labels.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ */
export interface NetworkPolicy extends KubernetesObject {
  spec?: NetworkPolicySpec
}

export interface NetworkPolicySpec {
  podSelector?: LabelSelector
  ingress?: { from?: NetworkPolicyPeer[]; ports?: NetworkPolicyPort[] }[]
  egress?: { to?: NetworkPolicyPeer[]; ports?: NetworkPolicyPort[] }[]
  policyTypes?: string[]
}

/** Pods by their labels and those of their namespaces, or addresses. */
export interface NetworkPolicyPeer {
  podSelector?: LabelSelector
  namespaceSelector?: LabelSelector
  ipBlock?: { cidr: string; except?: string[] }
}

export interface NetworkPolicyPort {
  protocol?: 'TCP' | 'UDP' | 'SCTP'
  port?: IntOrString
  endPort?: number
}

const POLICY_TYPES = ['Ingress', 'Egress'] as const

const portsSchema = once(() =>
  list(
    object('NetworkPolicyPort', 'A port, or a range of them.', {
      protocol: oneOf(['SCTP', 'TCP', 'UDP'], 'Protocol of the port. Default TCP.'),
      port: intOrString('Number of the port, or its name in the pods; all ports if absent.'),
      endPort: int32('Last port of a range that begins with port, which must be a number.'),
    }),
    'Ports that are allowed; all, if none are given.',
  ),
)

const peerSchema = once(() =>
  object('NetworkPolicyPeer', 'Who is allowed: pods, or addresses.', {
    podSelector: field(labelSelectorSchema(), 'Pods, in the namespaces selected or else in the same namespace; an empty one selects all.'),
    namespaceSelector: field(labelSelectorSchema(), 'Namespaces of the pods; an empty one selects all.'),
    ipBlock: field(
      object('IPBlock', 'A range of addresses.', {
        cidr: required(string('The range, such as 192.168.1.0/24 or 2001:db8::/64.')),
        except: strings('Parts of the range that are not allowed.'),
      }),
      'A range of addresses; not together with the others.',
    ),
  }),
)

const specSchema = once(() =>
  object('NetworkPolicySpec', 'Which connections of which pods are allowed.', {
    podSelector: field(labelSelectorSchema(), 'Pods of the namespace the policy is for; an empty one selects all.'),
    ingress: list(
      object('NetworkPolicyIngressRule', 'Connections to the pods that are allowed.', {
        from: list(peerSchema(), 'From whom; from everybody, if none are given.'),
        ports: portsSchema(),
      }),
      'Connections to the pods that are allowed; none, if empty.',
    ),
    egress: list(
      object('NetworkPolicyEgressRule', 'Connections from the pods that are allowed.', {
        to: list(peerSchema(), 'To whom; to everybody, if none are given.'),
        ports: portsSchema(),
      }),
      'Connections from the pods that are allowed; none, if empty and policyTypes has Egress.',
    ),
    policyTypes: strings('Ingress, Egress, or both: what the policy is about. Default Ingress, and Egress too if egress has rules.'),
  }),
)

export const networkPolicyKind = defineKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  namespaced: true,
  hasGeneration: true,
  description: 'Which connections to and from pods are allowed.',
  schema: () =>
    object('NetworkPolicy', 'Which connections to and from pods are allowed.', {
      spec: field(specSchema(), 'Which connections of which pods are allowed.'),
    }),
  applyDefaults(policy) {
    policy.spec ??= {}
    const { spec } = policy
    spec.podSelector ??= {}
    for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of ports) port.protocol ??= 'TCP'
    }
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']
  },
  validate: ({ spec = {} }) => validateSpec(spec),
  columns: [
    nameColumn,
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'Pods the policy is for.',
      value: ({ spec }) => formatLabelSelector(spec?.podSelector ?? {}),
    },
    ageColumn,
  ],
})

function validateSpec({ podSelector, ingress = [], egress = [], policyTypes = [] }: NetworkPolicySpec): FieldError[] {
  const errors = validateLabelSelector(podSelector, 'spec.podSelector')
  for (const [i, { ports = [], from = [] }] of ingress.entries()) errors.push(...validateRule(`spec.ingress[${i}]`, ports, { from }))
  for (const [i, { ports = [], to = [] }] of egress.entries()) errors.push(...validateRule(`spec.egress[${i}]`, ports, { to }))
  if (policyTypes.length > POLICY_TYPES.length) {
    return [...errors, invalidValue('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes')]
  }
  for (const [i, type] of policyTypes.entries()) {
    if (!(POLICY_TYPES as readonly string[]).includes(type)) errors.push(unsupportedValue(`spec.policyTypes[${i}]`, type, POLICY_TYPES))
  }
  return errors
}

function validateRule(
  path: string,
  ports: readonly NetworkPolicyPort[],
  peers: Readonly<Record<string, NetworkPolicyPeer[]>>,
): FieldError[] {
  const errors = ports.flatMap((port, i) => validatePort(port, `${path}.ports[${i}]`))
  for (const [name, list] of Object.entries(peers)) errors.push(...list.flatMap((peer, i) => validatePeer(peer, `${path}.${name}[${i}]`)))
  return errors
}

function validatePort({ port, endPort }: NetworkPolicyPort, path: string): FieldError[] {
  const refuseEnd = (why: string | undefined) => (endPort === undefined ? [] : invalidIf(`${path}.endPort`, endPort, why))
  if (port === undefined) return refuseEnd('may not be specified when `port` is not specified')
  if (typeof port === 'string') {
    return [...refuseEnd('may not be specified when `port` is non-numeric'), ...invalidIf(`${path}.port`, port, isPortName(port))]
  }
  return [
    ...invalidIf(`${path}.port`, port, isPortNumber(port)),
    ...refuseEnd((endPort ?? port) < port ? 'must be greater than or equal to `port`' : undefined),
    ...refuseEnd(isPortNumber(endPort ?? port)),
  ]
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string): FieldError[] {
  if (!podSelector && !namespaceSelector && !ipBlock) return [requiredValue(path, 'must specify a peer')]
  const errors = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
  ]
  if (!ipBlock) return errors
  errors.push(...validateBlock(ipBlock, `${path}.ipBlock`))
  if (podSelector || namespaceSelector) errors.push(forbiddenField(path, 'may not specify both ipBlock and another peer'))
  return errors
}

function validateBlock({ cidr, except = [] }: NonNullable<NetworkPolicyPeer['ipBlock']>, path: string): FieldError[] {
  if (!cidr) return [requiredValue(`${path}.cidr`)]
  const wrong = validateRange(`${path}.cidr`, cidr)
  if (wrong.length > 0) return wrong
  return except.flatMap((range, i) => {
    const at = `${path}.except[${i}]`
    const errors = validateRange(at, range)
    if (errors.length > 0 || isStrictSubrange(cidr, range)) return errors
    return [invalidValue(at, range, 'must be a strict subset of `cidr`')]
  })
}
