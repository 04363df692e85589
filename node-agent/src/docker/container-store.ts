/**
 * What Docker shows of this node's containers, kept current: events say which container changed, an inspect says how, a periodic list
 * is the safety net. One writer (the loop in `run`), many readers.
 */
import type { Clock, Logger } from '@davit/api'
import type { Docker } from './connect.ts'
import type { ContainerInfo } from './shapes.ts'

const RELIST_MS = 30_000
const PING_MS = 5_000
const RECONNECT_MS_MAX = 5_000

export class ContainerStore {
  readonly #docker: Docker
  readonly #clock: Clock
  readonly #log: Logger
  readonly #containers = new Map<string, ContainerInfo>()
  readonly #byPod = new Map<string, Set<string>>()
  readonly #handlers = new Set<(podUid: string) => void>()
  readonly #refreshing = new Map<string, { again: boolean; done: Promise<ContainerInfo | undefined> }>()
  readonly #starting = new Set<string>()
  readonly #problemHandlers = new Set<() => void>()
  #problem: string | undefined = 'docker has not been listed yet'
  #synced = false

  constructor(docker: Docker, { clock, log }: { clock: Clock; log: Logger }) {
    this.#docker = docker
    this.#clock = clock
    this.#log = log
  }

  /** Why Docker cannot be relied on now; undefined when all is well. What the store shows may be old while it is set. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** True once everything Docker has was listed in this run. */
  get synced(): boolean {
    return this.#synced
  }

  get(id: string): ContainerInfo | undefined {
    return this.#containers.get(id)
  }

  /** The pod's containers, sandbox included, oldest attempt first. */
  ofPod(podUid: string): ContainerInfo[] {
    const ids = this.#byPod.get(podUid) ?? new Set<string>()
    const found = [...ids].flatMap(id => this.#containers.get(id) ?? [])
    return found.sort((a, b) => a.attempt - b.attempt || a.createdAt - b.createdAt)
  }

  /** Uids of all pods that have a container here. */
  podUids(): string[] {
    return [...this.#byPod.keys()]
  }

  /** Calls `handler` with the uid of each pod of which something changed. */
  onChange(handler: (podUid: string) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /** Calls `handler` whenever `problem` was set or cleared. */
  onProblemChange(handler: () => void): () => void {
    this.#problemHandlers.add(handler)
    return () => this.#problemHandlers.delete(handler)
  }

  /** Asks Docker about one container now. Calls for one id are folded, and the answer is never older than the call. */
  refresh(id: string): Promise<ContainerInfo | undefined> {
    const running = this.#refreshing.get(id)
    if (running) {
      running.again = true
      return running.done
    }
    const entry = { again: false, done: Promise.resolve<ContainerInfo | undefined>(undefined) }
    this.#refreshing.set(id, entry)
    entry.done = (async () => {
      try {
        let info: ContainerInfo | undefined
        do {
          entry.again = false
          info = await this.#docker.inspectContainer(id)
        } while (entry.again)
        this.#put(id, info)
        return info
      } finally {
        this.#refreshing.delete(id)
      }
    })()
    return entry.done
  }

  /** Starts a container and asks Docker about it, once: the event of its start adds nothing. */
  async start(id: string): Promise<ContainerInfo | undefined> {
    this.#starting.add(id)
    try {
      await this.#docker.startContainer(id)
      return await this.refresh(id)
    } finally {
      this.#starting.delete(id)
    }
  }

  /** Resolves with the container once it does not run, undefined when it is gone. Rejects when `signal` aborts. */
  async ended(id: string, signal: AbortSignal): Promise<ContainerInfo | undefined> {
    for (;;) {
      signal.throwIfAborted()
      const changed = new AbortController()
      const stop = this.onChange(() => changed.abort())
      try {
        const info = this.#containers.get(id)
        if (info?.state !== 'running') return info
        await this.#clock.sleep(2_000, AbortSignal.any([signal, changed.signal])).then(
          // The event may have been lost with the connection.
          () => this.refresh(id).catch(() => undefined),
          () => undefined,
        )
      } finally {
        stop()
      }
    }
  }

  /** Watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let delayMs = 100
    while (!signal.aborted) {
      const session = new AbortController()
      const both = AbortSignal.any([signal, session.signal])
      const beats = this.#beat(both, session)
      try {
        for await (const event of this.#docker.events({ signal: both, onOpen: () => this.#opened(session) })) {
          delayMs = 100
          if (event.action === 'start' && this.#starting.has(event.containerId)) continue
          void this.refresh(event.containerId).catch(() => {})
        }
        throw new Error('the event stream ended')
      } catch (err) {
        if (!signal.aborted) this.#away(session.signal.aborted ? session.signal.reason : err)
      } finally {
        session.abort()
        await beats
      }
      await this.#clock.sleep(delayMs, signal).catch(() => {})
      delayMs = Math.min(RECONNECT_MS_MAX, delayMs * 2)
    }
  }

  #opened(session: AbortController): void {
    this.#relist().then(
      () => {
        const returned = this.#problem !== undefined
        this.#problem = undefined
        this.#synced = true
        if (!returned) return
        for (const uid of this.podUids()) this.#notify(uid)
        for (const handler of this.#problemHandlers) handler()
      },
      err => session.abort(err),
    )
  }

  #away(err: unknown): void {
    const message = err instanceof Error ? err.message : String(err)
    if (this.#problem === undefined) this.#log.warn({ err }, 'Docker is not responding')
    this.#problem = message
    for (const handler of this.#problemHandlers) handler()
  }

  /** A stalled daemon keeps its sockets open: only an unanswered question shows it. */
  async #beat(signal: AbortSignal, session: AbortController): Promise<void> {
    try {
      for (let since = 0; !signal.aborted; since += PING_MS) {
        await this.#clock.sleep(PING_MS, signal)
        if (since >= RELIST_MS) {
          await this.#relist()
          since = 0
        } else await this.#docker.ping()
      }
    } catch (err) {
      if (!signal.aborted) session.abort(err)
    }
  }

  async #relist(): Promise<void> {
    const listed = await this.#docker.listContainers()
    const present = new Set(listed.map(({ id }) => id))
    const changed = listed.filter(
      ({ id, running }) => (this.#containers.get(id)?.state === 'running') !== running || !this.#containers.has(id),
    )
    // One made after the list was taken is missing from it: ask about each before it is dropped.
    const missing = [...this.#containers.keys()].filter(id => !present.has(id))
    for (const id of [...changed.map(({ id }) => id), ...missing]) await this.refresh(id)
  }

  #put(id: string, info: ContainerInfo | undefined): void {
    const before = this.#containers.get(id)
    if (!info) {
      if (!before) return
      this.#containers.delete(id)
      const siblings = this.#byPod.get(before.podUid)
      siblings?.delete(id)
      if (siblings?.size === 0) this.#byPod.delete(before.podUid)
      this.#notify(before.podUid)
      return
    }
    this.#containers.set(id, info)
    const siblings = this.#byPod.get(info.podUid) ?? new Set()
    siblings.add(id)
    this.#byPod.set(info.podUid, siblings)
    if (!before || before.state !== info.state || before.pid !== info.pid) this.#notify(info.podUid)
  }

  #notify(podUid: string): void {
    for (const handler of this.#handlers) handler(podUid)
  }
}
