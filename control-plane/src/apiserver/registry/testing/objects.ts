import type { ConfigMap, Namespace, Node, ObjectMeta, Pod, PodSpec, Service, ServiceSpec } from '@davit/api'

type Meta = Partial<ObjectMeta>

export function configMap(name: string, metadata: Meta = {}, data: Record<string, string> = { a: '1' }): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', ...metadata }, data }
}

export function pod(name: string, spec: Partial<PodSpec> = {}, metadata: Meta = {}): Pod {
  const containers = [{ name: 'main', image: 'nginx:1.25' }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...metadata }, spec: { containers, ...spec } }
}

export function service(name: string, spec: Partial<ServiceSpec> = {}): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { ports: [{ port: 80 }], ...spec } }
}

export function namespace(name: string): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

export function node(name: string): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name } } as Node
}
