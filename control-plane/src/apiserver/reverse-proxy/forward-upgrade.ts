/** A connection that leaves HTTP, passed on: what the backend answers the client hears, and after a switch of protocols all bytes go both ways. */
import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Backend } from './forward-request.ts'
import { requestHeaders, responseHeaders } from './headers.ts'

export interface ClientConnection {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** Settles once the connection is passed on or the backend's refusal is written. Throws only before anything was written. */
export async function forwardUpgrade({ request, socket, head }: ClientConnection, backend: Backend): Promise<void> {
  const gone = new AbortController()
  socket.once('close', () => gone.abort(new Error('The client closed the connection')))
  if (socket.destroyed) return
  const early = readEarly(socket)
  const connection = await backend.connect(gone.signal)
  const answer = await ask(request, connection, backend).catch(err => {
    connection.destroy()
    throw err
  })
  early.stop()
  if (socket.destroyed) return void connection.destroy()
  if (answer.kind === 'refused') return sendRefusal(socket, connection, answer.response)
  const { response, head: first } = answer
  socket.write(headOf(response, pairsOf(response.rawHeaders)))
  if (first.length > 0) socket.write(first)
  for (const chunk of [head, ...early.chunks]) if (chunk.length > 0) connection.write(chunk)
  join(socket, connection)
}

const EARLY_BYTES_MAX = 64 << 10

/** Of a connection that nobody reads nobody hears the end: until there is an answer what the client says is kept, and it is let go when it ends. */
function readEarly(socket: Duplex): { readonly chunks: readonly Buffer[]; stop(): void } {
  const chunks: Buffer[] = []
  let bytes = 0
  const keep = (chunk: Buffer) => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > EARLY_BYTES_MAX) socket.pause()
  }
  const leave = () => void socket.destroy()
  socket.on('data', keep).once('end', leave)
  return {
    chunks,
    stop() {
      socket.off('data', keep).off('end', leave).pause()
    },
  }
}

type Answer =
  | { readonly kind: 'switched'; readonly response: IncomingMessage; readonly head: Buffer }
  | { readonly kind: 'refused'; readonly response: IncomingMessage }

function ask(request: IncomingMessage, connection: Duplex, backend: Backend): Promise<Answer> {
  const headers = {
    ...requestHeaders({ headers: request.headers, address: request.socket.remoteAddress }),
    ...backend.headers,
    connection: 'Upgrade',
    upgrade: request.headers.upgrade ?? '',
  }
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ method: request.method ?? 'GET', path: backend.path, headers, createConnection: () => connection })
    asked.once('upgrade', (response, _socket, head) => resolve({ kind: 'switched', response, head }))
    asked.once('response', response => resolve({ kind: 'refused', response }))
    asked.on('error', reject)
    connection.once('close', () => reject(new Error('EOF')))
    asked.end()
  })
}

function sendRefusal(socket: Duplex, connection: Duplex, response: IncomingMessage): void {
  const headers = Object.entries({ ...responseHeaders(response.headers), connection: 'close' })
  const lines = headers.flatMap(([name, value]) => [value ?? []].flat().map(each => [name, String(each)] as const))
  socket.write(headOf(response, lines))
  response.once('error', () => socket.destroy())
  // Without a length its end is the connection's.
  response.pipe(socket)
  socket.once('close', () => connection.destroy())
}

function headOf({ statusCode = 502, statusMessage }: IncomingMessage, headers: readonly (readonly [string, string])[]): string {
  const first = `HTTP/1.1 ${statusCode} ${statusMessage || STATUS_CODES[statusCode] || ''}`
  return `${[first, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : [])) as [string, string][]
}

/** Each end passes on its end; what breaks one breaks the other. */
function join(socket: Duplex, connection: Duplex): void {
  socket.pipe(connection).pipe(socket)
  socket.once('error', () => connection.destroy()).once('close', () => connection.destroy())
  connection.once('error', () => socket.destroy()).once('close', () => socket.destroy())
}
