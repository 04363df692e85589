import { type Client, KINDS, type Kind, type KubernetesObject, NETWORKS, systemClock, type WatchEvent, type WatchOptions } from '@davit/api'
import { KindRegistry } from '../../../kind-registry.ts'
import { createStorage, type EtcdStorage } from '../../../storage/index.ts'
import { startTestEtcd, type TestEtcd } from '../../../storage/testing/index.ts'
import type { WebhookTransport } from '../../webhooks/index.ts'
import { type BootstrapResult, bootstrap } from '../bootstrap.ts'
import { createRegistry } from '../create-registry.ts'
import { createInProcessClient } from '../in-process-client.ts'
import type { Registry, RequestContext } from '../types.ts'
import type { ConvertByWebhook } from '../versioned-resource.ts'

export interface TestRegistry extends AsyncDisposable {
  readonly etcd: TestEtcd
  readonly storage: EtcdStorage
  readonly registry: Registry
  readonly client: Client
  readonly context: RequestContext
  readonly bootstrapped: BootstrapResult
  /** Another replica on the same etcd. */
  replica(): Promise<{ storage: EtcdStorage; registry: Registry; client: Client }>
  /** The first event `matches` says yes to. */
  event<T extends KubernetesObject>(
    kind: Kind<T>,
    options: WatchOptions,
    matches: (event: WatchEvent<T>) => boolean,
  ): Promise<WatchEvent<T>>
}

const log = { debug() {}, info() {}, warn() {}, error() {} }
const USER = { name: 'kubernetes-admin', groups: ['system:masters'] }

/** Started and bootstrapped, by so many replicas at once; everything ends when it is disposed of. */
export async function startTestRegistry({
  replicas = 1,
  convert,
  webhooks,
}: {
  replicas?: number
  convert?: ConvertByWebhook
  webhooks?: () => WebhookTransport
} = {}): Promise<TestRegistry> {
  const etcd = await startTestEtcd()
  const storages: EtcdStorage[] = []
  const replica = async () => {
    const storage = createStorage({ etcd: { urls: [etcd.url] }, log, clock: systemClock })
    storages.push(storage)
    const networks = { podCidr: NETWORKS.pods, serviceCidr: NETWORKS.services, dnsAddress: NETWORKS.dns, nodePorts: NETWORKS.nodePorts }
    const options = { ...(convert && { convert }), ...(webhooks && { webhooks }) }
    const registry = createRegistry({ storage, kinds: new KindRegistry(KINDS), networks, clock: systemClock, log, ...options })
    await storage.start(AbortSignal.timeout(20_000))
    return { storage, registry, client: createInProcessClient(registry, USER) }
  }
  const started = await Promise.all(Array.from({ length: replicas }, replica))
  const signal = AbortSignal.timeout(20_000)
  const results = await Promise.all(started.map(({ registry, storage }) => bootstrap(registry, storage, signal)))
  const [first] = started
  const [bootstrapped] = results
  if (!first || !bootstrapped) throw new Error('Cannot start a registry of no replicas')
  const { storage, registry, client } = first
  return {
    etcd,
    storage,
    registry,
    client,
    context: { user: USER },
    bootstrapped,
    replica,
    async event(kind, options, matches) {
      const signal = AbortSignal.timeout(10_000)
      for await (const event of client.resource(kind).watch({ ...options, signal })) if (matches(event)) return event
      throw new Error('The watch ended without the event')
    },
    async [Symbol.asyncDispose]() {
      for (const open of storages) await open.close()
      await etcd[Symbol.asyncDispose]()
    },
  }
}
