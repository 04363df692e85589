/** watch: one JSON line an event, as long as the client listens. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { StorageEvent } from '../../../storage/index.ts'
import { negotiateStream } from '../negotiation/accept.ts'
import { beginStream, statusOf } from '../respond.ts'
import { parseIncludeObject } from '../views/table.ts'
import type { View } from '../views/types.ts'
import { viewOf } from '../views/view.ts'
import { type Handlers, lifetimeOf, namespaceOf, type ResourceCall } from './call.ts'
import { integerParameter, watchParameters } from './query.ts'

/** Watches end by themselves after half an hour to an hour, so that clients spread over replicas anew. */
const TIMEOUT_SECONDS = { min: 1800, max: 3600 }

/** Prepared at once; and kept for others. */
const LINES_MAX = 500
/** Prepared at once for one client: all that its slowness costs beside the objects themselves. */
const CHUNK_BYTES = 128 * 1024
/** A client that has not taken anything for so long, though there was something, is gone or stuck. */
const STALLED_MS = 30_000
/** Why a watch ended whose client was too slow. */
const SLOW = new Error('The client does not read what it watches')

type EventIterator = AsyncIterator<StorageEvent[]>

export async function watchObjects(handlers: Handlers, call: ResourceCall): Promise<void> {
  const { registry, clock, metrics, log, patienceMs = STALLED_MS } = handlers
  const form = negotiateStream(call.request.headers.accept)
  const parameters = watchParameters(call.query, namespaceOf(call), call.resource.name)
  const view = viewOf(call.kind, form, {
    includeObject: parseIncludeObject(call.query.get('includeObject')),
    now: () => clock.now(),
    watch: true,
  })
  const timeoutMs = timeoutMsOf(call.query)
  const lifetime = lifetimeOf(call.reply, handlers.signal)
  const { signal } = lifetime
  const stopTimer = endAfter(timeoutMs, lifetime)

  const drop = () => lifetime.abort(SLOW)
  const watch = registry.watch({ user: call.user, signal }, call.kind, { ...parameters, onDropped: drop })
  const iterator = watch[Symbol.asyncIterator]()
  const first = iterator.next()
  try {
    // What is wrong with the request itself shows at once and can still be answered with a status code.
    await Promise.race([first, new Promise(resolve => setImmediate(resolve))])
  } catch (err) {
    stopTimer()
    lifetime.abort()
    throw err
  }
  const countOut = metrics.openLongRunning('WATCH', call.resource.resource)
  // The head goes at once, so that the client knows that the watch stands before anything happens.
  const raw = beginStream(call.reply, 'application/json')
  call.begun()
  try {
    await pump(raw, { iterator, first, view, signal, drop, patienceMs })
  } catch (err) {
    if (!signal.aborted) {
      if (statusOf(err).code >= 500) log.error({ err, resource: call.resource }, 'A watch failed')
      if (!raw.destroyed) raw.write(`{"type":"ERROR","object":${JSON.stringify(statusOf(err))}}\n`)
    }
  } finally {
    stopTimer()
    lifetime.abort()
    countOut()
    end(raw, patienceMs)
    await iterator.return?.().catch(() => {})
  }
}

function timeoutMsOf(query: URLSearchParams): number {
  const asked = integerParameter(query, 'timeoutSeconds')
  const { min, max } = TIMEOUT_SECONDS
  const seconds = asked ? Math.min(asked, 24 * 3600) : min + Math.random() * (max - min)
  return seconds * 1000
}

function endAfter(ms: number, controller: AbortController): () => void {
  const timer = setTimeout(() => controller.abort(), ms)
  return () => clearTimeout(timer)
}

interface Pump {
  readonly iterator: EventIterator
  readonly first: Promise<IteratorResult<StorageEvent[]>>
  readonly view: View
  readonly signal: AbortSignal
  /** Ends the watch of a client that does not read. */
  readonly drop: () => void
  readonly patienceMs: number
}

async function pump(raw: Writable, { iterator, first, view, ...client }: Pump): Promise<void> {
  for (let next = await first; !next.done && !client.signal.aborted; next = await iterator.next()) {
    let lines: Buffer[] = []
    let size = 0
    const { length } = next.value
    for (let at = 0; at < length; at++) {
      const line = lineOf(next.value[at]!, view)
      lines.push(line)
      size += line.length
      if (at < length - 1 && size < CHUNK_BYTES && lines.length < LINES_MAX) continue
      const written = write(raw, lines.length === 1 ? line : Buffer.concat(lines), client)
      if (written) await written
      if (client.signal.aborted) return
      lines = []
      size = 0
    }
  }
}

/**
 * A promise where the client has not taken enough yet for more to be worth preparing; it resolves when it has. A client that takes
 * nothing for long is dropped.
 */
function write(
  raw: Writable,
  bytes: Buffer,
  { signal, drop, patienceMs }: Pick<Pump, 'signal' | 'drop' | 'patienceMs'>,
): Promise<void> | undefined {
  if (raw.destroyed || raw.writableEnded || raw.write(bytes)) return undefined
  const timer = setTimeout(drop, patienceMs).unref()
  return once(raw, 'drain', { signal }).then(
    () => clearTimeout(timer),
    () => clearTimeout(timer),
  )
}

/** Ends the answer; a client that does not even take its end is not waited for. It resumes from what it has seen. */
function end(raw: Writable, patienceMs: number): void {
  raw.end()
  const timer = setTimeout(() => raw.destroy(), patienceMs / 6).unref()
  raw.once('close', () => clearTimeout(timer))
}

const PREFIXES = {
  added: Buffer.from('{"type":"ADDED","object":'),
  modified: Buffer.from('{"type":"MODIFIED","object":'),
  deleted: Buffer.from('{"type":"DELETED","object":'),
} as const
const SUFFIX = Buffer.from('}\n')

/**
 * Lines of the events that are being told now. Storage hands the same event to all who watch, and all of them take it in the same turn of
 * the loop: so each line is made once, and not kept any longer.
 */
const lines = new Map<StorageEvent, Buffer>()

function lineOf(event: StorageEvent, view: View): Buffer {
  if (event.type === 'bookmark') {
    return Buffer.from(`{"type":"BOOKMARK","object":${view.bookmark(event.revision, event.initialEventsEnd ?? false)}}\n`)
  }
  const known = view.isWhole ? lines.get(event) : undefined
  if (known) return known
  const object = view.single(event.stored)
  const line = Buffer.concat([PREFIXES[event.type], typeof object === 'string' ? Buffer.from(object) : object, SUFFIX])
  if (!view.isWhole || lines.size >= LINES_MAX) return line
  if (lines.size === 0) setImmediate(() => lines.clear())
  lines.set(event, line)
  return line
}
