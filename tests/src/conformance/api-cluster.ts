/** A cluster without nodes: the API server and the controllers as a process, on an etcd of the test's own. */
import { type HttpClient, namespaceKind } from '@davit/api'
import { type CommandResult, command } from '@davit/deploy'
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts'
import { startEtcd, type TestEtcd } from '../control-plane/etcd.ts'
import { Informers } from '../informers.ts'
import { kubectlBinary } from '../kubectl.ts'
import type { ApiCluster } from './api-context.ts'

/** kubectl 1.33, the release whose API is served. */
export const KUBECTL_MINOR = 33
/** Where pods would reach it; nobody here does. */
export const ADVERTISED = '192.0.2.1'
const REQUEST_MS_MAX = 10_000

/** Starts one; resolves once the API is served and the controllers have begun. */
export async function startApiCluster(): Promise<PlaneCluster> {
  const etcd = await startEtcd()
  try {
    return new PlaneCluster(etcd, await startControlPlane({ etcdUrl: etcd.url, args: ['--advertise-address', ADVERTISED] }))
  } catch (error) {
    await etcd[Symbol.asyncDispose]()
    throw error
  }
}

export class PlaneCluster implements ApiCluster {
  readonly plane: ControlPlane
  readonly #etcd: TestEtcd
  readonly #stop = new AbortController()
  readonly #informers: Informers
  readonly until: Informers['until']

  constructor(etcd: TestEtcd, plane: ControlPlane) {
    this.#etcd = etcd
    this.plane = plane
    this.#informers = new Informers(plane.client, this.#stop.signal)
    this.until = this.#informers.until.bind(this.#informers)
  }

  get client(): HttpClient {
    return this.plane.client
  }

  async kubectl(args: readonly string[], options: { input?: string; allowFailure?: boolean } = {}): Promise<CommandResult> {
    return command(await kubectlBinary(KUBECTL_MINOR), ['--kubeconfig', this.plane.kubeconfig, ...args], {
      env: { PATH: process.env.PATH, HOME: this.plane.dataDir },
      ...options,
    })
  }

  /** Makes etcd forget everything before the present, as it does by itself after some minutes. */
  async forgetThePast(): Promise<void> {
    const { metadata } = await this.client.resource(namespaceKind).list()
    const answer = await fetch(`${this.#etcd.url}/v3/kv/compaction`, {
      method: 'POST',
      body: JSON.stringify({ revision: metadata.resourceVersion, physical: true }),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    })
    if (!answer.ok) throw new Error(`Cannot compact etcd: ${answer.status} ${await answer.text()}`)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.plane[Symbol.asyncDispose]()
    await this.#etcd[Symbol.asyncDispose]()
  }
}
