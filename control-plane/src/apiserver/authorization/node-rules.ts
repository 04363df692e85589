/**
 * What an agent may do with its certificate: keep its own Node and Lease, run the pods bound to it, and read what they need. A
 * stolen certificate is worth what runs on that node, and no more (design decision 9).
 */
import { NAMESPACES, type Node, type PersistentVolume, type Pod, parseFieldSelector, type TokenRequest, VOLUMES } from '@davit/api'
import { type PodReferences, referencesOf, tokenAudiences } from './pod-references.ts'
import type { Attributes } from './types.ts'

/** What the rules must know of the cluster. `fresh`: linearizable, for when the cache would deny. */
export interface NodeLookups {
  podsOnNode(node: string, options: { namespace: string; fresh: boolean }): Promise<readonly Pod[]>
  pod(namespace: string, name: string, options: { fresh: boolean }): Promise<Pod | undefined>
  volume(name: string, options: { fresh: boolean }): Promise<PersistentVolume | undefined>
}

export interface NodeRequest extends Attributes {
  /** Of the node that asks. */
  node: string
  body: unknown
}

/** Undefined: allowed. A text: why not, for the message; empty when there is nothing to add. */
type Rule = (request: NodeRequest, lookups: NodeLookups) => Promise<string | undefined> | string | undefined

const READ = ['get', 'list', 'watch']
const NO = ''

const RULES: Readonly<Record<string, Rule>> = {
  nodes: ({ verb, subresource, name, node, body }) => {
    if (READ.includes(verb) && !subresource) return undefined
    if (verb === 'create' && !subresource)
      return nameIn(body) === node ? undefined : `node ${JSON.stringify(node)} can only create a node with its own name`
    if ((verb === 'update' || verb === 'patch') && (!subresource || subresource === 'status')) {
      return name === node ? undefined : `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name ?? '')}`
    }
    return NO
  },
  'leases.coordination.k8s.io': ({ verb, namespace, name, node, body }) => {
    const asked = verb === 'create' ? nameIn(body) : name
    if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) return NO
    return namespace === NAMESPACES.nodeLease && asked === node
      ? undefined
      : `can only access node lease with the same name as the requesting node`
  },
  services: readOnly,
  endpoints: readOnly,
  'endpointslices.discovery.k8s.io': readOnly,
  'runtimeclasses.node.k8s.io': readOnly,
  namespaces: ({ verb, subresource }) => (READ.includes(verb) && !subresource ? undefined : NO),
  events: writeEvents,
  'events.events.k8s.io': writeEvents,
  pods: async (request, lookups) => {
    const { verb, subresource, node, fieldSelector, namespace, name } = request
    if ((verb === 'list' || verb === 'watch') && !subresource) {
      return selects(fieldSelector, 'spec.nodeName') === node ? undefined : 'can only list/watch pods with spec.nodeName field selector'
    }
    if (verb === 'create' && !subresource) return mirrorNaming(request.body, node)
    const isAllowed =
      (verb === 'get' && !subresource) ||
      (verb === 'delete' && !subresource) ||
      ((verb === 'update' || verb === 'patch') && subresource === 'status') ||
      (verb === 'create' && subresource === 'eviction')
    if (!isAllowed || !namespace || !name) return NO
    const own = await confirmed(async fresh => (await lookups.pod(namespace, name, { fresh }))?.spec.nodeName === node)
    return own ? undefined : `no relationship found between node ${JSON.stringify(node)} and this object`
  },
  configmaps: readByPod('configmaps'),
  secrets: readByPod('secrets'),
  persistentvolumeclaims: readByPod('persistentvolumeclaims'),
  persistentvolumes: async ({ verb, subresource, name, node }, lookups) => {
    if (READ.includes(verb) && !subresource) return undefined
    if (verb !== 'delete' || subresource || !name) return NO
    // The agent that has removed the data of a released volume removes the object, and no other.
    const isOwn = await confirmed(async fresh => isReleasedOn(await lookups.volume(name, { fresh }), node))
    return isOwn ? undefined : `can only delete released volumes that were provisioned on node ${JSON.stringify(node)}`
  },
  serviceaccounts: (request, lookups) =>
    request.subresource === 'token' ? requestToken(request, lookups) : readByPod('serviceaccounts')(request, lookups),
}

