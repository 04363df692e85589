import { type Node, type Pod, type PodResources, parseMilli, parseQuantity, podResourceRequests } from '@davit/api'

/** A node as the scheduler sees it: what it reports, less what its pods asked for. */
export interface NodeInfo {
  readonly node: Node
  readonly allocatable: NodeResources
  readonly requested: NodeResources
  /** Requests with Kubernetes' assumed amounts for pods that ask for nothing; only scores use them. */
  readonly weighed: { milliCpu: number; memoryBytes: number }
  /** Pods bound to the node or assumed to be, by uid. */
  readonly pods: ReadonlyMap<string, Pod>
}

export interface NodeResources extends PodResources {
  pods: number
}

/** What a container that asks for nothing is taken to use, so that such pods spread too. */
const ASSUMED = { milliCpu: 100, memoryBytes: 200 * 1024 * 1024 }

/** Everything known of nodes and the pods on them, kept up to date pod by pod, never recounted. */
export class ClusterState {
  readonly #nodes = new Map<string, MutableNodeInfo>()
  /** Where each counted pod is: a pod leaves the node it was counted on, whatever it says now. */
  readonly #placed = new Map<string, string>()

  nodes(): IterableIterator<NodeInfo> {
    return [...this.#nodes.values()].filter(info => info.known).values()
  }

  get(name: string): NodeInfo | undefined {
    const info = this.#nodes.get(name)
    return info?.known ? info : undefined
  }

  get size(): number {
    let count = 0
    for (const info of this.#nodes.values()) if (info.known) count++
    return count
  }

  setNode(node: Node): void {
    const info = this.#entry(node.metadata.name ?? '')
    info.node = node
    info.known = true
    info.allocatable = allocatableOf(node)
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name)
    if (!info) return
    info.known = false
    if (info.pods.size === 0) this.#nodes.delete(name)
  }

  /** Counts a pod on the node it is bound to (or assumed on), replacing what was counted of it before. */
  setPod(pod: Pod, nodeName: string): void {
    const uid = pod.metadata.uid ?? ''
    this.removePod(uid)
    const info = this.#entry(nodeName)
    info.pods.set(uid, pod)
    this.#placed.set(uid, nodeName)
    count(info, pod, 1)
  }

  removePod(uid: string): void {
    const nodeName = this.#placed.get(uid)
    const info = nodeName === undefined ? undefined : this.#nodes.get(nodeName)
    const pod = info?.pods.get(uid)
    this.#placed.delete(uid)
    if (!info || !pod) return
    info.pods.delete(uid)
    count(info, pod, -1)
    if (!info.known && info.pods.size === 0 && nodeName !== undefined) this.#nodes.delete(nodeName)
  }

  /** Pods may be heard of before their node. */
  #entry(name: string): MutableNodeInfo {
    let info = this.#nodes.get(name)
    if (!info) {
      const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name } }
      info = { node, known: false, allocatable: nothing(), requested: nothing(), weighed: { milliCpu: 0, memoryBytes: 0 }, pods: new Map() }
      this.#nodes.set(name, info)
    }
    return info
  }
}

interface MutableNodeInfo extends NodeInfo {
  node: Node
  known: boolean
  allocatable: NodeResources
  pods: Map<string, Pod>
}

const nothing = (): NodeResources => ({ milliCpu: 0, memoryBytes: 0, ephemeralStorageBytes: 0, pods: 0, extended: {} })

function allocatableOf({ status }: Node): NodeResources {
  const { cpu = 0, memory = 0, pods = 110, 'ephemeral-storage': storage = Number.POSITIVE_INFINITY, ...rest } = status?.allocatable ?? {}
  const amount = (value: string | number) => (value === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : parseQuantity(value))
  const extended = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, parseQuantity(value)]))
  return {
    milliCpu: parseMilli(cpu),
    memoryBytes: parseQuantity(memory),
    ephemeralStorageBytes: amount(storage),
    pods: parseQuantity(pods),
    extended,
  }
}

function count({ requested, weighed }: MutableNodeInfo, pod: Pod, sign: 1 | -1): void {
  const requests = podResourceRequests(pod)
  requested.milliCpu += sign * requests.milliCpu
  requested.memoryBytes += sign * requests.memoryBytes
  requested.ephemeralStorageBytes += sign * requests.ephemeralStorageBytes
  requested.pods += sign
  for (const [name, amount] of Object.entries(requests.extended)) requested.extended[name] = (requested.extended[name] ?? 0) + sign * amount
  const weight = weightOf(pod, requests)
  weighed.milliCpu += sign * weight.milliCpu
  weighed.memoryBytes += sign * weight.memoryBytes
}

/** Requests for scoring. */
export function weightOf(pod: Pod, requests: PodResources = podResourceRequests(pod)): { milliCpu: number; memoryBytes: number } {
  const containers = pod.spec.containers.length
  return {
    milliCpu: requests.milliCpu || ASSUMED.milliCpu * containers,
    memoryBytes: requests.memoryBytes || ASSUMED.memoryBytes * containers,
  }
}
