/** Puts the rooms together. Only this file knows how they fit. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, readFile, realpath } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  createEventRecorder,
  DAVIT_VERSION,
  type EndpointSlice,
  endpointSliceKind,
  type HttpClient,
  KUBERNETES_VERSION,
  type Logger,
  type Node,
  nodeKind,
  type Pod,
  podKind,
  serviceKind,
  startInformer,
  systemClock,
  UNSUITABLE_IMAGES,
} from '@davit/api'
import { addressTowards, loadServers, publishedServers, saveServers, tunnelServers } from './api-servers.ts'
import { startDataPlane } from './data-plane/index.ts'
import { ContainerStore, connectDocker, type Docker } from './docker/index.ts'
import { connectAs, type KeptIdentity, loadOrJoin } from './identity/index.ts'
import { startImages } from './images/index.ts'
import { type RunningPodNetwork, startPodNetwork } from './network/index.ts'
import { allocatableAmounts, type CapacityFlags, startNode } from './node/index.ts'
import { createNodeCare } from './node-care.ts'
import type { AgentOptions } from './options.ts'
import { createDrain, podEvents, startPodManager } from './pods/index.ts'
import { forgetClosedFlows, startProxy } from './proxy/index.ts'
import { settleFacts, watchCluster } from './settle-cluster.ts'
import { startStaticPods } from './static-pods/index.ts'
import { startTunnels } from './tunnel/index.ts'
import { tunnelHandler } from './tunnel-handler.ts'
import { claimsDirectory, createObjectSource, createTokenIssuer, createVolumes, startReclaimer } from './volumes/index.ts'

const STOP_MS_MAX = 5_000
const SYNC_MS_MAX = 5_000
const SERVERS_FILE = 'servers.json'
/** Where this node keeps provisioned volumes: read by whoever provisions them. */
const VOLUMES_ANNOTATION = 'davit.dev/volumes-directory'

interface Running {
  readonly log: Logger
  readonly signal: AbortSignal
  /** Called once pods are managed, with what ends them all because the machine goes down. */
  readonly onReady?: ((agent: { shutDown: () => Promise<void> }) => void) | undefined
}

const clock = systemClock

/** Runs until `signal` aborts; pods run on afterwards. Rejects when the agent cannot run here at all. */
export async function runAgent(options: AgentOptions, { log, signal, onReady }: Running): Promise<void> {
  const { nodeName } = options
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  // The kernel tells mounts by their real paths.
  const dataDir = await realpath(options.dataDir)
  const known = await loadServers(join(dataDir, SERVERS_FILE))
  const servers = [...new Set([...known, ...options.servers])]
  const dir = join(dataDir, 'identity')
  const joining = { caHash: options.caHash, token: () => readToken(options.tokenFile) }
  const identity = await loadOrJoin({
    ...joining,
    dir,
    servers,
    nodeName,
    clock,
    log,
    signal,
  })
  const userAgent = `davit-node-agent/${DAVIT_VERSION}`
  const { client, kept } = connectAs({ servers, identity, dir, join: joining, userAgent, clock, log, signal })
  try {
    await runWith(client, kept, { ...options, dataDir, known }, { log, signal, onReady })
  } catch (err) {
    if (!signal.aborted) throw err
  } finally {
    client.close()
  }
}

