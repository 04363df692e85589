import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { badRequest, isProxyableAddress, unavailable } from '@davit/api'
import type { StreamContext, StreamRequest } from './create-stream-handler.ts'
import { joinToSocket } from './join-to-socket.ts'

const DIAL_MS_MAX = 10_000

/** In the words of clients that know Go's. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ECONNRESET: 'connect: connection reset by peer',
  ETIMEDOUT: 'connect: connection timed out',
}

/**
 * Serves `POST /dial?address=A&port=N`: raw bytes between the stream and whatever this node reaches at that address. Never this host's
 * own loopback, nor what only its link knows.
 */
export async function serveDial({ clock }: StreamContext, { stream, query, gone }: StreamRequest): Promise<void> {
  const address = query.get('address') ?? ''
  const port = Number(query.get('port'))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badRequest(`Invalid port ${JSON.stringify(query.get('port'))}`)
  if (!isProxyableAddress(address)) throw badRequest('address not allowed')
  const settled = new AbortController()
  const over = new AbortController()
  clock.sleep(DIAL_MS_MAX, settled.signal).then(
    () => over.abort(),
    () => {},
  )
  try {
    await joinToSocket(stream, await open(address, port, AbortSignal.any([gone, over.signal])), gone)
  } finally {
    settled.abort()
  }

  async function open(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
    socket.on('error', () => {})
    try {
      await once(socket, 'connect', { signal })
    } catch (err) {
      socket.destroy()
      const { code = '', message } = err as NodeJS.ErrnoException
      const why = over.signal.aborted ? 'i/o timeout' : (WORDS[code] ?? message)
      throw unavailable(`dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}: ${why}`)
    }
    settled.abort()
    return socket
  }
}
