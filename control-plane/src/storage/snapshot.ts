/** A copy of the whole of etcd as its members make it, streamed from one that is up to date. */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { ApiError, type Logger, systemClock, unavailable } from '@davit/api'
import type { Etcd3 } from 'etcd3'
import { abortable } from './abort.ts'
import { toApiError } from './etcd-errors.ts'
import type { Members } from './members.ts'

export interface EtcdSnapshot {
  /** Everything up to this revision is in it, perhaps more. */
  readonly revision: number
  /** Of the member it is from. */
  readonly etcdVersion: string
  /** Throws ApiError when the stream breaks, stalls, or does not bear out its checksum. */
  readonly content: AsyncIterable<Buffer>
}

const CALL_MS_MAX = 3000
/** A member that sends nothing for so long is given up. */
const SILENCE_MS_MAX = 30_000
const SHA256_BYTES = 32

/** From the first member that answers; `signal` must abort in the end, which gives up what was not read. Throws ApiError when none does. */
export async function takeSnapshot(members: Members, { log, signal }: { log: Logger; signal: AbortSignal }): Promise<EtcdSnapshot> {
  let failure: unknown
  for (let attempt = 0; attempt < members.count; attempt++) {
    signal.throwIfAborted()
    const { url, client } = members.connect(attempt)
    try {
      return await abortable(snapshotOf(client, signal), signal)
    } catch (err) {
      client.close()
      if (signal.aborted) throw err
      failure = err
      log.warn({ err, url }, 'Cannot take a snapshot of this etcd member')
    }
  }
  throw toApiError(failure, 'take a snapshot of etcd')
}

async function snapshotOf(client: Etcd3, signal: AbortSignal): Promise<EtcdSnapshot> {
  const soon = () => ({ deadline: systemClock.now() + CALL_MS_MAX })
  // Linearizable, of this very member: once it has answered, it has applied all that was acknowledged before.
  const { header } = await client.kv.range({ key: Buffer.from([0]), count_only: true }, soon())
  const { version } = await client.maintenance.status(soon())
  const stream = (await client.maintenance.snapshot()) as unknown as Readable
  signal.addEventListener('abort', () => client.close(), { once: true })
  return { revision: Number(header.revision), etcdVersion: version, content: contentOf(stream, signal) }
}

async function* contentOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  const hash = createHash('sha256')
  // The last 32 bytes are the checksum of all before: they are held back until it is known that they are the last.
  let held = Buffer.alloc(0)
  let left = -1
  const messages = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { value, done } = await unlessSilent(messages.next(), signal)
      if (done) break
      const { blob, remaining_bytes } = value as { blob: Buffer; remaining_bytes: string }
      left = Number(remaining_bytes)
      const bytes = Buffer.concat([held, blob])
      const known = Math.max(0, bytes.length - SHA256_BYTES)
      hash.update(bytes.subarray(0, known))
      if (known > 0) yield bytes.subarray(0, known)
      held = bytes.subarray(known)
    }
    if (left !== 0) throw unavailable('The snapshot of etcd broke off before its end')
    if (!hash.digest().equals(held)) throw unavailable('The snapshot of etcd does not bear out its checksum')
    yield held
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof ApiError ? error : toApiError(error, 'read the snapshot of etcd')
  }
}

async function unlessSilent<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    const silent = () => reject(unavailable(`etcd sent nothing of its snapshot for ${SILENCE_MS_MAX / 1000} s`))
    timer = setTimeout(silent, SILENCE_MS_MAX)
  })
  return abortable(Promise.race([promise, silence]), signal).finally(() => clearTimeout(timer))
}
