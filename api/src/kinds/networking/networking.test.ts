import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { validateObjectMeta } from '../../object-meta.ts'
import { fieldErrorBody } from '../../status.ts'
import { cells, changeComplaints, complaints, creationComplaints, statusComplaints, stored } from '../testing.ts'
import { ingressKind } from './ingress.ts'
import { ingressClassKind } from './ingress-class.ts'
import { ipAddressKind } from './ip-address.ts'
import { networkPolicyKind } from './network-policy.ts'
import { serviceCidrKind } from './service-cidr.ts'

const NOW = Date.parse('2026-01-01T00:01:00Z')
const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
const BACKEND = { service: { name: 'web', port: { number: 80 } } }
const path = (more: object = {}) => ({ path: '/', pathType: 'Prefix', backend: BACKEND, ...more })
const withPath = (more: object) => ({ rules: [{ http: { paths: [path(more)] } }] })
const AT = 'spec.rules[0].http.paths[0]'
const LABELS = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'
const WILDCARD = `a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.${LABELS}')`
const SUBDOMAIN = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${LABELS}')`

function table<T extends KubernetesObject>(kind: Kind<T>, rows: readonly [spec: object, wanted: string[]][]): void {
  for (const [spec, wanted] of rows) {
    test(`${kind.kind} ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
      assert.deepEqual(complaints(kind, { spec }), wanted)
    })
  }
}

table(ingressKind, [
  [{ defaultBackend: BACKEND, ingressClassName: 'nginx' }, []],
  [
    { rules: [{ host: '*.example.com', http: { paths: [path()] } }, { host: 'a.b' }], tls: [{ hosts: ['*.a.b', 'a'], secretName: 's' }] },
    [],
  ],
  [withPath({ pathType: 'ImplementationSpecific', path: undefined }), []],
  [withPath({ backend: { resource: { apiGroup: 'x.io', kind: 'Bucket', name: 'b' } } }), []],
  [{}, ['spec: Invalid value: "null": either `defaultBackend` or `rules` must be specified']],
  [{ defaultBackend: BACKEND, ingressClassName: 'A' }, [`spec.ingressClassName: Invalid value: "A": ${SUBDOMAIN}`]],
  [{ rules: [{ host: '10.0.0.1' }] }, ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address']],
  [{ rules: [{ host: '*' }] }, [`spec.rules[0].host: Invalid value: "*": ${WILDCARD}`]],
  [{ rules: [{ host: 'A' }] }, [`spec.rules[0].host: Invalid value: "A": ${SUBDOMAIN}`]],
  [{ rules: [{ http: { paths: [] } }] }, ['spec.rules[0].http.paths: Required value']],
  [withPath({ pathType: undefined }), [`${AT}.pathType: Required value: pathType must be specified`]],
  [
    withPath({ pathType: 'Other' }),
    [`${AT}.pathType: Unsupported value: "Other": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
  ],
  [withPath({ path: undefined }), [`${AT}.path: Invalid value: "": must be an absolute path`]],
  [withPath({ pathType: 'ImplementationSpecific', path: 'a' }), [`${AT}.path: Invalid value: "a": must be an absolute path`]],
  [withPath({ path: '/a//b' }), [`${AT}.path: Invalid value: "/a//b": must not contain '//'`]],
  [withPath({ path: '/a/..' }), [`${AT}.path: Invalid value: "/a/..": cannot end with '/..'`]],
  [withPath({ pathType: 'ImplementationSpecific', path: '/a//b/..' }), []],
  [
    withPath({ backend: { ...BACKEND, resource: { kind: 'a', name: 'b' } } }),
    [`${AT}.backend: Invalid value: "": cannot set both resource and service backends`],
  ],
  [withPath({ backend: {} }), [`${AT}.backend: Invalid value: "": resource or service backend is required`]],
  [
    withPath({ backend: { resource: { apiGroup: 'A', kind: 'a/b' } } }),
    [
      `${AT}.backend.resource.apiGroup: Invalid value: "A": ${SUBDOMAIN}`,
      `${AT}.backend.resource.kind: Invalid value: "a/b": may not contain '/'`,
      `${AT}.backend.resource.name: Required value`,
    ],
  ],
  [withPath({ backend: { service: { name: 'web' } } }), [`${AT}.backend: Required value: port name or number is required`]],
  [withPath({ backend: { service: { port: { name: 'http' } } } }), [`${AT}.backend.service.name: Required value`]],
  [
    withPath({ backend: { service: { name: 'web', port: { name: 'a', number: 1 } } } }),
    [`${AT}.backend: Invalid value: "": cannot set both port name & port number`],
  ],
  [
    withPath({ backend: { service: { name: 'web', port: { number: 70000 } } } }),
    [`${AT}.backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive`],
  ],
  [
    withPath({ backend: { service: { name: 'web', port: { name: '80' } } } }),
    [`${AT}.backend.service.port.name: Invalid value: "80": must contain at least one letter (a-z)`],
  ],
  [
    { defaultBackend: BACKEND, tls: [{ hosts: ['*'], secretName: 'A' }] },
    [`spec.tls[0].hosts[0]: Invalid value: "*": ${WILDCARD}`, `spec.tls[0].secretName: Invalid value: "A": ${SUBDOMAIN}`],
  ],
])

