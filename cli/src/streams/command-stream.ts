/**
 * exec and attach over WebSocket: binary messages whose first byte names the channel.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ and `kubectl-wire` say what each end sends.
 */
import type { Readable, Writable } from 'node:stream'
import { CHANNELS, type Status } from '@davit/api'
import type { WebSocket } from 'ws'

export interface CommandStreams {
  stdin?: Readable | undefined
  stdout: Writable
  stderr: Writable
  /** Told to the other end now and at each change; only with a terminal. */
  size?: { read(): { columns: number; rows: number }; onChange(listener: () => void): () => void } | undefined
}

export type CommandResult = { ended: 'normally' } | { ended: 'exit'; exitCode: number } | { ended: 'failed'; message: string }

/** Subprotocols in the order we like them; only the newest can end stdin. */
export const COMMAND_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

const BUFFERED_BYTES_MAX = 1 << 20
const PING_MS = 5_000

/** Carries bytes both ways until the command ends, and says how it ended. */
export async function runCommandStream(socket: WebSocket, { stdin, stdout, stderr, size }: CommandStreams): Promise<CommandResult> {
  const outputs: Partial<Record<number, Writable>> = { [CHANNELS.stdout]: stdout, [CHANNELS.stderr]: stderr }
  let status: Status | undefined
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  socket.on('error', () => {})
  socket.on('message', data => {
    const message = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)])
    const channel = message[0]
    const payload = message.subarray(1)
    if (channel === undefined || payload.length === 0) return
    if (channel === CHANNELS.error) status = JSON.parse(payload.toString('utf8')) as Status
    else if (outputs[channel]?.write(payload) === false) pauseUntilDrained(socket, outputs[channel])
  })
  const sendSize = () => {
    const { columns, rows } = size?.read() ?? { columns: 0, rows: 0 }
    if (columns > 0 && socket.readyState === socket.OPEN)
      send(socket, CHANNELS.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows })))
  }
  const stopListening = size?.onChange(sendSize)
  if (size) sendSize()
  const pings = setInterval(() => socket.readyState === socket.OPEN && socket.ping(), PING_MS)
  if (stdin) void carryInput(socket, stdin)
  try {
    const end = await closed
    return resultOf(end, status)
  } finally {
    clearInterval(pings)
    stopListening?.()
    stdin?.pause()
  }
}

function resultOf({ code, reason }: { code: number; reason: string }, status: Status | undefined): CommandResult {
  if (!status)
    return code === 1000
      ? { ended: 'normally' }
      : { ended: 'failed', message: `connection to the container was lost (${code}${reason && `: ${reason}`})` }
  if (status.status === 'Success') return { ended: 'normally' }
  const exit = status.details?.causes?.find(cause => cause.reason === 'ExitCode')?.message
  if (status.reason === 'NonZeroExitCode' && exit !== undefined) return { ended: 'exit', exitCode: Number(exit) }
  return { ended: 'failed', message: status.message ?? 'unknown error' }
}

function pauseUntilDrained(socket: WebSocket, output: Writable): void {
  socket.pause()
  output.once('drain', () => socket.resume())
}

async function carryInput(socket: WebSocket, stdin: Readable): Promise<void> {
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      if (socket.readyState !== socket.OPEN) return
      await sendSlowly(socket, Buffer.from(chunk))
    }
    if (socket.readyState === socket.OPEN && socket.protocol === COMMAND_PROTOCOLS[0])
      send(socket, CHANNELS.close, Buffer.from([CHANNELS.stdin]))
  } catch {
    // Our own end of the terminal is gone; the command ends with it.
    socket.close()
  }
}

/** Waits when the other end reads slower than we write. */
async function sendSlowly(socket: WebSocket, payload: Buffer): Promise<void> {
  await new Promise<void>(resolve => {
    const message = Buffer.concat([Buffer.from([CHANNELS.stdin]), payload])
    if (socket.bufferedAmount < BUFFERED_BYTES_MAX) {
      socket.send(message)
      resolve()
    } else socket.send(message, () => resolve())
  })
}

function send(socket: WebSocket, channel: number, payload: Buffer): void {
  socket.send(Buffer.concat([Buffer.from([channel]), payload]))
}
