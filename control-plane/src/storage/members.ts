/**
 * The etcd members, each behind clients of its own. etcd3 is used for its gRPC stubs only: its watcher loses events, its
 * retries turn a committed create into AlreadyExists, its breaker shuts a host for 5 s, so all of that is switched off.
 */
import { type Clock, type Logger, systemClock } from '@davit/api'
import { Etcd3, type IOptions } from 'etcd3'
import { abortable } from './abort.ts'
import { toApiError } from './etcd-errors.ts'
import { MemberChoice } from './member-choice.ts'

/** PEM. */
export interface EtcdCredentials {
  readonly certificateAuthority?: string
  readonly certificate?: string
  readonly key?: string
}

export interface EtcdOptions extends EtcdCredentials {
  readonly urls: readonly string[]
}

export type KeyValueClient = Etcd3['kv']
/** What every answer of etcd tells. */
type Answer = { readonly header: { readonly revision: string } }
export type WatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>>

interface Member {
  readonly url: string
  readonly reads: Etcd3
  readonly writes: Etcd3
  /** Its own connection: etcd3 closes all of a client's channels when one call times out. */
  readonly watches: Etcd3
}

/** Long enough for the members to elect another leader. */
const READ_TIMEOUT_MS = 5000
/** How long one of several members may take for a read before another is asked. */
const TRY_MS = 1000
/** Longer than etcd's own limit (7 s), so that its verdict arrives first. */
const WRITE_TIMEOUT_MS = 8000
const RETRY_DELAY_MS = 100
/** After new credentials: longer than any call on the old ones takes. */
const OVERLAP_MS = WRITE_TIMEOUT_MS + 2000

/** Which members there are, and which one is asked next. */
export class Members {
  #options: EtcdOptions
  #members: readonly Member[]
  readonly #retired = new Set<Member>()
  readonly #clock: Clock
  #heard = 0
  readonly choice: MemberChoice

  constructor(options: EtcdOptions, { clock, log }: { clock: Clock; log: Logger }) {
    if (options.urls.length === 0) throw new Error('Cannot use etcd: no URL is given')
    this.#options = options
    this.#members = connectAll(options)
    this.#clock = clock
    this.choice = new MemberChoice(options.urls, { clock, log })
  }

  /** Calls until a member answers; an ApiError once `timeoutMs` is over. A call may be made twice, so it must do no harm then. */
  async read<T extends Answer>(
    attempted: string,
    call: (kv: KeyValueClient, options: { deadline: number }) => Promise<T>,
    { signal, timeoutMs = READ_TIMEOUT_MS }: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
  ): Promise<T> {
    const start = this.#clock.monotonic()
    for (;;) {
      const index = this.choice.preferred
      const leftMs = timeoutMs - (this.#clock.monotonic() - start)
      try {
        const tryMs = this.count > 1 ? Math.min(leftMs, TRY_MS) : leftMs
        const answer = await abortable(call(this.#member(index).reads.kv, deadline(tryMs)), signal)
        this.#answered(answer)
        return answer
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        if (!this.choice.failed(index, error)) throw error
        if (this.#clock.monotonic() - start + RETRY_DELAY_MS >= timeoutMs) throw toApiError(error, attempted)
        await this.#clock.sleep(RETRY_DELAY_MS, signal)
      }
    }
  }

  /** One call to one member, never repeated here. */
  async write<T extends Answer>(
    call: (kv: KeyValueClient, options: { deadline: number }) => Promise<T>,
    timeoutMs = WRITE_TIMEOUT_MS,
  ): Promise<T> {
    const index = this.choice.preferred
    try {
      const answer = await call(this.#member(index).writes.kv, deadline(timeoutMs))
      this.#answered(answer)
      return answer
    } catch (error) {
      this.choice.failed(index, error)
      throw error
    }
  }

  /** A stream through the member that calls go to; `avoid` is to be called when it brings nothing more. */
  async openWatch(): Promise<{ url: string; stream: WatchStream; avoid: () => void }> {
    const index = this.choice.preferred
    const { url, watches } = this.#member(index)
    return { url, stream: await watches.watchClient.watch(), avoid: () => this.choice.avoid(index) }
  }

  /** The newest revision that an answer told of: whoever was told of a write of ours, or refused for one, was told of none above it. */
  get heard(): number {
    return this.#heard
  }

  /** etcd's history is another one, which ends at `revision`: what was heard of the old one counts no more. */
  forgetAbove(revision: number): void {
    this.#heard = Math.min(this.#heard, revision)
  }

  /** How many there are. */
  get count(): number {
    return this.#members.length
  }

  /** A connection of the caller's own to the `attempt`th member, counted round from the one that is asked; to be closed. */
  connect(attempt: number): { url: string; client: Etcd3 } {
    const { url } = this.#member((this.choice.preferred + attempt) % this.#members.length)
    return { url, client: new Etcd3(clientOptions(this.#options, url)) }
  }

  /** New calls go out with these; what is under way ends on the connections it has. */
  renew(credentials: EtcdCredentials): void {
    const old = this.#members
    this.#options = { ...this.#options, ...credentials }
    this.#members = connectAll(this.#options)
    for (const member of old) this.#retired.add(member)
    setTimeout(() => {
      for (const member of old) if (this.#retired.delete(member)) closeMember(member)
    }, OVERLAP_MS).unref()
  }

  close(): void {
    for (const member of [...this.#members, ...this.#retired]) closeMember(member)
    this.#retired.clear()
  }

  #answered({ header }: Answer): void {
    this.choice.answered()
    this.#heard = Math.max(this.#heard, Number(header.revision))
  }

  #member(index: number): Member {
    const member = this.#members[index]
    if (!member) throw new Error(`No etcd member ${index} of ${this.#members.length}`)
    return member
  }
}

function connectAll(options: EtcdOptions): Member[] {
  const connect = (url: string) => new Etcd3(clientOptions(options, url))
  return options.urls.map(url => ({ url, reads: connect(url), writes: connect(url), watches: connect(url) }))
}

function closeMember({ reads, writes, watches }: Member): void {
  for (const client of [reads, writes, watches]) client.close()
}

/** gRPC compares deadlines with the machine's clock, so a test's clock must not be used here. */
function deadline(ms: number): { deadline: number } {
  return { deadline: systemClock.now() + Math.max(1, ms) }
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

/** For what asks for a signal and does not listen to it. */
const NEVER = new AbortController().signal

/** Does nothing but call: no retries, no breaker. */
const noPolicy = {
  _altReturn: undefined,
  onSuccess: () => ({ dispose: () => {} }),
  onFailure: () => ({ dispose: () => {} }),
  execute: async (run: (context: { signal: AbortSignal }) => unknown, signal = NEVER) => run({ signal }),
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
      // Nobody reads its statistics.
      'grpc.enable_channelz': 0,
      // A channel that waits out a long back-off would keep us away after etcd is back.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.use_local_subchannel_pool': 1,
    },
  }
}
