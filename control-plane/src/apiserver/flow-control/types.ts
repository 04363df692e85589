/** What flow control knows of a request and gives for it; the model is Kubernetes' API Priority and Fairness. */

/** What FlowSchemas look at. */
export interface FlowRequest {
  readonly user: { readonly name: string; readonly groups: readonly string[] }
  readonly verb: string
  readonly path: string
  /** Absent for paths that are no resources. */
  readonly resource?:
    | {
        readonly group: string
        readonly resource: string
        readonly subresource?: string
        readonly namespace?: string
      }
    | undefined
}

/** Why a request was turned away, as metrics name it. */
export type Rejection = 'concurrency-limit' | 'queue-full' | 'time-out' | 'cancelled'

/** A request's right to be served. */
export interface Seat {
  /** Gives it to others. What follows the first call does nothing. */
  release(): void
}

/** A request in a queue. */
export interface Wait {
  /** Rejects with ApiError TooManyRequests. */
  readonly seat: Promise<Seat>
  /** Its client has left. */
  cancel(): void
}

/** What a request was taken for. */
export interface Flow {
  readonly schemaUid: string
  readonly levelUid: string
  /** A seat where one is free, else the wait for one of at most `waitMsMax`. Throws ApiError TooManyRequests. */
  enter(waitMsMax: number): Seat | Wait
}

export interface FlowControl {
  /** Every request is some flow's. */
  flowOf(request: FlowRequest): Flow
  readonly stats: FlowStats
}

/** For metrics. */
export interface FlowStats {
  levels(): Iterable<LevelStats>
  schemas(): Iterable<SchemaStats>
  /** Seconds that a request stood in a queue, and whether it was served in the end. */
  onWait: (schema: string, level: string, seconds: number, served: boolean) => void
}

export interface LevelStats {
  readonly name: string
  readonly seats: number
  readonly seatsInUse: number
}

export interface SchemaStats {
  readonly name: string
  readonly level: string
  readonly waiting: number
  readonly executing: number
  readonly dispatched: number
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>
}