test('the class of a new Ingress is said in one way', () => {
  const made = (annotation: string) =>
    creationComplaints(ingressKind, {
      metadata: { annotations: { 'kubernetes.io/ingress.class': annotation } },
      spec: { defaultBackend: BACKEND, ingressClassName: 'nginx' },
    })
  assert.deepEqual(made('nginx'), [])
  assert.deepEqual(made('other'), [
    'annotations.kubernetes.io/ingress.class: Invalid value: "other": must match `ingressClassName` when both are specified',
  ])
})

test('where an Ingress takes requests is an address or a name', () => {
  const said = (ingress: object) => statusComplaints(ingressKind, {}, { status: { loadBalancer: { ingress: [ingress] } } })
  assert.deepEqual(said({ ip: '10.0.0.1', hostname: 'a.b' }), [])
  assert.deepEqual(said({ ip: 'x' }), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ])
  assert.deepEqual(said({ hostname: '10.0.0.1' }), [
    'status.loadBalancer.ingress[0].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ])
})

test('kubectl get shows Ingresses as with Kubernetes', () => {
  const none = cells(ingressKind, { metadata, spec: { defaultBackend: BACKEND } }, NOW)
  assert.deepEqual(none, { Name: 'a', Class: undefined, Hosts: '*', Address: '', Ports: '80', Age: '60s' })
  const rules = ['a', 'b', undefined, 'c', 'd'].map(host => ({ host }))
  const status = { loadBalancer: { ingress: [{ ip: '10.0.0.2' }, { hostname: 'lb', ports: [] }, { ip: '10.0.0.2' }] } }
  const { Hosts, Address, Ports, Class } = cells(ingressKind, { metadata, spec: { ingressClassName: 'x', rules, tls: [{}] }, status })
  assert.deepEqual([Class, Hosts, Address, Ports], ['x', 'a,b,c + 2 more...', '10.0.0.2,lb', '80, 443'])
})

const PARAMETERS = { apiGroup: 'x.io', kind: 'Config', name: 'c' }
table(ingressClassKind, [
  [{ controller: 'example.com/ingress', parameters: PARAMETERS }, []],
  [{ controller: 'example.com/a/b', parameters: { ...PARAMETERS, scope: 'Namespace', namespace: 'a' } }, []],
  [{}, ['spec.controller: Required value']],
  [{ controller: 'nginx' }, ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")']],
  [{ controller: 'A/b' }, [`spec.controller: Invalid value: "A": ${SUBDOMAIN}`]],
  [
    { controller: 'a/b c' },
    [`spec.controller: Invalid value: "b c": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`],
  ],
  [{ controller: `a.b/${'c'.repeat(250)}` }, ['spec.controller: Too long: may not be more than 250 bytes']],
  [{ controller: 'a/b', parameters: {} }, ['spec.parameters.kind: Required value', 'spec.parameters.name: Required value']],
  [
    { controller: 'a/b', parameters: { ...PARAMETERS, scope: 'Namespace' } },
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  ],
  [
    { controller: 'a/b', parameters: { ...PARAMETERS, namespace: 'x' } },
    ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
  ],
  [
    { controller: 'a/b', parameters: { ...PARAMETERS, scope: 'World' } },
    ['spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"'],
  ],
])

test('the controller of an IngressClass stays', () => {
  const old = { spec: { controller: 'a/b' } }
  assert.deepEqual(changeComplaints(ingressClassKind, old, { spec: { controller: 'a/b', parameters: PARAMETERS } }), [])
  assert.deepEqual(changeComplaints(ingressClassKind, old, { spec: { controller: 'a/c' } }), [
    'spec.controller: Invalid value: "a/c": field is immutable',
  ])
  assert.equal(stored(ingressClassKind, { spec: { controller: 'a/b', parameters: PARAMETERS } }).spec?.parameters?.scope, 'Cluster')
  const shown = { Name: 'a', Controller: 'a/b', Parameters: 'Config.x.io/c', Age: '60s' }
  assert.deepEqual(cells(ingressClassKind, { metadata, spec: { controller: 'a/b', parameters: PARAMETERS } }, NOW), shown)
})

const ALL = { podSelector: {} }
const CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
table(networkPolicyKind, [
  [{}, []],
  [{ ingress: [{ from: [ALL, { namespaceSelector: {} }], ports: [{ port: 80, endPort: 90 }, { port: 'http' }, {}] }] }, []],
  [{ egress: [{ to: [{ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } }] }] }, []],
  [{ ingress: [{ from: [{}] }] }, ['spec.ingress[0].from[0]: Required value: must specify a peer']],
  [
    { egress: [{ to: [{ ...ALL, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
    ['spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer'],
  ],
  [{ ingress: [{ from: [{ ipBlock: {} }] }] }, ['spec.ingress[0].from[0].ipBlock.cidr: Required value']],
  [{ ingress: [{ from: [{ ipBlock: { cidr: 'x' } }] }] }, [`spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "x": ${CIDR}`]],
  [
    { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8', '11.0.0.0/9', '::/64', 'x'] } }] }] },
    [
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
      'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "11.0.0.0/9": must be a strict subset of `cidr`',
      'spec.ingress[0].from[0].ipBlock.except[2]: Invalid value: "::/64": must be a strict subset of `cidr`',
      `spec.ingress[0].from[0].ipBlock.except[3]: Invalid value: "x": ${CIDR}`,
    ],
  ],
  [
    { egress: [{ ports: [{ endPort: 1 }, { port: 'a', endPort: 1 }, { port: 9, endPort: 8 }, { port: 0 }, { port: '-' }] }] },
    [
      'spec.egress[0].ports[0].endPort: Invalid value: 1: may not be specified when `port` is not specified',
      'spec.egress[0].ports[1].endPort: Invalid value: 1: may not be specified when `port` is non-numeric',
      'spec.egress[0].ports[2].endPort: Invalid value: 8: must be greater than or equal to `port`',
      'spec.egress[0].ports[3].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.egress[0].ports[4].port: Invalid value: "-": must contain at least one letter (a-z)',
    ],
  ],
  [
    { ingress: [{ ports: [{ protocol: 'ICMP' }] }] },
    ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [{ policyTypes: ['In'] }, ['spec.policyTypes[0]: Unsupported value: "In": supported values: "Ingress", "Egress"']],
  [
    { policyTypes: ['Egress', 'Egress', 'Egress'] },
    ['spec.policyTypes: Invalid value: ["Egress","Egress","Egress"]: may not specify more than two policyTypes'],
  ],
  [
    { podSelector: { matchLabels: { a: 'b c' } } },
    [
      "spec.podSelector.matchLabels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  ],
])

test('a NetworkPolicy is about what it has rules for', () => {
  const types = (spec: object) => stored(networkPolicyKind, { spec }).spec?.policyTypes
  assert.deepEqual(types({}), ['Ingress'])
  assert.deepEqual(types({ egress: [{}] }), ['Ingress', 'Egress'])
  assert.deepEqual(types({ policyTypes: ['Egress'] }), ['Egress'])
  assert.equal(stored(networkPolicyKind, { spec: { ingress: [{ ports: [{ port: 1 }] }] } }).spec?.ingress?.[0]?.ports?.[0]?.protocol, 'TCP')
  assert.equal(cells(networkPolicyKind, { spec: {} })['Pod-Selector'], '<none>')
  assert.equal(cells(networkPolicyKind, { spec: { podSelector: { matchLabels: { a: 'b' } } } })['Pod-Selector'], 'a=b')
})

const PARENT = { group: '', resource: 'services', namespace: 'default', name: 'web' }
table(ipAddressKind, [
  [{ parentRef: PARENT }, []],
  [{}, ['spec.parentRef: Required value']],
  [{ parentRef: {} }, ['spec.parentRef.resource: Required value', 'spec.parentRef.name: Required value']],
  [
    { parentRef: { group: 'A', resource: 'a/b', namespace: '..', name: 'a%' } },
    [
      `spec.parentRef.group: Invalid value: "A": ${SUBDOMAIN}`,
      `spec.parentRef.resource: Invalid value: "a/b": may not contain '/'`,
      `spec.parentRef.name: Invalid value: "a%": may not contain '%'`,
      `spec.parentRef.namespace: Invalid value: "..": may not be '..'`,
    ],
  ],
])

test('an IPAddress is called by its address, in its one form', () => {
  const why = (name: string) => validateObjectMeta({ name }, ipAddressKind).map(fieldErrorBody)
  for (const name of ['10.0.0.1', '2001:db8::1']) assert.deepEqual(why(name), [])
  assert.deepEqual(why('2001:DB8::0:1'), ['Invalid value: "2001:DB8::0:1": must be in canonical form ("2001:db8::1")'])
  assert.deepEqual(why('::ffff:10.0.0.1'), ['Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address'])
  for (const name of ['web', '010.0.0.1', 'fe80::1%eth0']) {
    assert.deepEqual(why(name), [`Invalid value: "${name}": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`])
  }
  const other = { spec: { parentRef: { ...PARENT, name: 'b' } } }
  assert.equal(changeComplaints(ipAddressKind, { spec: { parentRef: PARENT } }, other).length, 1)
  assert.equal(cells(ipAddressKind, { spec: { parentRef: PARENT } }).ParentRef, 'services/default/web')
  assert.equal(cells(ipAddressKind, { spec: { parentRef: { group: 'x.io', resource: 'a', name: 'b' } } }).ParentRef, 'a.x.io/b')
})

const FAMILIES = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
table(serviceCidrKind, [
  [{ cidrs: ['10.0.0.0/8'] }, []],
  [{ cidrs: ['2001:db8::/64', '10.0.0.0/8'] }, []],
  [{}, ['spec.cidrs: Required value: at least one CIDR required']],
  [
    { cidrs: ['10.0.0.0/8', '::/64', '11.0.0.0/8'] },
    ['spec.cidrs: Invalid value: {"cidrs":["10.0.0.0/8","::/64","11.0.0.0/8"]}: may only hold up to 2 values'],
  ],
  [{ cidrs: ['10.0.0.0/8', '11.0.0.0/8'] }, [`spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: ${FAMILIES}`]],
  [{ cidrs: ['10.0.0.0'] }, [`spec.cidrs[0]: Invalid value: "10.0.0.0": ${CIDR}`]],
  [{ cidrs: ['10.0.0.1/8'] }, ['spec.cidrs[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length']],
  [{ cidrs: ['2001:DB8::/32'] }, ['spec.cidrs[0]: Invalid value: "2001:DB8::/32": must be in canonical form ("2001:db8::/32")']],
  [{ cidrs: ['::ffff:a00:0/104'] }, ['spec.cidrs[0]: Invalid value: "::ffff:a00:0/104": must not have an IPv4-mapped IPv6 address']],
])

test('a ServiceCIDR may get a second range, and keeps those it has', () => {
  const change = (before: string[], after: string[]) =>
    changeComplaints(serviceCidrKind, { spec: { cidrs: before } }, { spec: { cidrs: after } })
  assert.deepEqual(change(['10.0.0.0/8'], ['10.0.0.0/8', '::/64']), [])
  assert.deepEqual(change(['10.0.0.0/8'], ['11.0.0.0/8']), ['spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable'])
  assert.deepEqual(change(['10.0.0.0/8'], ['::/64', '10.0.0.0/8']), ['spec.cidrs[0]: Invalid value: "::/64": field is immutable'])
  assert.deepEqual(change(['10.0.0.0/8', '::/64'], ['10.0.0.0/8']), ['spec.cidrs: Invalid value: ["10.0.0.0/8"]: field is immutable'])
  assert.deepEqual(cells(serviceCidrKind, { metadata, spec: { cidrs: ['10.0.0.0/8', '::/64'] } }, NOW), {
    Name: 'a',
    CIDRs: '10.0.0.0/8,::/64',
    Age: '60s',
  })
})