/** Undefined when the node may; otherwise why not. */
export async function judgeNode(request: NodeRequest, lookups: NodeLookups): Promise<string | undefined> {
  const { group, resource } = request
  const name = group ? `${resource}.${group}` : resource
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined
  return rule ? rule(request, lookups) : NO
}

function readOnly({ verb, subresource }: NodeRequest): string | undefined {
  return READ.includes(verb) && !subresource ? undefined : NO
}

function writeEvents({ verb, subresource }: NodeRequest): string | undefined {
  return ['create', 'update', 'patch'].includes(verb) && !subresource ? undefined : NO
}

/**
 * A node makes pods only to mirror its static ones, which admission looks at. Such a pod may name nothing of the API, or a node could
 * read whatever it likes by naming it.
 */
function mirrorNaming(body: unknown, node: string): string | undefined {
  let names: PodReferences
  try {
    names = referencesOf(body as Pod)
  } catch {
    return 'the pod cannot be read'
  }
  const [named] = Object.entries(names).filter(([, found]) => found.size > 0)
  return named && `node ${JSON.stringify(node)} can not create pods that reference ${named[0]}`
}

/** Objects that a pod bound to the node names; by name only, so that nobody can look for others. */
function readByPod(resource: keyof PodReferences): Rule {
  return async ({ verb, subresource, namespace, name, fieldSelector, node }, lookups) => {
    if (!READ.includes(verb) || subresource) return NO
    const wanted = verb === 'get' ? name : (selects(fieldSelector, 'metadata.name') ?? name)
    if (!wanted || !namespace) return 'can only read objects one at a time, by name'
    const isNamed = await confirmed(async fresh => {
      const pods = await lookups.podsOnNode(node, { namespace, fresh })
      return pods.some(pod => referencesOf(pod)[resource].has(wanted))
    })
    return isNamed ? undefined : `no relationship found between node ${JSON.stringify(node)} and this object`
  }
}

function isReleasedOn(volume: PersistentVolume | undefined, node: string): boolean {
  const { labels, annotations } = volume?.metadata ?? {}
  return (
    labels?.[VOLUMES.hostnameLabel] === node &&
    annotations?.[VOLUMES.provisionedBy] === VOLUMES.provisioner &&
    volume?.status?.phase === 'Released' &&
    volume.spec.persistentVolumeReclaimPolicy === 'Delete'
  )
}

/** A token of a pod that runs there, which ends with the pod, and for nobody else than the pod asks for. */
async function requestToken({ verb, namespace, name, node, body }: NodeRequest, lookups: NodeLookups): Promise<string | undefined> {
  if (verb !== 'create' || !namespace || !name) return NO
  const { boundObjectRef: bound, audiences = [] } = (body as Partial<TokenRequest> | undefined)?.spec ?? {}
  if (bound?.kind !== 'Pod' || !bound.name) return 'node requested token not bound to a pod'
  if (!bound.uid) return 'node requested token with a pod binding without a uid'
  // Who names nobody asks for the API server, which a pod may not want to talk to either.
  const [audience = '', ...others] = Array.isArray(audiences) ? audiences : []
  if (others.length > 0) return 'node may only request 0 or 1 audiences'
  const judge = async (fresh: boolean) => judgePodToken(await lookups.pod(namespace, bound.name!, { fresh }))
  const judgePodToken = (pod: Pod | undefined) => {
    if (!pod || pod.metadata.uid !== bound.uid) return `node requested token bound to a pod that is not there`
    if (pod.spec.nodeName !== node) return 'node requested token bound to a pod scheduled on a different node'
    if (pod.spec.serviceAccountName !== name) return 'node requested token of a service account that the pod does not run as'
    return tokenAudiences(pod).has(audience) ? undefined : `audience ${JSON.stringify(audience)} not found in pod spec volume`
  }
  return (await judge(false)) === undefined ? undefined : judge(true)
}

/** The cache may not have heard yet of a pod that the agent already knows: a denial is confirmed. */
async function confirmed(test: (fresh: boolean) => Promise<boolean>): Promise<boolean> {
  return (await test(false)) || (await test(true))
}

/** The value that `selector` demands of `field`. */
function selects(selector: string | undefined, field: string): string | undefined {
  if (!selector) return undefined
  return parseFieldSelector(selector).find(requirement => requirement.field === field && requirement.operator === '=')?.value
}

function nameIn(body: unknown): string | undefined {
  return (body as Partial<Node> | undefined)?.metadata?.name
}
