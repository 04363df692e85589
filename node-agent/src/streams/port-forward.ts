import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { apiError, badRequest, chunksOf, writeChunk } from '@davit/api'
import type { StreamContext, StreamRequest } from './create-stream-handler.ts'
import { pidInNetwork } from './find-container.ts'

/** Serves `POST /portforward/<namespace>/<pod>/<uid>?port=N`: raw bytes between the stream and the pod's port. */
export async function servePortForward(
  { containers, dialers }: StreamContext,
  { stream, query, names, gone }: StreamRequest,
): Promise<void> {
  const [, podName = '', podUid = ''] = names
  const port = Number(query.get('port'))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badRequest(`Invalid port ${JSON.stringify(query.get('port'))}`)
  const pid = pidInNetwork(containers, podUid)
  if (pid === undefined) throw badRequest(`unable to forward port because pod ${JSON.stringify(podName)} is not running`)
  const socket = await dial(() => dialers.connect(pid, port), { port, podUid })
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

async function dial(connect: () => Promise<Socket>, { port, podUid }: { port: number; podUid: string }): Promise<Socket> {
  try {
    return await connect()
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err)
    throw apiError('ServiceUnavailable', `error forwarding port ${port} to pod ${podUid}: ${why}`, undefined, { cause: err })
  }
}

/** Copies to the end and ends the target there, so that a half-closed connection stays one. */
async function pass(source: Duplex, target: Duplex): Promise<void> {
  for await (const chunk of chunksOf(source)) if (!(await writeChunk(target, chunk))) return
  target.end()
}
