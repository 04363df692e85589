/** Answers where there is no reply object: on connections that leave HTTP, and to bytes that never were a request. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, badRequest } from '@davit/api'
import { statusOf } from './respond.ts'

/** Writes the Status that `err` stands for and ends the connection. */
export function refuse(socket: Duplex, err: unknown): void {
  if (!socket.writable) return void socket.destroy()
  const status = statusOf(err)
  const body = `${JSON.stringify(status)}\n`
  const head = [
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** For a client whose bytes the HTTP/1 parser did not take. */
export function refuseUnreadable({ code, message }: Error & { code?: string }, socket: Duplex): void {
  if (code === 'ECONNRESET') return void socket.destroy()
  const why = code === undefined ? undefined : UNREADABLE[code]
  refuse(socket, why ? unreadable(...why) : badRequest(`Cannot read the HTTP request: ${message}`))
}

const UNREADABLE: Readonly<Record<string, [code: number, why: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'its headers are larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'its headers did not come in time'],
}

function unreadable(code: number, why: string): ApiError {
  const message = `Cannot read the HTTP request: ${why}`
  return new ApiError({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason: 'BadRequest', code })
}
