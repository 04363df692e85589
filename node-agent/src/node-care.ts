/** What looks after the node itself: what it and its pods use, and what happens when it runs short. Puts these rooms together. */
import type { Clock, Logger, Node, Pod } from '@davit/api'
import type { Docker } from './docker/index.ts'
import { observe, type PressureCondition, refusalUnderPressure, runEviction } from './eviction/index.ts'
import type { NodeSettings } from './node-options.ts'
import type { PodManager } from './pods/index.ts'
import { runShutdown } from './shutdown/index.ts'
import { createStats, createStatsPages, readFileSystem, type StatsPages } from './stats/index.ts'

export interface NodeCareOptions {
  settings: NodeSettings
  docker: Docker
  nodeName: string
  dataDir: string
  /** What this node may use of its machine's memory; undefined: all. */
  memoryBytes: number | undefined
  /** The Node as last seen. */
  current: () => Node | undefined
  tell: (node: Node, type: 'Normal' | 'Warning', reason: string, message: string) => void
  /** Frees what nobody uses: dead containers, images. */
  reclaimDisk: () => Promise<unknown>
  clock: Clock
  log: Logger
  signal: AbortSignal
}

/** Known before pods are managed; `start` is called once they are. */
export interface NodeCare {
  readonly pressures: ReadonlySet<PressureCondition>
  readonly isShuttingDown: boolean
  /** Size of the disk that pods' volumes are on. */
  diskBytes(): Promise<number>
  /** Why a pod that was just bound to this node may not start. */
  refuse(pod: Pod): { reason: string; message: string } | undefined
  /** Called whenever what the Node says of itself may have changed. */
  onChange(handler: () => void): void
  start(manager: PodManager): { nodePage: StatsPages; shutDown: () => Promise<void>; stopped: Promise<void> }
}

const REFUSED = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' }

export function createNodeCare(options: NodeCareOptions): NodeCare {
  const { settings, docker, nodeName, dataDir, memoryBytes, clock, log, signal } = options
  let pressures: ReadonlySet<PressureCondition> = new Set()
  let isShuttingDown = false
  const handlers: (() => void)[] = []
  const changed = () => {
    for (const handler of handlers) handler()
  }

  return {
    get pressures() {
      return pressures
    },
    get isShuttingDown() {
      return isShuttingDown
    },
    diskBytes: async () => (await readFileSystem(dataDir))?.capacityBytes ?? 0,
    refuse: pod => (isShuttingDown ? REFUSED : refusalUnderPressure(pod, pressures)),
    onChange: handler => void handlers.push(handler),

    start(manager) {
      const stats = createStats({
        docker,
        pods: () => manager.runningPods(),
        volumes: ({ uid }) => manager.volumeUsage(uid),
        dataDir,
        clock,
        signal,
      })
      const eviction = runEviction({
        ...settings.eviction,
        observe: () => observe({ dataDir, dockerDir: () => docker.engine.rootDir, memoryBytes, stats }),
        stats,
        manager,
        reclaimDisk: options.reclaimDisk,
        tellNode: (reason, message) => {
          const node = options.current()
          if (node) options.tell(node, 'Warning', reason, message)
        },
        onChange: found => {
          pressures = found
          changed()
        },
        clock,
        log,
        signal,
      })
      const nodePage = createStatsPages({
        stats,
        nodeName,
        running: () => manager.runningPods(),
        pods: () => manager.allPods(),
        metrics: () => eviction.metrics(),
      })
      const shutdown = runShutdown({
        ...settings.shutdown,
        dataDir,
        manager,
        onBegin: () => {
          isShuttingDown = true
          changed()
        },
        clock,
        log,
        signal,
      })
      return { nodePage, shutDown: shutdown.begin, stopped: Promise.all([eviction.stopped, shutdown.stopped]).then(() => {}) }
    },
  }
}
