/**
 * A process of its own, started inside a pod's network namespace: connects to ports there and hands the open sockets to the agent, so
 * that the bytes themselves never pass through here. Ends with its channel to the agent.
 */
import { connect, type Socket } from 'node:net'

export interface DialRequest {
  readonly id: number
  readonly port: number
}

/** With a socket attached unless there is an error. */
export interface DialAnswer {
  readonly id: number
  readonly error?: string
}

/** Where apps listen that listen for their own pod only. */
const ADDRESSES = ['127.0.0.1', '::1']

async function answer({ id, port }: DialRequest): Promise<void> {
  const errors: string[] = []
  for (const address of ADDRESSES) {
    try {
      const socket = await open(address, port)
      process.send?.({ id } satisfies DialAnswer, socket)
      return
    } catch (err) {
      errors.push((err as Error).message)
    }
  }
  process.send?.({ id, error: errors[0] ?? 'no address' } satisfies DialAnswer)
}

/** Connects, without reading: the first bytes are for whom the socket is handed to. */
export function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true })
    socket.pause()
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** What the process does: answers the agent's `DialRequest`s for as long as the agent holds the channel. */
export function servePortDialer(): void {
  if (!process.send) throw new Error('port-dialer is started by the agent, with a channel to it')
  process.on('message', message => void answer(message as DialRequest))
  process.on('disconnect', () => process.exit(0))
}
