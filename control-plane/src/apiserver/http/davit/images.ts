/** `PUT /davit/v1/images`: one image archive from the client to every node at once, through their tunnels. */

import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { apiError, deadlineSignal, type Logger, TUNNEL_PATHS, unavailable } from '@davit/api'
import { beginningOf, type Tunnels } from '../../tunnel/index.ts'
import { beginStream, type Reply, type Request } from '../respond.ts'

/** A node that takes nothing for so long is left out, so that it does not hold up the others. */
const STALL_MS_MAX = 30_000

export interface ImageProgress {
  node: string
  status: 'loading' | 'loaded' | 'failed'
  error?: string
}

interface Load {
  readonly node: string
  readonly stream: ClientHttp2Stream
  /** Resolves to why it failed, or undefined when the image is loaded. */
  readonly outcome: Promise<string | undefined>
  failed: boolean
}

/** A node may be Ready a moment before its tunnel is open. */
const CONNECT_MS_MAX = 5_000
const RETRY_MS = 500
/** Of Docker's progress: none is nearly as long. */
const LINE_LENGTH_MAX = 64 << 10

export interface ImageUploadOptions {
  readonly tunnels: Tunnels
  /** Names of the nodes that are Ready. */
  readonly readyNodes: () => Promise<readonly string[]>
  readonly log: Logger
}

/** Answers with JSON lines of `ImageProgress`; throws ServiceUnavailable when no node is connected. */
export async function imageUpload(
  { tunnels, readyNodes, log }: ImageUploadOptions,
  request: Request,
  reply: Reply,
  signal: AbortSignal,
): Promise<void> {
  const wanted = await readyNodes()
  // A Ready node without a tunnel is told of as one that failed: the image is not on every node then.
  const nodes = [...new Set([...wanted, ...tunnels.nodes()])]
  if (nodes.length === 0) throw unavailable('No node is connected to this API server, so there is nowhere to load the image', 5)
  const answer = beginStream(reply, 'application/x-ndjson')
  const report = (progress: ImageProgress) => {
    if (!answer.writableEnded && !answer.destroyed) answer.write(`${JSON.stringify(progress)}\n`)
  }

  const begun = await Promise.all(nodes.map(node => beginLoad(tunnels, node, signal)))
  const loads = begun.filter(load => {
    if ('error' in load) report({ node: load.node, status: 'failed', error: load.error })
    return !('error' in load)
  }) as Load[]
  for (const { node } of loads) report({ node, status: 'loading' })
  const stop = () => {
    for (const { stream } of loads) stream.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of request.raw as AsyncIterable<Buffer>) {
      await Promise.all(loads.filter(load => !load.failed).map(load => pass(load, chunk)))
      if (loads.every(load => load.failed)) break
    }
    for (const { stream } of loads) stream.end()
    await Promise.all(
      loads.map(async ({ node, outcome }) => {
        const error = await outcome
        if (error !== undefined) log.warn({ node, error }, 'Cannot load an image onto a node')
        report(error === undefined ? { node, status: 'loaded' } : { node, status: 'failed', error })
      }),
    )
  } catch (err) {
    // The client went away in the middle: half an archive must not be taken for a whole one.
    stop()
    log.warn({ err }, 'An image upload broke off')
  } finally {
    signal.removeEventListener('abort', stop)
    answer.end()
  }
}

async function beginLoad(tunnels: Tunnels, node: string, signal: AbortSignal): Promise<Load | { node: string; error: string }> {
  try {
    const session = await sessionSoon(tunnels, node, signal)
    const stream = session.request({ ':method': 'PUT', ':path': TUNNEL_PATHS.images, 'content-type': 'application/x-tar' })
    const load: Load = { node, stream, failed: false, outcome: outcomeOf(stream) }
    load.outcome.then(error => {
      load.failed = error !== undefined
    })
    return load
  } catch (err) {
    return { node, error: messageOf(err) }
  }
}

/** Tries for as long as a node may take to open its tunnel. */
async function sessionSoon(tunnels: Tunnels, node: string, signal: AbortSignal): Promise<ClientHttp2Session> {
  const late = deadlineSignal(CONNECT_MS_MAX, signal)
  for (;;) {
    try {
      return await tunnels.session(node)
    } catch (err) {
      if (late.aborted) throw err
      await changed(tunnels, node, late)
    }
  }
}

/** Resolves once the node's tunnel changed, after a moment in any case: one to a peer changes unnoticed here. */
function changed(tunnels: Tunnels, node: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const finish = () => {
      stop()
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const stop = tunnels.onChange(name => name === node && finish())
    const timer = setTimeout(finish, RETRY_MS)
    signal.addEventListener('abort', finish, { once: true })
  })
}

async function outcomeOf(stream: ClientHttp2Stream): Promise<string | undefined> {
  try {
    const code = await new Promise<number>((resolve, reject) => {
      stream.once('response', headers => resolve(Number(headers[':status'])))
      stream.once('error', reject)
      stream.once('close', () => reject(new Error('the tunnel closed')))
    })
    if (code >= 300) return `the node answered ${code}: ${await beginningOf(stream, 500)}`
    return await errorIn(stream)
  } catch (err) {
    return messageOf(err)
  }
}

/** The first error among the lines of Docker's progress, of which no more is kept than one. */
async function errorIn(stream: ClientHttp2Stream): Promise<string | undefined> {
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = (lines.pop() ?? '').slice(0, LINE_LENGTH_MAX)
    const error = lines.map(errorOfLine).find(error => error !== undefined)
    if (error !== undefined) return error
  }
  return errorOfLine(rest)
}

/** Docker reports what goes wrong while loading as a line of its progress, under a status of 200. */
function errorOfLine(line: string): string | undefined {
  if (!line.includes('"error"')) return undefined
  try {
    const { error } = JSON.parse(line) as { error?: unknown }
    return typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

/** Resolves once the node has taken the chunk, or is given up. */
async function pass(load: Load, chunk: Buffer): Promise<void> {
  const { stream } = load
  if (stream.destroyed || stream.writableEnded) return
  if (stream.write(chunk)) return
  const stalled = AbortSignal.timeout(STALL_MS_MAX)
  const closed = once(stream, 'close', { signal: stalled })
  await Promise.race([once(stream, 'drain', { signal: stalled }), closed]).catch(() => {
    load.failed = true
    stream.destroy(apiError('Timeout', `it took nothing for ${STALL_MS_MAX / 1000} s`))
  })
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}
