/** get, list and the reading subresources. */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { KubernetesObject, ListMeta } from '@davit/api'
import type { ListResult, Stored } from '../../../storage/index.ts'
import { type Reply, type Shape, sendJson, shapeOf } from '../respond.ts'
import { scaleKind } from '../views/scale.ts'
import { parseIncludeObject } from '../views/table.ts'
import type { View } from '../views/types.ts'
import { viewOf } from '../views/view.ts'
import { type Handlers, lifetimeOf, namespaceOf, type ResourceCall, targetOf } from './call.ts'
import { listOptions } from './query.ts'

/** Objects handled before others get a turn: a list never holds the loop for long. */
const SLICE = 500

export async function getObject(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const resourceVersion = call.query.get('resourceVersion') || undefined
  const context = { user: call.user }
  const stored = await handlers.registry.get(context, call.kind, targetOf(call), resourceVersion === undefined ? {} : { resourceVersion })
  await sendStored(handlers, call, { code: 200, stored, shape })
}

export async function getScale(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const scale = await handlers.registry.getScale({ user: call.user }, call.kind, targetOf(call))
  await sendStored(handlers, { ...call, kind: scaleKind(call.kind) }, { code: 200, stored: storedOf(scale), shape })
}

/** An object that is not stored itself, such as a Scale, in the form views take. */
function storedOf(object: KubernetesObject): Pick<Stored, 'object' | 'bytes'> {
  return { object, bytes: Buffer.from(JSON.stringify(object)) }
}

interface StoredAnswer {
  readonly code: number
  readonly stored: Pick<Stored, 'object' | 'bytes'>
  readonly shape: Shape
}

/** Answers with one object, in the form the client asked for. */
export async function sendStored(
  { clock }: Handlers,
  { kind, query, reply }: ResourceCall,
  { code, stored, shape }: StoredAnswer,
): Promise<void> {
  if (!shape.form.as) return sendJson(reply, code, stored.bytes, shape)
  const view = viewOf(kind, shape.form, { includeObject: parseIncludeObject(query.get('includeObject')), now: () => clock.now() })
  return sendJson(reply, code, view.single(stored), shape)
}

export async function listObjects(handlers: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: true })
  const options = listOptions(call.query, namespaceOf(call))
  const { signal } = lifetimeOf(call.reply)
  const result = await handlers.registry.list({ user: call.user, signal }, call.kind, { ...options, signal })
  await sendList(handlers, call, { result, shape })
}

/** Answers with a list, copied from the items' bytes. */
export async function sendList(
  { clock }: Handlers,
  { kind, query, reply }: ResourceCall,
  answer: { result: ListResult; shape: Shape },
): Promise<void> {
  const { result, shape } = answer
  const view = viewOf(kind, shape.form, { includeObject: parseIncludeObject(query.get('includeObject')), now: () => clock.now() })
  const whole = shape.pretty || shape.form.format === 'yaml'
  if (whole || result.items.length <= SLICE) {
    const chunks: Buffer[] = []
    for await (const chunk of listChunks(view, result)) chunks.push(chunk)
    return sendJson(reply, 200, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), shape)
  }
  return streamList(reply, listChunks(view, result), shape)
}

async function streamList(reply: Reply, chunks: AsyncIterable<Buffer>, { gzip }: Shape): Promise<void> {
  reply.code(200).header('content-type', 'application/json').header('cache-control', 'no-cache, private')
  const source = Readable.from(chunks, { objectMode: false, highWaterMark: 1024 * 1024 })
  if (!gzip) return void reply.send(source)
  reply.header('content-encoding', 'gzip').header('vary', 'Accept-Encoding')
  const zipped = createGzip({ level: constants.Z_BEST_SPEED })
  reply.send(zipped)
  // The reply destroys `zipped` when the client goes away, which ends the source as well.
  await pipeline(source, zipped).catch(() => {})
}

function listMetaOf({ revision, continue: token, remainingItemCount }: ListResult): ListMeta {
  return {
    resourceVersion: String(revision),
    ...(token && { continue: token }),
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  }
}

/** The list in chunks of up to `SLICE` items, yielding to others after each. */
async function* listChunks(view: View, result: ListResult): AsyncGenerator<Buffer, void, void> {
  const { items } = result
  let parts: Buffer[] = [Buffer.from(view.open(listMetaOf(result)))]
  for (let at = 0; at < items.length; at++) {
    if (at > 0) parts.push(COMMA)
    const item = view.item(items[at]!)
    parts.push(typeof item === 'string' ? Buffer.from(item) : item)
    if (at % SLICE === SLICE - 1 && at < items.length - 1) {
      yield Buffer.concat(parts)
      parts = []
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  parts.push(Buffer.from(view.close))
  yield Buffer.concat(parts)
}

const COMMA = Buffer.from(',')
