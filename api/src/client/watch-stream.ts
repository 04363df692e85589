import type { KubernetesObject } from '../meta.ts'
import { ApiError, type Status, unavailable } from '../status.ts'
import type { WatchEvent } from './client.ts'

/** The server refuses objects of more than 2 MiB or so; this only bounds what a broken one can make us hold. */
const EVENT_BYTES_MAX = 64 << 20
const NEWLINE = 0x0a

/** Lines of a stream, whatever its chunks; each is put together once, however many chunks it takes. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void, void> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const last = chunk.subarray(from, end)
      yield parts.length === 0 ? last.toString('utf8') : Buffer.concat([...parts, last]).toString('utf8')
      if (parts.length > 0) parts = []
      length = 0
      from = end + 1
    }
    if (from === chunk.length) continue
    parts.push(chunk.subarray(from))
    length += chunk.length - from
    if (length > EVENT_BYTES_MAX) throw unavailable(`Cannot read a watch event of more than ${EVENT_BYTES_MAX} bytes`)
  }
  if (length > 0) throw unavailable('The watch was cut in the middle of an event')
}

/** Events of a watch's body. An ERROR event is thrown as the `ApiError` it holds. */
export async function* parseWatch<T extends KubernetesObject>(chunks: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent<T>, void, void> {
  for await (const line of splitLines(chunks)) {
    if (line.trim() === '') continue
    const event = parseEvent<T>(line)
    if (event.type === 'ERROR') throw new ApiError(event.object)
    yield event
  }
}

function parseEvent<T extends KubernetesObject>(line: string): WatchEvent<T> | { type: 'ERROR'; object: Status } {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw unavailable(`Cannot read a watch event: ${(cause as Error).message}`)
  }
}
