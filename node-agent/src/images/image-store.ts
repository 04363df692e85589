/** The images of this host, kept current: Docker's events say that something changed, a list says what. */
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Logger } from '@davit/api'
import type { Docker, ImageInfo } from '../docker/index.ts'

const RELIST_MS = 300_000
/** Changes within this time are looked at together. */
const SETTLE_MS = 300
const RECONNECT_MS = { min: 500, max: 10_000 }

export interface ImageStoreOptions {
  docker: Pick<Docker, 'listImages' | 'imageEvents'>
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export class ImageStore {
  readonly #options: ImageStoreOptions
  readonly #handlers = new Set<() => void>()
  #images: readonly ImageInfo[] = []
  #synced = false
  #wake = new AbortController()
  readonly stopped: Promise<void>

  constructor(options: ImageStoreOptions) {
    this.#options = options
    this.stopped = Promise.all([this.#listen(), this.#relist()]).then(() => {})
  }

  /** Newest first, as Docker gives them. */
  get images(): readonly ImageInfo[] {
    return this.#images
  }

  /** True once they were listed in this run. */
  get synced(): boolean {
    return this.#synced
  }

  /** Calls `handler` after each change. */
  onChange(handler: () => void): void {
    this.#handlers.add(handler)
  }

  /** Lists now, and gives what was found. */
  async refresh(): Promise<readonly ImageInfo[]> {
    const listed = await this.#options.docker.listImages()
    const isSame = this.#synced && isDeepStrictEqual(listed, this.#images)
    this.#images = listed
    this.#synced = true
    if (!isSame) for (const handler of this.#handlers) handler()
    return listed
  }

  async #listen(): Promise<void> {
    const { docker, clock, log, signal } = this.#options
    for (let delayMs = RECONNECT_MS.min; !signal.aborted; delayMs = Math.min(RECONNECT_MS.max, delayMs * 2)) {
      try {
        const onOpen = () => {
          delayMs = RECONNECT_MS.min
          this.#wake.abort()
        }
        for await (const _ of docker.imageEvents({ signal, onOpen })) this.#wake.abort()
      } catch (err) {
        if (!signal.aborted) log.debug({ err }, "Cannot watch Docker's images")
      }
      await clock.sleep(delayMs, signal).catch(() => {})
    }
  }

  async #relist(): Promise<void> {
    const { clock, log, signal } = this.#options
    while (!signal.aborted) {
      this.#wake = new AbortController()
      try {
        await this.refresh()
      } catch (err) {
        if (!signal.aborted) log.debug({ err }, 'Cannot list images')
      }
      await clock.sleep(RELIST_MS, AbortSignal.any([signal, this.#wake.signal])).catch(() => {})
      await clock.sleep(SETTLE_MS, signal).catch(() => {})
    }
  }
}
