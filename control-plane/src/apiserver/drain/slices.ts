/** Where a pod stands in the EndpointSlices of its namespace. */
import type { EndpointSlice } from '@davit/api'
import type { StorageEvent, Stored } from '../../storage/index.ts'

const SERVICE_NAME = 'kubernetes.io/service-name'

export interface Watched {
  readonly podUid: string
  /** Services that select the pod. */
  readonly services: ReadonlySet<string>
}

/** Follows the slices that concern one pod; fed from a watch that begins with what is there. */
export class SliceView {
  readonly #watched: Watched
  readonly #slices = new Map<string, EndpointSlice>()
  #revision = 0
  #complete = false

  constructor(watched: Watched) {
    this.#watched = watched
  }

  apply(events: readonly StorageEvent[]): void {
    for (const event of events) {
      if (event.type === 'bookmark') this.#complete ||= event.initialEventsEnd ?? false
      else this.#applyChange(event.type === 'deleted', event.stored)
    }
  }

  #applyChange(isDeletion: boolean, { key, revision, object }: Stored): void {
    const slice = object as EndpointSlice
    const wasKnown = this.#slices.has(key)
    if (!wasKnown && !concerns(slice, this.#watched)) return
    this.#revision = Math.max(this.#revision, revision)
    if (isDeletion) this.#slices.delete(key)
    else this.#slices.set(key, slice)
  }

  /**
   * The version from which on no slice offers the pod; empty when none ever did; undefined while one does, or not all
   * slices were seen.
   */
  drainedAt(): string | undefined {
    if (!this.#complete) return undefined
    for (const slice of this.#slices.values()) if (offers(slice, this.#watched.podUid)) return undefined
    return this.#revision === 0 ? '' : String(this.#revision)
  }
}

function concerns(slice: EndpointSlice, { podUid, services }: Watched): boolean {
  const service = slice.metadata.labels?.[SERVICE_NAME]
  return (service !== undefined && services.has(service)) || endpointsOf(slice, podUid).length > 0
}

function offers(slice: EndpointSlice, podUid: string): boolean {
  return endpointsOf(slice, podUid).some(endpoint => !endpoint.conditions?.terminating)
}

function endpointsOf(slice: EndpointSlice, podUid: string) {
  return (slice.endpoints ?? []).filter(endpoint => endpoint.targetRef?.uid === podUid)
}
