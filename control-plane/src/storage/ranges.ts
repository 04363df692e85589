/** Ranges of etcd in pages, all pages at one revision. */
import type { KeyValueClient, Members } from './members.ts'

export type EtcdKeyValue = Awaited<ReturnType<KeyValueClient['range']>>['kvs'][number]

export interface RangeRequest {
  readonly prefix: string
  /** First key of interest; default the prefix. */
  readonly start?: string | undefined
  /** 0: the newest; the answers tell which that was. */
  readonly revision: number
  readonly keysOnly?: boolean
  readonly pageSize?: number
  readonly signal?: AbortSignal | undefined
}

const PAGE_SIZE = 500

/** Yields pages with the revision they were read at and how many keys are left behind them. Throws etcd3's error when compacted. */
export async function* rangePages(
  members: Members,
  request: RangeRequest,
): AsyncGenerator<{ kvs: EtcdKeyValue[]; revision: number; left: number }> {
  const { prefix, keysOnly = false, pageSize = PAGE_SIZE, signal } = request
  const range_end = prefixEnd(prefix)
  let key = Buffer.from(request.start ?? prefix)
  let revision = request.revision
  for (;;) {
    const response = await members.read(
      `read "${prefix}"`,
      (kv, options) => kv.range({ key, range_end, revision, limit: pageSize, keys_only: keysOnly }, options),
      { signal, timeoutMs: 10_000 },
    )
    revision ||= Number(response.header.revision)
    yield { kvs: response.kvs, revision, left: Number(response.count) - response.kvs.length }
    const last = response.kvs.at(-1)
    if (!response.more || !last) return
    key = Buffer.concat([last.key, Buffer.from([0])])
  }
}

/** The first key behind all that begin with `prefix`. */
function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix)
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] as number
    if (byte < 0xff) {
      end[at] = byte + 1
      return end.subarray(0, at + 1)
    }
  }
  return Buffer.from([0])
}
