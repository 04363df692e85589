import type { KubernetesObject } from '../../meta.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/ */
export interface Ingress extends KubernetesObject {
  spec: IngressSpec
  status?: IngressStatus
}

export interface IngressSpec {
  ingressClassName?: string
  /** Takes what no rule takes. */
  defaultBackend?: IngressBackend
  tls?: IngressTls[]
  rules?: IngressRule[]
}

/** A Service or another object; one of the two. */
export interface IngressBackend {
  service?: { name: string; port?: { name?: string; number?: number } }
  resource?: { apiGroup?: string; kind: string; name: string }
}

export interface IngressTls {
  hosts?: string[]
  secretName?: string
}

export interface IngressRule {
  /** Absent: every host. `*.example.com` is each with one more label. */
  host?: string
  http?: { paths: HttpIngressPath[] }
}

export interface HttpIngressPath {
  path?: string
  pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific'
  backend: IngressBackend
}

export interface IngressStatus {
  loadBalancer?: { ingress?: IngressLoadBalancerIngress[] }
}

export interface IngressLoadBalancerIngress {
  ip?: string
  hostname?: string
  ports?: { port: number; protocol: 'TCP' | 'UDP' | 'SCTP'; error?: string }[]
}
