import { dirname } from 'node:path'
import { type Clock, deadlineSignal } from '@davit/api'
import { z } from 'zod'
import type { Docker } from '../docker/index.ts'
import { type DiskUsage, diskUsage } from './disk-usage.ts'

const FRESH_MS = 55_000
const INSPECT_MS_MAX = 10_000

const placesSchema = z.object({
  LogPath: z.string().default(''),
  GraphDriver: z.object({ Data: z.record(z.string(), z.string()).nullish() }).nullish(),
})

interface Measured {
  rootfs?: DiskUsage
  logs?: DiskUsage
  /** Monotonic milliseconds. */
  at: number
}

interface Places {
  layer: string | undefined
  logs: string | undefined
}

/** What containers write beside their volumes: the writable layer, where the storage driver shows it as a directory, and the log. */
export class ContainerDisks {
  readonly #options: { docker: Pick<Docker, 'raw'>; clock: Clock; signal: AbortSignal }
  readonly #places = new Map<string, Places>()
  readonly #measured = new Map<string, Measured>()

  constructor(options: { docker: Pick<Docker, 'raw'>; clock: Clock; signal: AbortSignal }) {
    this.#options = options
  }

  /** As last measured. */
  last(id: string): { rootfs?: DiskUsage; logs?: DiskUsage } {
    const { rootfs, logs } = this.#measured.get(id) ?? {}
    return { ...(rootfs && { rootfs }), ...(logs && { logs }) }
  }

  /** Measures unless that was done a moment ago; `freshMs`: how long ago that may be. */
  async measure(id: string, freshMs: number = FRESH_MS): Promise<void> {
    const { clock, signal } = this.#options
    const before = this.#measured.get(id)
    if (before && clock.monotonic() - before.at < freshMs) return
    const { layer, logs } = await this.#placesOf(id)
    this.#measured.set(id, {
      at: clock.monotonic(),
      ...(layer && { rootfs: await diskUsage(layer, signal) }),
      ...(logs && { logs: await diskUsage(logs, signal) }),
    })
  }

  keepOnly(ids: ReadonlySet<string>): void {
    for (const map of [this.#places, this.#measured]) for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
  }

  async #placesOf(id: string): Promise<Places> {
    const known = this.#places.get(id)
    if (known) return known
    const abortSignal = deadlineSignal(INSPECT_MS_MAX, this.#options.signal)
    const { LogPath: logPath, GraphDriver: driver } = placesSchema.parse(
      await this.#options.docker.raw.getContainer(id).inspect({ abortSignal }),
    )
    // Rotated logs lie beside the present one, with little else.
    const places = { layer: driver?.Data?.UpperDir || undefined, logs: logPath ? dirname(logPath) : undefined }
    this.#places.set(id, places)
    return places
  }
}
