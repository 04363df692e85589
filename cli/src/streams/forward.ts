/** One forwarded connection: a WebSocket of its own, with channel 0 for bytes and 1 for what went wrong. */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'

export const FORWARD_PROTOCOL = 'v4.channel.k8s.io'

const DATA = 0
const ERROR = 1
const BUFFERED_BYTES_MAX = 4 << 20

/** Carries bytes until either end closes; resolves with what the server said went wrong, if anything. */
export function forwardConnection(local: Socket, remote: WebSocket): Promise<string | undefined> {
  return new Promise(resolve => {
    let failure: string | undefined
    // The first message on each channel is its port.
    const isOpened = new Set<number>()
    remote.on('message', data => {
      const message = data as Buffer
      const channel = message[0] ?? DATA
      const payload = message.subarray(1)
      if (!isOpened.has(channel)) return void isOpened.add(channel)
      if (channel === ERROR) failure = payload.toString('utf8')
      else if (!local.write(payload)) {
        remote.pause()
        local.once('drain', () => remote.resume())
      }
    })
    remote.on('close', () => {
      local.end()
      resolve(failure)
    })
    remote.on('error', err => {
      failure ??= err.message
    })
    local.on('data', (chunk: Buffer) => {
      remote.send(Buffer.concat([Buffer.from([DATA]), chunk]))
      if (remote.bufferedAmount > BUFFERED_BYTES_MAX) {
        local.pause()
        remote.ping(undefined, undefined, () => local.resume())
      }
    })
    local.on('error', () => {})
    local.on('close', () => remote.close())
    // Whoever connected may have left while the way to the pod was opened.
    if (local.destroyed) remote.close()
  })
}
