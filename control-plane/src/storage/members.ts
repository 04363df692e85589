/**
 * The etcd members, each behind clients of its own. etcd3 is used for its gRPC stubs only: its watcher loses events, its
 * retries turn a committed create into AlreadyExists, its breaker shuts a host for 5 s, so all of that is switched off.
 */
import { type Clock, type Logger, systemClock } from '@davit/api'
import { Etcd3, type IOptions } from 'etcd3'
import { abortable } from './abort.ts'
import { isTransient, toApiError } from './etcd-errors.ts'

export interface EtcdOptions {
  readonly urls: readonly string[]
  /** PEM. */
  readonly certificateAuthority?: string
  readonly certificate?: string
  readonly key?: string
}

export type KeyValueClient = Etcd3['kv']
export type WatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>>

interface Member {
  readonly url: string
  readonly reads: Etcd3
  readonly writes: Etcd3
  /** Its own connection: etcd3 closes all of a client's channels when one call times out. */
  readonly watches: Etcd3
}

const READ_TIMEOUT_MS = 3000
/** Longer than etcd's own limit (7 s), so that its verdict arrives first. */
const WRITE_TIMEOUT_MS = 8000
const RETRY_DELAY_MS = 100

/** Which members there are, and which one is asked next. */
export class Members {
  readonly #members: readonly Member[]
  readonly #connect: (url: string) => Etcd3
  readonly #clock: Clock
  readonly #log: Logger
  #preferred = 0

  constructor(options: EtcdOptions, { clock, log }: { clock: Clock; log: Logger }) {
    if (options.urls.length === 0) throw new Error('Cannot use etcd: no URL is given')
    this.#connect = url => new Etcd3(clientOptions(options, url))
    this.#members = options.urls.map(url => ({ url, reads: this.#connect(url), writes: this.#connect(url), watches: this.#connect(url) }))
    this.#clock = clock
    this.#log = log
  }

  /** Calls until a member answers; an ApiError once `timeoutMs` is over. For reads only: a call may be made twice. */
  async read<T>(
    attempted: string,
    call: (kv: KeyValueClient, options: { deadline: number }) => Promise<T>,
    { signal, timeoutMs = READ_TIMEOUT_MS }: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
  ): Promise<T> {
    const start = this.#clock.monotonic()
    for (;;) {
      const index = this.#preferred
      const leftMs = timeoutMs - (this.#clock.monotonic() - start)
      try {
        const tryMs = this.#members.length > 1 ? Math.min(leftMs, Math.max(500, timeoutMs / this.#members.length)) : leftMs
        return await abortable(call(this.#member(index).reads.kv, deadline(tryMs)), signal)
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        if (!isTransient(error)) throw error
        this.avoid(index)
        if (this.#clock.monotonic() - start + RETRY_DELAY_MS >= timeoutMs) throw toApiError(error, attempted)
        await this.#clock.sleep(RETRY_DELAY_MS, signal)
      }
    }
  }

  /** One call to one member, never repeated here. */
  async write<T>(call: (kv: KeyValueClient, options: { deadline: number }) => Promise<T>, timeoutMs = WRITE_TIMEOUT_MS): Promise<T> {
    const index = this.#preferred
    try {
      return await call(this.#member(index).writes.kv, deadline(timeoutMs))
    } catch (error) {
      if (isTransient(error)) this.avoid(index)
      throw error
    }
  }

  /** A stream through the `attempt`th member, counted round. */
  async openWatch(attempt: number): Promise<{ url: string; stream: WatchStream }> {
    const member = this.#member(attempt % this.#members.length)
    return { url: member.url, stream: await member.watches.watchClient.watch() }
  }

  /** How many there are. */
  get count(): number {
    return this.#members.length
  }

  /** A connection of the caller's own to the `attempt`th member, counted round from the one that is asked; to be closed. */
  connect(attempt: number): { url: string; client: Etcd3 } {
    const { url } = this.#member((this.#preferred + attempt) % this.#members.length)
    return { url, client: this.#connect(url) }
  }

  /** Another member is asked from now on. */
  avoid(index: number): void {
    if (this.#members.length === 1 || index !== this.#preferred) return
    this.#preferred = (index + 1) % this.#members.length
    this.#log.warn({ from: this.#member(index).url, to: this.#member(this.#preferred).url }, 'Changed to another etcd member')
  }

  close(): void {
    for (const { reads, writes, watches } of this.#members) for (const client of [reads, writes, watches]) client.close()
  }

  #member(index: number): Member {
    const member = this.#members[index]
    if (!member) throw new Error(`No etcd member ${index} of ${this.#members.length}`)
    return member
  }
}

/** gRPC compares deadlines with the machine's clock, so a test's clock must not be used here. */
function deadline(ms: number): { deadline: number } {
  return { deadline: systemClock.now() + Math.max(1, ms) }
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

/** Does nothing but call: no retries, no breaker. */
const noPolicy = {
  _altReturn: undefined,
  onSuccess: () => ({ dispose: () => {} }),
  onFailure: () => ({ dispose: () => {} }),
  execute: async (run: (context: { signal: AbortSignal }) => unknown, signal = new AbortController().signal) => run({ signal }),
} as unknown as Policy

function clientOptions(options: EtcdOptions, url: string): IOptions {
  return {
    hosts: url,
    ...(options.certificateAuthority !== undefined && {
      credentials: {
        rootCertificate: Buffer.from(options.certificateAuthority),
        ...(options.key !== undefined && { privateKey: Buffer.from(options.key) }),
        ...(options.certificate !== undefined && { certChain: Buffer.from(options.certificate) }),
      },
    }),
    faultHandling: { host: () => noPolicy, global: noPolicy },
    grpcOptions: {
      'grpc.keepalive_time_ms': 5000,
      'grpc.keepalive_timeout_ms': 5000,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
      // A channel that waits out a long back-off would keep us away after etcd is back.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.use_local_subchannel_pool': 1,
    },
  }
}
