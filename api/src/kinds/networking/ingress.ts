import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { atomic, field, int32, list, object, oneOf, required, string, strings } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { typedLocalObjectReference } from '../core/pod/reference-schema.ts'
import { validateIngress, validateIngressStatus, validateNewIngress } from './ingress-rules.ts'
import type { Ingress } from './ingress-types.ts'

const backendSchema = once(() =>
  object('IngressBackend', 'Where requests go: a Service or another object.', {
    service: field(
      object('IngressServiceBackend', 'A port of a Service.', {
        name: required(string('Name of the Service, in the same namespace.')),
        port: field(
          atomic(
            object('ServiceBackendPort', 'A port, by name or by number.', {
              name: string('Name of the port.'),
              number: int32('Number of the port.'),
            }),
          ),
          'Port of the Service.',
        ),
      }),
      'A Service; not together with resource.',
    ),
    resource: field(typedLocalObjectReference(), 'An object in the same namespace; not together with service.'),
  }),
)

const specSchema = once(() =>
  object('IngressSpec', 'Which requests go where.', {
    ingressClassName: string("Name of the IngressClass whose controller serves it; the cluster's default if absent."),
    defaultBackend: field(backendSchema(), 'Takes requests that no rule takes.'),
    tls: list(
      object('IngressTLS', 'A certificate and the hosts it is for.', {
        hosts: strings('Hosts the certificate is for.'),
        secretName: string('Secret with the certificate and its key.'),
      }),
      'Certificates; the host of the request chooses among them.',
    ),
    rules: list(
      object('IngressRule', 'Requests to one host.', {
        host: string('Host of the request, or `*.` and a domain; every host if absent.'),
        http: field(
          object('HTTPIngressRuleValue', 'Where HTTP requests go, by path.', {
            paths: required(
              list(
                object('HTTPIngressPath', 'Where requests to a path go.', {
                  path: string('Path of the request; it begins with a slash.'),
                  pathType: required(
                    oneOf(
                      ['Exact', 'ImplementationSpecific', 'Prefix'],
                      'Exact: this path. Prefix: all below it, step by step. ImplementationSpecific: as the controller has it.',
                    ),
                  ),
                  backend: required(field(backendSchema(), 'Where the requests go.')),
                }),
                'Paths and where they lead.',
              ),
            ),
          }),
          'HTTP requests; all of them go to the default backend if absent.',
        ),
      }),
      'Rules by host.',
    ),
  }),
)

const statusSchema = once(() =>
  object('IngressStatus', 'How an Ingress is reached.', {
    loadBalancer: field(
      object('IngressLoadBalancerStatus', 'Where the load balancer takes requests.', {
        ingress: list(
          object('IngressLoadBalancerIngress', 'A place where requests are taken.', {
            ip: string('Address.'),
            hostname: string('Host name.'),
            ports: list(
              object('IngressPortStatus', 'A port that is served, or why it is not.', {
                port: required(int32('Number of the port.')),
                protocol: required(oneOf(['SCTP', 'TCP', 'UDP'], 'Protocol of the port.')),
                error: string('What is wrong with the port.'),
              }),
              'Ports that are served.',
            ),
          }),
          'Places where requests are taken.',
        ),
      }),
      'Where the load balancer takes requests.',
    ),
  }),
)

export const ingressKind = defineKind<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  namespaced: true,
  storagePrefix: 'ingress',
  subresources: ['status'],
  description: 'Leads HTTP requests from outside to Services, by host and path. A controller of its class serves it.',
  schema: () =>
    object('Ingress', 'Leads HTTP requests from outside to Services.', {
      spec: field(specSchema(), 'Which requests go where.'),
      status: field(statusSchema(), 'How the Ingress is reached.'),
    }),
  applyDefaults(ingress) {
    // Always shown, as in Kubernetes.
    ingress.spec ??= {}
    ingress.status ??= {}
    ingress.status.loadBalancer ??= {}
  },
  validate: validateIngress,
  validateCreate: validateNewIngress,
  validateStatus: validateIngressStatus,
  columns: [
    nameColumn,
    { name: 'Class', type: 'string', description: 'Class whose controller serves it.', value: ({ spec }) => spec?.ingressClassName },
    { name: 'Hosts', type: 'string', description: 'Hosts of the rules.', value: formatHosts },
    { name: 'Address', type: 'string', description: 'Where requests are taken.', value: formatAddresses },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports on which requests are taken.',
      value: ({ spec }) => (spec?.tls?.length ? '80, 443' : '80'),
    },
    ageColumn,
  ],
})

const HOSTS_SHOWN = 3

function formatHosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? []
  const hosts = rules.flatMap(({ host }) => (host ? [host] : []))
  if (hosts.length === 0) return '*'
  const shown = hosts.slice(0, HOSTS_SHOWN).join(',')
  // Kubernetes counts the rules without a host among the rest.
  return hosts.length > HOSTS_SHOWN ? `${shown} + ${rules.length - HOSTS_SHOWN} more...` : shown
}

function formatAddresses({ status }: Ingress): string {
  const places = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean)
  return [...new Set(places)].sort().join(',')
}
