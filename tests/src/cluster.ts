/** A whole cluster for a test file: real Docker hosts in network namespaces, real etcd, real agents, in a home of its own. */
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  deploymentKind,
  endpointSliceKind,
  type HttpClient,
  type Informer,
  isPodReady,
  type Kind,
  type KubernetesObject,
  type Node,
  nodeKind,
  PATHS,
  type Pod,
  podKind,
} from '@davit/api'
import {
  bringDown,
  bringUp,
  type CommandResult,
  command,
  type DockerHost,
  ensureHostBridge,
  type Home,
  type HostNetwork,
  homeAt,
  inHost,
  knownHosts,
  readClusterState,
  startHost,
  type UpOptions,
} from '@davit/deploy'
import { makeNginxImages, makeShellImages } from './images.ts'
import { Informers } from './informers.ts'
import { kubectlBinary } from './kubectl.ts'

/** Second number of the hosts' addresses; another one lets a second run share the machine with the first. */
const SLOT = Number(process.env.DAVIT_TEST_SLOT ?? 201)
const NETWORK: HostNetwork = { prefix: `davit-test${SLOT}-`, bridge: `davit-t${SLOT}`, subnet: `10.${SLOT}.0` }
const PORT = 16_242 + SLOT
const HOME_PREFIX = `davit-test${SLOT}-home-`

export interface TestCluster {
  readonly home: Home
  readonly client: HttpClient
  readonly hosts: readonly DockerHost[]
  readonly network: HostNetwork
  readonly port: number
  readonly pods: Informer<Pod>
  readonly nodes: Informer<Node>
  /** Runs kubectl of a minor version (default 33) with the administrator's kubeconfig. */
  kubectl(
    args: readonly string[],
    options?: { version?: number; input?: string; allowFailure?: boolean; timeoutMs?: number },
  ): Promise<CommandResult>
  /** Runs the davit CLI. */
  davit(args: readonly string[], options?: { input?: string; allowFailure?: boolean; timeoutMs?: number }): Promise<CommandResult>
  /** Puts images onto every node: those of the archives, or those of all tests. */
  loadImages(archives?: readonly string[]): Promise<void>
  /** Runs docker on a host; gives what it printed, trimmed. */
  docker(host: DockerHost, ...args: string[]): Promise<string>
  apply(yaml: string): Promise<void>
  /** Informer of a kind, kept for the cluster's life. */
  informer<T extends KubernetesObject>(kind: Kind<T>): Informer<T>
  /** Resolves with what `find` gives as soon as it gives something; throws after a minute, naming `what`. */
  readonly until: Informers['until']
  /** Pods of a namespace (default `default`) with a label `app`. */
  podsOf(app: string): readonly Pod[]
  /** Waits until `count` pods of the app are Ready and no others are left. */
  untilReady(app: string, count: number, timeoutMs?: number): Promise<readonly Pod[]>
  stop(): Promise<void>
}

/** Starts a cluster of `nodes` hosts with the test images on each. */
export async function startCluster(
  options: Partial<
    Pick<
      UpOptions,
      'nodes' | 'dockerdArgs' | 'controlPlaneArgs' | 'controlPlaneProgram' | 'agentArgs' | 'agentProgram' | 'nodeCpu' | 'nodeMemory'
    >
  > & {
    /** Start on hosts whose bridges do not show their packets to iptables, as some distributions have it. */
    withoutBridgeNetfilter?: boolean
    /** Called before anything is in the home. */
    prepare?: (home: Home) => Promise<void>
  } = {},
): Promise<TestCluster> {
  await removeLeftovers()
  const home = homeAt(await mkdtemp(join(tmpdir(), HOME_PREFIX)))
  const stop = new AbortController()
  try {
    await options.prepare?.(home)
    if (options.withoutBridgeNetfilter) await prepareHosts(home, options.nodes ?? 3)
    const { client } = await bringUp({ home, port: PORT, network: NETWORK, nodes: 3, ...options })
    const hosts = await knownHosts(home, NETWORK)
    const cluster = new Cluster(home, client, hosts, stop)
    await Promise.all([cluster.pods.synced, cluster.nodes.synced])
    await cluster.loadImages()
    return cluster
  } catch (error) {
    await reportLogs(home)
    stop.abort()
    await bringDown({ home, purge: true })
    throw error
  }
}

/** Makes the hosts before their agents start, with `bridge-nf-call-iptables` off in each. */
async function prepareHosts(home: Home, count: number): Promise<void> {
  await ensureHostBridge(NETWORK)
  for (let index = 1; index <= count; index++) {
    const host = await startHost(index, { network: NETWORK, dir: home.hosts, logs: home.logs, run: home.run })
    await inHost(host, 'sh', ['-c', 'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables'])
  }
}

/** A run that was killed leaves its cluster behind, and that holds the port and the network. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const home = homeAt(join(tmpdir(), name))
    if (name.startsWith(HOME_PREFIX) && (await readClusterState(home))) await bringDown({ home, purge: true })
  }
}

/** The ends of all logs: what a person would look at first when a cluster does not come up. */
async function reportLogs(home: Home): Promise<void> {
  for (const name of await readdir(home.logs).catch(() => [])) {
    if (name.startsWith('dockerd')) continue
    const lines = (await readFile(join(home.logs, name), 'utf8')).trim().split('\n')
    process.stderr.write(`--- ${name}\n${lines.slice(-15).join('\n')}\n`)
  }
}

