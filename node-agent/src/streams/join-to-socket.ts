import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { chunksOf, writeChunk } from '@davit/api'

/** Answers `stream` with what comes from the socket, and the other way round, until both have ended or one breaks. Owns the socket. */
export async function joinToSocket(stream: ServerHttp2Stream, socket: Socket, gone: AbortSignal): Promise<void> {
  socket.on('error', () => {})
  const stop = () => void socket.destroy()
  gone.addEventListener('abort', stop, { once: true })
  if (gone.aborted) return stop()
  try {
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' })
    await Promise.all([pass(stream, socket), pass(socket, stream)])
  } catch (err) {
    if (!gone.aborted) throw err
  } finally {
    gone.removeEventListener('abort', stop)
    socket.destroy()
  }
}

/** Copies to the end and ends the target there, so that a half-closed connection stays one. */
async function pass(source: Duplex, target: Duplex): Promise<void> {
  for await (const chunk of chunksOf(source)) if (!(await writeChunk(target, chunk))) return
  target.end()
}
