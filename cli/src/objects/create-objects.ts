/** Objects that `create` makes from its arguments, with the empty members kubectl gives them. */
import type { AnyObject } from '../session/index.ts'

export function namespaceObject(name: string): AnyObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: metadata(name), spec: {}, status: {} } as unknown as AnyObject
}

export function serviceAccountObject(name: string): AnyObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name) } as unknown as AnyObject
}

export interface DeploymentArguments {
  name: string
  images: readonly string[]
  replicas: number
  port?: number
  command?: readonly string[]
}

/** Containers are named after their images. Throws when several images come with one command. */
export function deploymentObject({ name, images, replicas, port, command = [] }: DeploymentArguments): AnyObject {
  if (images.length > 1 && command.length > 0) throw new Error('cannot specify multiple --image options and command')
  const containers = images.map((image, at) => ({
    image,
    name: uniqueName(image, images.slice(0, at)),
    resources: {},
    ...(command.length > 0 && { command: [...command] }),
    ...(port !== undefined && at === 0 && { ports: [{ containerPort: port }] }),
  }))
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata(name), labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: {},
      template: { metadata: { creationTimestamp: null, labels }, spec: { containers } },
    },
    status: {},
  } as unknown as AnyObject
}

function uniqueName(image: string, before: readonly string[]): string {
  const base = (image.split('/').at(-1) ?? image).split(/[:@]/)[0]!.replaceAll('_', '-')
  return before.some(other => (other.split('/').at(-1) ?? other).split(/[:@]/)[0] === base) ? `${base}-${before.length + 1}` : base
}

export interface ServiceArguments {
  name: string
  type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  /** `80:8080`, or `80`. */
  tcp: readonly string[]
  nodePort?: number
  clusterIp?: string
  externalName?: string
}

/** Throws in kubectl's words for ports that are none. */
export function serviceObject({ name, type, tcp, nodePort, clusterIp, externalName }: ServiceArguments): AnyObject {
  const ports = tcp.map(text => ({ ...parsePort(text), ...(nodePort ? { nodePort } : {}) }))
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata(name), labels: { app: name } },
    spec: {
      ...(clusterIp && { clusterIP: clusterIp }),
      ...(externalName && { externalName }),
      ...(ports.length > 0 && { ports }),
      selector: { app: name },
      type,
    },
    status: { loadBalancer: {} },
  } as unknown as AnyObject
}

function parsePort(text: string) {
  const [first = '', second = first] = text.split(':')
  const isNumber = (part: string) => /^\d+$/.test(part) && Number(part) > 0 && Number(part) < 65_536
  if (!isNumber(first) || second === '') throw new Error(`invalid port format ${text}: want PORT or PORT:TARGET`)
  const targetPort = /^\d+$/.test(second) ? Number(second) : second
  return { name: text.replace(':', '-'), port: Number(first), protocol: 'TCP', targetPort }
}

function metadata(name: string) {
  return { creationTimestamp: null, name }
}
