/**
 * A process of its own, started inside a pod's network namespace: connects to ports there and hands the open sockets to the agent, so
 * that the bytes themselves never pass through here. Ends with its channel to the agent.
 */
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

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

/** The path to run with Node, as a child with an IPC channel. */
export const PORT_DIALER_PATH = fileURLToPath(import.meta.url)

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

if (process.argv[1] === PORT_DIALER_PATH && process.send) {
  process.on('message', message => void answer(message as DialRequest))
  process.on('disconnect', () => process.exit(0))
}
