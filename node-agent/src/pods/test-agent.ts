/** An agent's pod manager on a real Docker engine with an API in memory, for this room's tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ConfigMap,
  configMapKind,
  type Logger,
  type Pod,
  podKind,
  type Secret,
  secretKind,
  startInformer,
  systemClock,
} from '@davit/api'
import { ContainerStore, connectDocker, type Docker } from '../docker/index.ts'
import { type Images, type ImagesOptions, startImages } from '../images/index.ts'
import type { PodNetwork } from '../network/types.ts'
import { cleanUpVolumes, createObjectSource, createTokenIssuer, createVolumes, type Volumes } from '../volumes/index.ts'
import { type EventRecorder, podEvents } from './events.ts'
import type { PodManagerOptions } from './make-deps.ts'
import { type PodManager, startPodManager } from './manager.ts'
import { TestApi } from './test-api.ts'

const SUBNET = '10.244.250'
export const NETWORK = 'davit-test'

export interface TestEvent {
  type: string
  reason: string
  message: string
  pod: string
}

export interface TestAgent {
  manager: PodManager
  docker: Docker
  images: Images
  volumes: Volumes
  containers: ContainerStore
  drained: string[]
  stop(): Promise<void>
}

/** What outlives an agent's restart: the API, the directory, the events. */
export interface TestWorld {
  api: TestApi
  dataDir: string
  clusterId: string
  events: TestEvent[]
  startAgent(images?: Partial<ImagesOptions>, manager?: Partial<PodManagerOptions>): Promise<TestAgent>
  create(name: string, spec: Pod['spec'], metadata?: Pod['metadata']): Promise<Pod>
  createConfigMap(name: string, data: Record<string, string>): Promise<ConfigMap>
  createSecret(name: string, data: Record<string, string>): Promise<Secret>
  updateSecret(name: string, data: Record<string, string>): Promise<Secret>
  /** For what nobody tells of: looks again and again until it is so; fails after `ms`, twenty seconds unless told. */
  eventually(what: string, is: () => boolean | Promise<boolean>, ms?: number): Promise<void>
  get(name: string): Promise<Pod | undefined>
  /** Waits until the pod as the API shows it (undefined: gone) satisfies `is`. */
  until(name: string, is: (pod: Pod | undefined) => boolean, ms?: number): Promise<Pod | undefined>
  delete(name: string, gracePeriodSeconds?: number): Promise<void>
  close(): Promise<void>
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const log: Logger = process.env.DAVIT_TEST_LOG
  ? {
      ...silent,
      warn: (fields, message) => console.error('warn', message, fields),
      error: (fields, message) => console.error('error', message, fields),
    }
  : silent

export async function createWorld(host: string): Promise<TestWorld> {
  const socketPath = host.replace('unix://', '')
  const clusterId = `test-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  const dataDir = await mkdtemp(join(tmpdir(), 'davit-pods-'))
  const api = new TestApi()
  const events: TestEvent[] = []
  const agents = new Set<TestAgent>()
  const connect = () => connectDocker({ socketPath, clusterId, nodeName: 'test', log })
  await ensureNetwork(await connect())

  const get = async (name: string) => {
    try {
      return await api.resource(podKind).get({ namespace: 'default', name })
    } catch {
      return undefined
    }
  }
  const world: TestWorld = {
    api,
    dataDir,
    clusterId,
    events,

    async startAgent(overrides = {}, own = {}) {
      const stop = new AbortController()
      const { signal } = stop
      const docker = await connect()
      const containers = new ContainerStore(docker, { clock: systemClock, log })
      const watching = containers.run(signal)
      const pods = startInformer(api, podKind, { indexers: { uid: pod => [pod.metadata.uid ?? ''] }, signal, log })
      const objects = createObjectSource(api, { clock: systemClock, signal })
      const drained: string[] = []
      const record: EventRecorder['event'] = (object, type, reason, message) =>
        void events.push({ type, reason, message, pod: object.metadata.name ?? '' })
      const images = await startImages({
        docker,
        dataDir,
        secrets: objects,
        parallelPullsMax: 3,
        gc: { scope: 'own', highPercent: 100, lowPercent: 100, pinned: [] },
        ...overrides,
        wantedNames: () => [],
        events: podEvents({ event: record }),
        warnNode: (reason, message) => events.push({ type: 'Warning', reason, message, pod: '' }),
        clock: systemClock,
        log,
        signal,
      })
      const volumes = createVolumes({
        objects,
        dnsAddress: '10.96.0.10',
        clusterDomain: 'cluster.local',
        dataDir,
        docker,
        nodeName: 'test',
        issueToken: createTokenIssuer(api, { clock: systemClock, signal }),
        clock: systemClock,
        log,
      })
      const manager = await startPodManager({
        images,
        logs: { maxBytes: 10 << 20, maxFiles: 5 },
        client: api,
        docker,
        containers,
        pods,
        network: testNetwork(),
        hostPorts: { claim: async () => {}, release() {} },
        volumes,
        objects,
        services: () => [],
        events: { event: record },
        dataDir,
        nodeName: 'test',
        hostIp: '127.0.0.1',
        allocatable: { milliCpu: 2000, memoryBytes: 4 * 1024 ** 3 },
        isOwnCluster: () => true,
        ...own,
        drain: async pod => void drained.push(pod.metadata.name ?? ''),
        clock: systemClock,
        log,
        signal,
      })
      const agent: TestAgent = {
        manager,
        docker,
        volumes,
        images,
        containers,
        drained,
        async stop() {
          stop.abort()
          await Promise.all([watching, manager.stopped, images.stopped])
          agents.delete(agent)
        },
      }
      agents.add(agent)
      return agent
    },

    create: (name, spec, metadata = {}) =>
      api.resource(podKind).create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', ...metadata },
        spec: { nodeName: 'test', ...spec },
      }),
    createConfigMap: (name, data) =>
      api
        .resource(configMapKind)
        .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data } as ConfigMap),
    createSecret: (name, data) => {
      const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
      return api
        .resource(secretKind)
        .create({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, data: encoded } as Secret)
    },
    updateSecret: (name, data) => {
      const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
      return api
        .resource(secretKind)
        .update({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, data: encoded } as Secret)
    },
    async eventually(what, is, ms = 20_000) {
      for (const until = Date.now() + ms; Date.now() < until; await new Promise(resolve => setTimeout(resolve, 50))) if (await is()) return
      throw new Error(`${what} did not come about`)
    },
    get,

    async until(name, is, ms = 20_000) {
      const stop = AbortSignal.timeout(ms)
      let last = await get(name)
      if (is(last)) return last
      try {
        for await (const _ of api.resource(podKind).watch({ signal: stop })) {
          last = await get(name)
          if (is(last)) return last
        }
      } catch {
        // Time is up: told below.
      }
      const told = events.filter(({ pod }) => pod === name).map(({ reason, message }) => `${reason}: ${message}`)
      throw new Error(
        `Pod "${name}" did not come to what was wanted. Status: ${JSON.stringify(last?.status, null, 1)}\nEvents: ${told.join('\n')}`,
      )
    },

    delete: (name, gracePeriodSeconds) =>
      api.resource(podKind).delete({ namespace: 'default', name }, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),

    async close() {
      for (const agent of [...agents]) await agent.stop()
      const docker = await connect()
      for (const { id } of await docker.listContainers()) await docker.removeContainer(id)
      await cleanUpVolumes(dataDir, { docker, removeData: true })
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  return world
}

async function ensureNetwork(docker: Docker): Promise<void> {
  const found = await docker.raw.listNetworks({ filters: JSON.stringify({ name: [NETWORK] }) })
  if (found.length > 0) return
  await docker.raw
    .createNetwork({ Name: NETWORK, Driver: 'bridge', IPAM: { Config: [{ Subnet: `${SUBNET}.0/24`, Gateway: `${SUBNET}.1` }] } })
    .catch(() => {})
}

let nextAddress = 10 + (process.pid % 100)

function testNetwork(): PodNetwork {
  const given = new Map<string, string>()
  return {
    dockerNetwork: NETWORK,
    gateway: `${SUBNET}.1`,
    problem: undefined,
    allocate(podUid) {
      const address = given.get(podUid) ?? `${SUBNET}.${nextAddress++}`
      given.set(podUid, address)
      return address
    },
    adopt: (podUid, address) => void given.set(podUid, address),
    release: podUid => void given.delete(podUid),
    attached: async () => {},
    freeStaleEndpoint: async () => {},
  }
}

/** Docker's id of a pod's running container, waited for: an agent that has just started knows its pods a moment later. */
export async function containerId(agent: TestAgent, pod: Pod | undefined, container = 'main'): Promise<string> {
  const podUid = pod?.metadata.uid ?? ''
  for (const until = performance.now() + 10_000; performance.now() < until; await new Promise(resolve => setTimeout(resolve, 20))) {
    const found = agent.manager.findContainer({ podUid, container })
    if (found) return found.id
  }
  throw new Error(`The agent knows no container "${container}" of pod ${pod?.metadata.name}`)
}
