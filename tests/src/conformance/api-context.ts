/** What a case about the API alone works with: a namespace of its own in the shared cluster, and the few moves that most cases make. */
import {
  configMapKind,
  type Event,
  eventKind,
  type HttpClient,
  type Kind,
  type KubernetesObject,
  namespaceKind,
  type ObjectMeta,
  type Pod,
  type PodSpec,
  podKind,
  type ResourceClient,
  secretKind,
  serviceAccountKind,
} from '@davit/api'
import type { CommandResult } from '@davit/deploy'
import type { Informers } from '../informers.ts'

/** How long a change may take to show, milliseconds. Controllers take less than a second, volumes in pods a few. */
const EVENTUALLY_MS = 60_000
const POLL_MS = 150

/** What a pod is to have beside its spec. */
export interface PodMeta {
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

/** The cluster that cases share; it may have no nodes. */
export interface ApiCluster {
  readonly client: HttpClient
  /** Resolves with what `find` gives as soon as it gives something; throws after a minute, naming `what`. */
  readonly until: Informers['until']
  /** Runs kubectl with the administrator's kubeconfig. */
  kubectl(args: readonly string[], options?: { input?: string; allowFailure?: boolean }): Promise<CommandResult>
}

export class ApiContext<C extends ApiCluster = ApiCluster> {
  readonly cluster: C
  readonly namespace: string

  constructor(cluster: C, namespace: string) {
    this.cluster = cluster
    this.namespace = namespace
  }

  get client(): HttpClient {
    return this.cluster.client
  }

  resource<T extends KubernetesObject>(kind: Kind<T>): ResourceClient<T> {
    return this.cluster.client.resource(kind)
  }

  /** Makes the namespace and waits until pods may be made in it. */
  async open(): Promise<void> {
    await this.#makeNamespace(this.namespace)
  }

  /** Asks for the end of everything in the namespace. */
  async close(): Promise<void> {
    await this.resource(namespaceKind).delete({ name: this.namespace })
  }

  /** A second namespace, for the time of `use`. */
  async inOtherNamespace(use: (namespace: string) => Promise<void>): Promise<void> {
    const other = `${this.namespace}-other`
    await this.#makeNamespace(other)
    try {
      await use(other)
    } finally {
      await this.resource(namespaceKind).delete({ name: other })
    }
  }

  async #makeNamespace(name: string): Promise<void> {
    await this.resource(namespaceKind).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    await this.cluster.until(serviceAccountKind, `the ServiceAccount of ${name}`, accounts =>
      accounts.some(({ metadata }) => metadata.namespace === name && metadata.name === 'default'),
    )
  }

  async configMap(name: string, data: Record<string, string>, fields: { binaryData?: Record<string, string>; immutable?: boolean } = {}) {
    return this.resource(configMapKind).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: this.named(name), data, ...fields })
  }

  /** A Secret of plain text values. */
  async secret(name: string, data: Record<string, string>, { namespace = this.namespace, immutable = false } = {}) {
    const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
    const metadata = { name, namespace }
    return this.resource(secretKind).create({ apiVersion: 'v1', kind: 'Secret', metadata, data: encoded, ...(immutable && { immutable }) })
  }

  named(name: string, more: ObjectMeta = {}): ObjectMeta & { name: string; namespace: string } {
    return { ...more, name, namespace: this.namespace }
  }

  /** Makes a pod that ends quickly when it is deleted. */
  async create(name: string, spec: PodSpec, metadata: PodMeta = {}): Promise<Pod> {
    return this.resource(podKind).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: this.named(name, metadata),
      spec: { terminationGracePeriodSeconds: 1, ...spec },
    })
  }

  async pod(name: string): Promise<Pod> {
    return this.resource(podKind).get({ namespace: this.namespace, name })
  }

  /** Waits until the pod is as wanted. */
  until<R>(name: string, what: string, find: (pod: Pod) => R | undefined | false, timeoutMs?: number): Promise<R> {
    let last: Pod | undefined
    return this.cluster
      .until(
        podKind,
        `pod ${this.namespace}/${name} to be ${what}`,
        pods => {
          last = pods.find(({ metadata }) => metadata.namespace === this.namespace && metadata.name === name)
          return last && find(last)
        },
        timeoutMs,
      )
      .catch((cause: unknown) => {
        const status = JSON.stringify(last?.status ?? 'no such pod', undefined, 1)
        throw new Error(`Waited in vain for pod ${this.namespace}/${name} to be ${what}; it is: ${status}`, { cause })
      })
  }

  async untilGone(name: string, timeoutMs?: number): Promise<void> {
    await this.cluster.until(
      podKind,
      `pod ${this.namespace}/${name} to be gone`,
      pods => !pods.some(({ metadata }) => metadata.namespace === this.namespace && metadata.name === name),
      timeoutMs,
    )
  }

  /** Waits until what sends no events is as wanted; gives it. */
  async eventually<R>(what: string, look: () => Promise<R>, is: (found: R) => boolean = Boolean): Promise<R> {
    const deadline = performance.now() + EVENTUALLY_MS
    for (;;) {
      const found = await look().catch((error: unknown) => error as Error)
      if (!(found instanceof Error) && is(found)) return found
      if (performance.now() > deadline) {
        const shown = found instanceof Error ? found.message : JSON.stringify(found)?.slice(0, 2_000)
        throw new Error(`${what} did not come about; there is: ${shown}`)
      }
      await new Promise(resolve => setTimeout(resolve, POLL_MS))
    }
  }

  /** Waits until an Event of that reason tells of an object of this namespace. */
  event(name: string, reason: string, message?: RegExp): Promise<Event> {
    return this.cluster.until(eventKind, `event ${reason} of ${this.namespace}/${name}`, events =>
      events.find(
        event =>
          event.metadata.namespace === this.namespace &&
          event.involvedObject.name === name &&
          event.reason === reason &&
          (!message || message.test(event.message ?? '')),
      ),
    )
  }
}
