import type { Duplex } from 'node:stream'

/** Answers an upgrade to SPDY with the protocol chosen for its streams; `socket` then carries frames, `head` first. */
export function acceptSpdy(socket: Duplex, { head, protocol }: { head: Buffer; protocol: string }): void {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${protocol}`]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
}