let archives: Promise<string[]> | undefined

/** Made once a process and kept in a temporary folder until it exits. */
function imageArchives(): Promise<string[]> {
  archives ??= (async () => {
    const dir = join(tmpdir(), 'davit-test-images')
    const present = await readdir(dir).catch(() => [])
    if (present.length >= 6) return present.map(name => join(dir, name))
    const nginx = await makeNginxImages(['nginx:1.25', 'nginx:1.26', 'my-api:v1', 'myapp:latest'], dir)
    return [...nginx, ...(await makeShellImages(dir))]
  })()
  return archives
}

class Cluster implements TestCluster {
  readonly home: Home
  readonly client: HttpClient
  readonly hosts: readonly DockerHost[]
  readonly network = NETWORK
  readonly port = PORT
  readonly #stop: AbortController
  readonly #informers: Informers
  readonly until: Informers['until']

  constructor(home: Home, client: HttpClient, hosts: readonly DockerHost[], stop: AbortController) {
    this.home = home
    this.client = client
    this.hosts = hosts
    this.#stop = stop
    this.#informers = new Informers(client, stop.signal)
    this.until = this.#informers.until.bind(this.#informers)
  }

  get pods(): Informer<Pod> {
    return this.informer(podKind)
  }

  get nodes(): Informer<Node> {
    return this.informer(nodeKind)
  }

  informer<T extends KubernetesObject>(kind: Kind<T>): Informer<T> {
    return this.#informers.of(kind)
  }

  async loadImages(archives?: readonly string[]): Promise<void> {
    for (const archive of archives ?? (await imageArchives())) {
      const answer = await this.client.raw({
        method: 'PUT',
        path: PATHS.images,
        body: createReadStream(archive),
        headers: { 'content-type': 'application/x-tar' },
      })
      const said = await text(answer.body)
      if (answer.status !== 200 || said.includes('"error"')) throw new Error(`Cannot load ${archive}: ${answer.status} ${said}`)
    }
  }

  async kubectl(args: readonly string[], { version = 33, ...options }: Parameters<TestCluster['kubectl']>[1] = {}): Promise<CommandResult> {
    return command(await kubectlBinary(version), ['--kubeconfig', this.home.kubeconfig, ...args], {
      env: { ...process.env, HOME: this.home.dir },
      ...options,
    })
  }

  davit(args: readonly string[], options: Parameters<TestCluster['davit']>[1] = {}): Promise<CommandResult> {
    const main = new URL('../../cli/dist/main.js', import.meta.url).pathname
    return command(process.execPath, [main, ...args], {
      env: { ...process.env, HOME: this.home.dir, DAVIT_HOME: this.home.dir, KUBECONFIG: '' },
      ...options,
    })
  }

  async docker(host: DockerHost, ...args: string[]): Promise<string> {
    return (await command('docker', ['-H', `unix://${host.socket}`, ...args])).stdout.trim()
  }

  async apply(yaml: string): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], { input: yaml })
  }

  podsOf(app: string): readonly Pod[] {
    return [...this.pods.cache.list()].filter(pod => pod.metadata.labels?.app === app)
  }

  untilReady(app: string, count: number, timeoutMs?: number): Promise<readonly Pod[]> {
    return this.until(
      podKind,
      `${count} ready pods of ${app}`,
      pods => {
        const own = pods.filter(pod => pod.metadata.labels?.app === app)
        return own.length === count && own.every(pod => isPodReady(pod) && !pod.metadata.deletionTimestamp) && own
      },
      timeoutMs,
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.client.close()
    await bringDown({ home: this.home, purge: true })
    await rm(this.home.dir, { recursive: true, force: true })
  }
}

/** A Deployment of one container, as YAML; `port` makes it take part in readiness by TCP. */
export function deploymentYaml(
  name: string,
  { image = 'nginx:1.25', replicas = 3, port = 80, extra = '', containerExtra = '' } = {},
): string {
  return `apiVersion: ${deploymentKind.group}/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      ${extra}
      containers:
        - name: main
          image: ${image}
          ports: [{ containerPort: ${port} }]
          readinessProbe: { tcpSocket: { port: ${port} }, periodSeconds: 1 }
          ${containerExtra}
`
}

export function serviceYaml(name: string, { app = name, port = 80, targetPort = 80, nodePort = 0, extra = '' } = {}): string {
  const type = nodePort ? 'NodePort' : 'ClusterIP'
  return `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  type: ${type}
  selector: { app: ${app} }
  ports: [{ port: ${port}, targetPort: ${targetPort}${nodePort ? `, nodePort: ${nodePort}` : ''} }]
  ${extra}
`
}

/** Addresses a Service's slices show as ready. */
export function readyAddresses(cluster: TestCluster, service: string): string[] {
  return [...cluster.informer(endpointSliceKind).cache.list()]
    .filter(slice => slice.metadata.labels?.['kubernetes.io/service-name'] === service)
    .flatMap(slice => slice.endpoints ?? [])
    .filter(endpoint => endpoint.conditions?.ready)
    .flatMap(endpoint => endpoint.addresses)
}
