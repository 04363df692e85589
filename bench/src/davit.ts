/** Davit on the bench's hosts: brought up as `npm run up -- --nodes N` does it, driven and watched through its API. */
import {
  type Client,
  type Deployment,
  deploymentKind,
  type EndpointSlice,
  endpointSliceKind,
  isPodActive,
  type Node,
  nodeKind,
  type Pod,
  podKind,
  type Service,
  serviceKind,
} from '@davit/api'
import { bringUp, type DockerHost, relinkHost, stopAgent, stopControlPlane } from '@davit/deploy'
import { IMAGE } from './containers.ts'
import { DOCKERD_ARGS, type Lab, NETWORK } from './lab.ts'
import { type Observed, observe } from './observe.ts'
import { benchPort } from './ports.ts'

const NAME = 'bench'
const NAMESPACE = 'default'
const LABELS = { app: NAME }
const TIMEOUT_MS = 300_000

export interface Davit {
  readonly client: Client
  /** The Deployment's pods. */
  readonly pods: Observed<Pod>
  readonly nodes: Observed<Node>
  /** Those of the Service that leads to the Deployment's pods. */
  readonly endpointSlices: Observed<EndpointSlice>
  /** Seconds from the request to create the Deployment to all its pods Running. */
  startDeployment(replicas: number): Promise<number>
  /** Settles when its last pod is gone. */
  removeDeployment(): Promise<void>
  /** Seconds from the request to create a pod to Running; it is gone again when this settles. */
  runPod(name: string): Promise<number>
  /** Makes a crashed host a Ready node again. */
  repair(host: DockerHost): Promise<void>
}

/** Brings Davit up on the lab's hosts, runs `work`, and stops it; what it stored is there the next time. */
export async function withDavit<T>(lab: Lab, signal: AbortSignal, work: (davit: Davit) => Promise<T>): Promise<T> {
  const { home, hosts } = lab
  const ended = new AbortController()
  const either = AbortSignal.any([signal, ended.signal])
  const port = await benchPort()
  const up = () => bringUp({ home, port, nodes: hosts.length, network: NETWORK, dockerdArgs: DOCKERD_ARGS })
  try {
    const { client } = await up()
    try {
      return await work(await drive({ client, signal: either, repair: host => relinkHost(host, NETWORK).then(up) }))
    } finally {
      ended.abort()
      client.close()
    }
  } finally {
    await Promise.all(hosts.map(host => stopAgent(home, host.name)))
    await stopControlPlane(home)
  }
}

interface Parts {
  client: Client
  signal: AbortSignal
  repair: (host: DockerHost) => Promise<{ client: { close(): void } }>
}

async function drive({ client, signal, repair }: Parts): Promise<Davit> {
  const [pods, nodes, endpointSlices] = await Promise.all([
    observe(client, podKind, { namespace: NAMESPACE, labelSelector: `app=${NAME}`, signal }),
    observe(client, nodeKind, { signal }),
    observe(client, endpointSliceKind, { namespace: NAMESPACE, labelSelector: `kubernetes.io/service-name=${NAME}`, signal }),
  ])
  const target = { namespace: NAMESPACE, name: NAME }
  await client.resource(serviceKind).create(service(), { signal })
  return {
    client,
    pods,
    nodes,
    endpointSlices,
    startDeployment: async replicas => {
      const began = performance.now()
      await client.resource(deploymentKind).create(deployment(replicas), { signal })
      const all = (present: readonly Pod[]) => present.filter(isRunning).length >= replicas
      return ((await pods.until(`${replicas} pods to be Running`, all, TIMEOUT_MS)) - began) / 1000
    },
    removeDeployment: async () => {
      await client.resource(deploymentKind).delete(target, { propagationPolicy: 'Background', signal })
      await pods.until('the pods to be gone', present => present.length === 0, TIMEOUT_MS)
    },
    runPod: async name => {
      const began = performance.now()
      await client.resource(podKind).create(pod(name), { signal })
      const isThere = (present: readonly Pod[]) => present.some(one => one.metadata.name === name && isRunning(one))
      const took = ((await pods.until(`pod ${name} to be Running`, isThere, TIMEOUT_MS)) - began) / 1000
      await client.resource(podKind).delete({ namespace: NAMESPACE, name }, { signal })
      await pods.until(`pod ${name} to be gone`, present => !present.some(one => one.metadata.name === name), TIMEOUT_MS)
      return took
    },
    repair: async host => (await repair(host)).client.close(),
  }
}

export const isRunning = (pod: Pod): boolean => isPodActive(pod) && pod.status?.phase === 'Running'

const podSpec = () => ({ terminationGracePeriodSeconds: 5, containers: [{ name: 'rest', image: IMAGE }] })

function deployment(replicas: number): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: { replicas, selector: { matchLabels: LABELS }, template: { metadata: { labels: LABELS }, spec: podSpec() } },
  }
}

function pod(name: string): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE, labels: LABELS }, spec: podSpec() }
}

function service(): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: { selector: LABELS, ports: [{ port: 80 }] },
  }
}
