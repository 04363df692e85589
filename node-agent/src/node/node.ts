/** This machine as a Node: registered once, its status kept current, its Lease renewed. */
import { isDeepStrictEqual } from 'node:util'
import {
  type Client,
  type Clock,
  type ContainerImage,
  deadlineSignal,
  isNewer,
  isReason,
  type Logger,
  type Node,
  type NodeStatus,
  nodeKind,
  type Taint,
} from '@davit/api'
import type { EngineInfo, ImageInfo } from '../docker/index.ts'
import type { PressureCondition } from '../eviction/index.ts'
import { nodeEvents } from './events.ts'
import { keepLease, type NodeLease } from './lease.ts'
import { readHugePages, readIds, whyNotWritable } from './machine.ts'
import { type CapacityFlags, nodeLabels, nodeStatus, significant } from './status.ts'

export interface NodeOptions {
  client: Client
  nodeName: string
  nodeIp: string
  version: string
  capacity: CapacityFlags
  labels: Readonly<Record<string, string>>
  /** Given to the Node when it is made; later it is the cluster's to say. */
  taints: readonly Taint[]
  /** What the Node is to say of this agent. */
  annotations: () => Readonly<Record<string, string | undefined>>
  engine: () => EngineInfo
  images: () => readonly ImageInfo[]
  /** Why Docker, or the pod network, cannot be used now. */
  dockerProblem: () => string | undefined
  networkProblem: () => string | undefined
  /** Size of the disk that pods' volumes are on. */
  diskBytes: () => Promise<number>
  pressures: () => ReadonlySet<PressureCondition>
  isShuttingDown: () => boolean
  /** Tells what happened to the Node. */
  tell: (node: Node, type: 'Normal' | 'Warning', reason: string, message: string) => void
  /** The Node as last seen. */
  current: () => Node | undefined
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface RunningNode extends NodeLease {
  /** The Node as the API keeps it, with its podCIDR. Rejects only with the signal. */
  readonly registered: Promise<Node>
  /** Looks at everything now, as when Docker went away. */
  refresh(): void
}

const CHECK_MS = 10_000
const REPORT_MS = 300_000
const CALL_MS_MAX = 10_000
const RETRY_MS = { min: 200, max: 5_000 }
const IMAGES_MAX = 50
const IMAGE_NAMES_MAX = 5

export function startNode(options: NodeOptions): RunningNode {
  const { client, nodeName, clock, log, signal } = options
  const nodes = client.resource(nodeKind)
  let wake = new AbortController()
  let known: Node | undefined
  let reported: { status: NodeStatus; at: number } | undefined

  const observe = async (current: NodeStatus | undefined, images: readonly ContainerImage[]) =>
    nodeStatus({
      ...options,
      engine: options.engine(),
      ids: await readIds(),
      diskBytes: await options.diskBytes(),
      hugePages: await readHugePages(),
      pressures: options.pressures(),
      images,
      dockerProblem: options.dockerProblem() ?? (await whyNotWritable(options.engine().rootDir)),
      isShuttingDown: options.isShuttingDown(),
      networkProblem: options.networkProblem(),
      current,
      now: clock.now(),
    })

  const report = async () => {
    let shown = newest(options.current(), known)
    const annotations = options.annotations()
    if (shown && Object.entries(annotations).some(([name, value]) => shown?.metadata.annotations?.[name] !== value)) {
      // What is to be said no more is taken away.
      const body = {
        metadata: { annotations: Object.fromEntries(Object.entries(annotations).map(([name, value]) => [name, value ?? null])) },
      }
      shown = known = await nodes.patch({ name: nodeName }, { type: 'merge', body }, { signal: deadlineSignal(CALL_MS_MAX, signal) })
    }
    const isDue = !reported || clock.monotonic() - reported.at >= REPORT_MS
    const images = listImages(options)
    const status = await observe(shown?.status, images)
    // Somebody else may have said otherwise meanwhile, as the control plane does of nodes it cannot hear.
    const isCurrent = isDeepStrictEqual(significant(shown?.status), significant(status))
    if (!isDue && isCurrent && isDeepStrictEqual(reported?.status.images, images)) return
    const deadline = deadlineSignal(CALL_MS_MAX, signal)
    known = await nodes.patch({ name: nodeName }, { type: 'strategic', body: { status } }, { subresource: 'status', signal: deadline })
    reported = { status, at: clock.monotonic() }
    for (const { type, reason, message } of nodeEvents(nodeName, shown?.status, status)) options.tell(known, type, reason, message)
  }

  const run = async (registered: (node: Node) => void) => {
    known = await register(options, await observe(undefined, []))
    registered(known)
    lease.renewNow()
    while (!signal.aborted) {
      wake = new AbortController()
      let delayMs = CHECK_MS
      try {
        await report()
      } catch (err) {
        if (signal.aborted) return
        const isDeleted = isReason(err, 'NotFound')
        log.warn(
          { err },
          isDeleted ? 'The Node was deleted: restart the agent to register it again' : 'Cannot report the status of this node',
        )
        delayMs = isDeleted ? CHECK_MS : 1_000
      }
      await clock.sleep(delayMs, AbortSignal.any([signal, wake.signal])).catch(() => {})
    }
  }

  const lease = keepLease({ client, nodeName, node: () => options.current() ?? known, clock, log, signal })
  let stopped: Promise<void> = Promise.resolve()
  const registered = new Promise<Node>((resolve, reject) => {
    stopped = run(resolve).catch(reject)
  })
  registered.catch(() => {})
  return {
    registered,
    refresh: () => wake.abort(),
    renewNow: lease.renewNow,
    stopped: Promise.all([stopped, lease.stopped]).then(() => {}),
  }
}

/** The informer may not show our own latest write yet. */
function newest(cached: Node | undefined, own: Node | undefined): Node | undefined {
  if (!cached || !own) return cached ?? own
  return isNewer(own.metadata.resourceVersion ?? '', cached.metadata.resourceVersion ?? '') ? own : cached
}

/** Makes the Node, or takes over the one that is there; tries until it works. */
async function register(
  { client, nodeName, labels, taints, annotations, engine, clock, log, signal }: NodeOptions,
  status: NodeStatus,
): Promise<Node> {
  const nodes = client.resource(nodeKind)
  const wanted = nodeLabels(nodeName, engine(), labels)
  const said = () =>
    Object.fromEntries(Object.entries(annotations()).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  for (let delayMs = RETRY_MS.min; ; delayMs = Math.min(RETRY_MS.max, delayMs * 2)) {
    const deadline = deadlineSignal(CALL_MS_MAX, signal)
    try {
      try {
        const node = await nodes.create(
          {
            apiVersion: 'v1',
            kind: 'Node',
            metadata: { name: nodeName, labels: wanted, annotations: said() },
            ...(taints.length > 0 && { spec: { taints: [...taints] } }),
            status,
          },
          { signal: deadline },
        )
        log.info({ nodeName, podCidr: node.spec?.podCIDR }, 'Registered the node')
        return node
      } catch (err) {
        if (!isReason(err, 'AlreadyExists')) throw err
        return await nodes.patch(
          { name: nodeName },
          { type: 'merge', body: { metadata: { labels: wanted, annotations: said() } } },
          { signal: deadline },
        )
      }
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err }, 'Cannot register the node yet')
      await clock.sleep(delayMs, signal)
    }
  }
}

/** The largest images, as `kubectl describe node` and the scheduler know them. */
function listImages({ images }: Pick<NodeOptions, 'images'>): ContainerImage[] {
  return images()
    .map(({ tags, digests, sizeBytes }) => ({
      names: [...digests, ...tags].filter(name => !name.includes('<none>')).slice(0, IMAGE_NAMES_MAX),
      sizeBytes,
    }))
    .filter(({ names }) => names.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, IMAGES_MAX)
}