async function runWith(
  client: HttpClient,
  kept: KeptIdentity,
  options: AgentOptions & { known: readonly string[] },
  { log, signal, onReady }: Running,
): Promise<void> {
  const { nodeName, dataDir, servers } = options
  const identity = kept.present
  const run = { clock, log, signal }
  const nodeIp = options.nodeIp ?? (await addressTowards(servers[0] ?? ''))
  const docker = await patiently(() => connectDocker({ socketPath: options.dockerSocket, clusterId: identity.clusterId, nodeName, log }), {
    log,
    signal,
  })
  await docker.lock(signal)
  if (!docker.engine.liveRestore)
    log.warn({}, 'Docker runs without live-restore: when dockerd restarts, all containers of this node restart with it')
  const containers = new ContainerStore(docker, { clock, log })
  const watching = containers.run(signal)

  const pods = startInformer(client, podKind, {
    fieldSelector: `spec.nodeName=${nodeName}`,
    indexers: { uid: pod => [pod.metadata.uid ?? ''] },
    signal,
    log,
  })
  const nodes = startInformer(client, nodeKind, { signal, log })
  const services = startInformer(client, serviceKind, {
    indexers: { namespace: service => [service.metadata.namespace ?? ''] },
    signal,
    log,
  })
  const endpointSlices = startInformer(client, endpointSliceKind, { signal, log })
  // What happened may be told a little later; what is to start may not.
  let isStarting = () => false
  const events = createEventRecorder(client, { component: 'kubelet', host: nodeName, isBusy: () => isStarting(), ...run })

  const objects = createObjectSource(client, run)
  const { credentialsFile, parallelPullsMax, gc } = options.images
  const images = await startImages({
    docker,
    dataDir,
    secrets: objects,
    credentialsFile,
    parallelPullsMax,
    gc,
    wantedNames: () => (pods.hasSynced ? [...pods.cache.list()].flatMap(imageNames) : undefined),
    events: podEvents(events),
    warnNode: (reason, message) => {
      const shown = nodes.cache.get(nodeName)
      if (shown) events.event(shown, 'Warning', reason, message)
    },
    ...run,
  })

  const { reserved, eviction } = options.node
  const capacity: CapacityFlags = {
    pods: options.maxPods,
    devices: Object.fromEntries(Object.entries(options.devices).map(([name, ids]) => [name, ids.length])),
    reservedMilliCpu: options.reservedMilliCpu + reserved.milliCpu,
    reservedMemoryBytes: options.reservedMemoryBytes + reserved.memoryBytes,
    reservedDiskBytes: reserved.diskBytes,
    thresholds: eviction.thresholds,
    ...(options.milliCpu !== undefined && { milliCpu: options.milliCpu }),
    ...(options.memoryBytes !== undefined && { memoryBytes: options.memoryBytes }),
  }
  const tell = (about: Node, type: 'Normal' | 'Warning', reason: string, message: string) => events.event(about, type, reason, message)
  const nodeCare = createNodeCare({
    settings: options.node,
    docker,
    nodeName,
    dataDir,
    memoryBytes: options.memoryBytes,
    current: () => nodes.cache.get(nodeName),
    tell,
    reclaimDisk: () => images.removeUnused(),
    ...run,
  })

  let network: RunningPodNetwork | undefined
  const node = startNode({
    client,
    nodeName,
    nodeIp,
    version: KUBERNETES_VERSION,
    capacity,
    labels: options.labels,
    taints: options.taints,
    annotations: () => ({
      ...kept.annotations(),
      [VOLUMES_ANNOTATION]: claimsDirectory(dataDir),
      [UNSUITABLE_IMAGES]: images.unsuitable.join(',') || undefined,
    }),
    engine: () => docker.engine,
    images: () => images.list,
    dockerProblem: () => containers.problem,
    diskBytes: nodeCare.diskBytes,
    pressures: () => nodeCare.pressures,
    isShuttingDown: () => nodeCare.isShuttingDown,
    tell,
    networkProblem: () => (network ? network.problem : 'the pod network is being set up'),
    current: () => nodes.cache.get(nodeName),
    ...run,
  })
  images.onChange(() => node.refresh())
  kept.onChange(() => node.refresh())
  nodeCare.onChange(() => node.refresh())
  kept.onWarning(message => {
    const shown = nodes.cache.get(nodeName)
    if (shown) events.event(shown, 'Warning', 'CertificateExpires', message)
  })
  containers.onProblemChange(() => {
    node.refresh()
    // Docker may have come back as another version, and puts its own rules in front of ours.
    if (containers.problem === undefined) {
      docker.refreshEngine(signal).catch(() => {})
      network?.recheck().catch(() => {})
    }
  })

  const cluster = watchCluster(client, identity, { log, signal })
  const facts = await settleFacts(join(dataDir, 'cluster.json'), { info: cluster.info, node, log })
  const { info, podCidr } = facts
  const dns = { address: info.dnsAddress, port: 53, domain: info.clusterDomain, podCidr: info.podCidr, serviceCidr: info.serviceCidr }
  const dataPlane = startDataPlane({ directory: join(dataDir, 'data-plane'), dns, ...run })
  network = await startPodNetwork({
    docker: docker.raw,
    clusterId: identity.clusterId,
    nodeName,
    nodeAddress: nodeIp,
    podCidr,
    clusterCidr: info.podCidr,
    serviceCidr: info.serviceCidr,
    dnsAddress: info.dnsAddress,
    nodes,
    name: options.networkName,
    ...run,
  })
  node.refresh()
  const proxy = startProxy({
    services,
    endpointSlices,
    nodeName,
    nodeAddresses: [nodeIp],
    clusterCidr: info.podCidr,
    serviceCidr: info.serviceCidr,
    dnsAddress: info.dnsAddress,
    name: options.networkName,
    dataPlane,
    ...run,
  })
  network.onRulesLost(() => proxy.recheck())

  await Promise.race([services.synced, clock.sleep(SYNC_MS_MAX, signal)])
  const statics = await startStaticPods({
    dir: options.node.podManifestPath,
    nodeName,
    client,
    pods,
    node: () => nodes.cache.get(nodeName),
    isOwnCluster: cluster.isOwn,
    warn: (reason, message) => {
      const shown = nodes.cache.get(nodeName)
      if (shown) tell(shown, 'Warning', reason, message)
    },
    ...run,
  })
  const manager = await startPodManager({
    statics,
    client,
    docker,
    containers,
    pods,
    network,
    hostPorts: proxy.hostPorts,
    volumes: createVolumes({
      objects,
      dnsAddress: info.dnsAddress,
      clusterDomain: info.clusterDomain,
      dataDir,
      docker,
      nodeName,
      nodeLabels: () => nodes.cache.get(nodeName)?.metadata.labels ?? {},
      issueToken: createTokenIssuer(client, run),
      ...run,
    }),
    objects,
    images,
    logs: options.logs,
    services: namespace => {
      const api = services.cache.get('default/kubernetes')
      return [...(api && namespace !== 'default' ? [api] : []), ...services.cache.byIndex('namespace', namespace)]
    },
    events,
    dataDir,
    nodeName,
    hostIp: nodeIp,
    allocatable: allocatableAmounts({ capacity, engine: docker.engine, diskBytes: await nodeCare.diskBytes() }),
    refuse: nodeCare.refuse,
    isOwnCluster: cluster.isOwn,
    drain: createDrain({
      client,
      forgetClosed: address => forgetClosedFlows(address, log),
      unanswered: (pod, name, why) =>
        events.event(pod, 'Warning', 'NodeNotDrained', `Node ${name} did not confirm that it stopped sending connections: ${why}`),
      ...run,
    }),
    podMaxPids: options.podMaxPids,
    allowedUnsafeSysctls: options.allowedUnsafeSysctls,
    devices: options.devices,
    clusterDomain: info.clusterDomain,
    seccompProfile: path => readFileSync(join(dataDir, 'seccomp', normalize(`/${path}`)), 'utf8'),
    ...run,
  })
  isStarting = () => manager.isStarting
  const reclaimer = startReclaimer({
    client,
    docker,
    nodeName,
    dataDir,
    directory: claimsDirectory(dataDir),
    isOwnCluster: cluster.isOwn,
    warn: (volume, message) => events.event(volume, 'Warning', 'VolumeFailedDelete', message),
    ...run,
  })
  cluster.onKnown(() => {
    manager.wakeAll()
    reclaimer.wake()
  })

  const care = nodeCare.start(manager)
  onReady?.({ shutDown: care.shutDown })

  let known = options.known
  let published = known
  const toDial = () => tunnelServers(published, client.servers)
  const tunnels = startTunnels({
    client: () => client,
    servers: toDial(),
    handler: tunnelHandler({ docker, pods: manager, proxy, nodePage: care.nodePage, log, clock, signal }),
    onLost: () => {
      node.renewNow()
      tunnels.setServers(toDial())
    },
    ...run,
  })
  endpointSlices.onChange(({ object }) => {
    if (!isApiSlice(object)) return
    published = publishedServers([...endpointSlices.cache.list()].filter(isApiSlice))
    if (published.length === 0) return
    client.setServers([...published, ...servers])
    tunnels.setServers(toDial())
    saveServers(join(dataDir, SERVERS_FILE), published, known).then(
      kept => {
        known = kept
      },
      (err: unknown) => log.warn({ err }, 'Cannot keep the API servers for the next start'),
    )
  })
  log.info({ nodeName, nodeIp, podCidr, docker: docker.engine.version, api: docker.apiVersion }, 'The agent runs')

  if (!signal.aborted) await once(signal, 'abort')
  const ended = Promise.all([
    watching,
    node.stopped,
    dataPlane.stopped,
    network.stopped,
    proxy.stopped,
    manager.stopped,
    images.stopped,
    reclaimer.stopped,
    tunnels.stopped,
    care.stopped,
    statics.stopped,
  ])
  await Promise.race([ended, new Promise(resolve => setTimeout(resolve, STOP_MS_MAX).unref())])
}

function imageNames({ spec }: Pod): string[] {
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
  return all.flatMap(({ image }) => image ?? [])
}

function isApiSlice({ metadata }: EndpointSlice): boolean {
  return metadata.namespace === 'default' && metadata.labels?.['kubernetes.io/service-name'] === 'kubernetes'
}

/** From a file, or with `-` from standard input. */
export async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  return file === '-' ? text(process.stdin) : readFile(file, 'utf8')
}

/** Tries for as long as Docker is away. */
async function patiently(connect: () => Promise<Docker>, { log, signal }: Running): Promise<Docker> {
  for (let told = false; ; told = true) {
    try {
      return await connect()
    } catch (err) {
      if (!told) log.error({ err }, 'Docker does not answer; waiting for it')
      await clock.sleep(1_000, signal)
    }
  }
}
