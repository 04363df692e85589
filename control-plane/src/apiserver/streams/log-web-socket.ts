/** A log over a WebSocket: its bytes as messages, for clients such as browsers that have no other stream. */
import type { Readable } from 'node:stream'
import { badRequest } from '@davit/api'
import type { StreamsOptions, UpgradeRequest } from './create-streams.ts'
import { proxyLog } from './log.ts'
import { acceptWebSocket, chooseProtocol, closeWebSocket, protocolsIn, sendMessage, upgradeOf } from './web-socket.ts'

const BINARY = 'binary.k8s.io'
/** Messages of text, each the base64 of its bytes. */
const BASE64 = 'base64.binary.k8s.io'
const CLOSE_NORMAL = 1000
const CLOSE_BROKEN = 1011

/** Throws the ApiError to answer with while the connection still speaks HTTP; settles when the log has ended or the client is gone. */
export async function serveLogSocket(options: StreamsOptions, { request, socket, head, call }: UpgradeRequest): Promise<void> {
  if (upgradeOf(request) !== 'websocket') throw badRequest('Upgrade request required')
  const offered = protocolsIn(request.headers['sec-websocket-protocol'])
  const protocol = offered.length === 0 ? '' : chooseProtocol(offered, [BINARY, BASE64] as const)
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  let stream: Readable | undefined
  try {
    stream = await proxyLog(options, call, gone.signal)
    const webSocket = await acceptWebSocket(request, socket, { head, protocol })
    let code = CLOSE_NORMAL
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>)
        await sendMessage(webSocket, protocol === BASE64 ? chunk.toString('base64') : chunk)
    } catch (err) {
      options.log.debug({ err, pod: call.name, namespace: call.namespace }, 'A log broke off')
      code = CLOSE_BROKEN
    }
    await closeWebSocket(webSocket, code)
  } finally {
    stream?.destroy()
  }
}
