import type { Socket } from 'node:net'
import { apiError, badRequest } from '@davit/api'
import type { StreamContext, StreamRequest } from './create-stream-handler.ts'
import { pidInNetwork } from './find-container.ts'
import { joinToSocket } from './join-to-socket.ts'

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
  await joinToSocket(stream, socket, gone)
}

async function dial(connect: () => Promise<Socket>, { port, podUid }: { port: number; podUid: string }): Promise<Socket> {
  try {
    return await connect()
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err)
    throw apiError('ServiceUnavailable', `error forwarding port ${port} to pod ${podUid}: ${why}`, undefined, { cause: err })
  }
}
