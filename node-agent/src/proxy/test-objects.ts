import type { Endpoint, EndpointSlice, Service, ServiceSpec } from '@davit/api'

/** Makers of objects for tests, with what most have. */

export function service(name: string, spec: ServiceSpec = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.20', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
  }
}

export function slice(serviceName: string, endpoints: Endpoint[], change: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${serviceName}-x`, namespace: 'default', labels: { 'kubernetes.io/service-name': serviceName } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
    ...change,
  }
}

export type EndpointState = 'ready' | 'terminating' | 'gone' | 'not-ready'

/** `terminating` ones still serve; `gone` ones do not. */
export function endpoint(address: string, nodeName = 'node-1', state: EndpointState = 'ready'): Endpoint {
  const conditions = {
    ready: { ready: true, serving: true, terminating: false },
    terminating: { ready: false, serving: true, terminating: true },
    gone: { ready: false, serving: false, terminating: true },
    'not-ready': { ready: false, serving: false, terminating: false },
  }[state]
  return { addresses: [address], nodeName, conditions }
}
