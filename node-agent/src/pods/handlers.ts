/** The things a probe or a hook may do: ask by HTTP, connect by TCP, run a command, ask a gRPC health service. */

import { request as requestHttp } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import { type Container, deadlineSignal, type GrpcAction, type HttpGetAction, type IntOrString, type TcpSocketAction } from '@davit/api'

/** What came of it; the message is what an Unhealthy event says. */
export interface HandlerResult {
  ok: boolean
  message: string
  /** There was an answer by HTTP, if not the one a probe wants: enough for a hook. */
  isAnswered?: boolean
}

export interface HandlerTarget {
  container: Container
  /** The pod's address. */
  address: string
  timeoutMs: number
  signal: AbortSignal
}

const BODY_BYTES_MAX = 10 * 1024

/** The number behind a port's name; throws when the container declares no such port. */
export function portNumber(container: Container, port: IntOrString): number {
  const declared = container.ports?.find(({ name }) => name === port)?.containerPort
  const number = declared ?? Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw new Error(`couldn't find port: ${JSON.stringify(port)}`)
  return number
}

export async function httpGet(
  { path = '/', port, host, scheme = 'HTTP', httpHeaders = [] }: HttpGetAction,
  target: HandlerTarget,
): Promise<HandlerResult> {
  const { container, address, timeoutMs, signal } = target
  const number = portNumber(container, port)
  const name = host || address
  const pathAndQuery = path.startsWith('/') ? path : `/${path}`
  const url = `${scheme.toLowerCase()}://${name}:${number}${pathAndQuery}`
  const headers: Record<string, string | string[]> = {
    host: `${name}:${number}`,
    'user-agent': 'kube-probe/1.33',
    accept: '*/*',
    connection: 'close',
  }
  const own = new Map<string, string[]>()
  for (const { name: header, value } of httpHeaders) own.set(header.toLowerCase(), [...(own.get(header.toLowerCase()) ?? []), value])
  // A name given twice is sent twice; `Host` must stay a single one.
  for (const [header, values] of own) headers[header] = values.length === 1 || header === 'host' ? (values[0] ?? '') : values
  const deadline = deadlineSignal(timeoutMs, signal)
  const options = {
    host: name,
    port: number,
    path: pathAndQuery,
    method: 'GET',
    headers,
    agent: false,
    signal: deadline,
    rejectUnauthorized: false,
  }
  return new Promise(resolve => {
    const request = (scheme === 'HTTPS' ? requestHttps : requestHttp)(options, response => {
      const status = response.statusCode ?? 0
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (body.length < BODY_BYTES_MAX) body += chunk
      })
      response.on('error', () => resolve(judged(status)))
      response.on('end', () => resolve(judged(status)))
    })
    const judged = (status: number): HandlerResult =>
      status >= 200 && status < 400
        ? { ok: true, message: '' }
        : { ok: false, message: `HTTP probe failed with statuscode: ${status}`, isAnswered: true }
    request.on('error', err => {
      const why = deadline.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : dialError(err, `${name}:${number}`)
      resolve({ ok: false, message: `Get "${url}": ${why}` })
    })
    request.end()
  })
}

export function tcpSocket(
  { port, host }: TcpSocketAction,
  { container, address, timeoutMs, signal }: HandlerTarget,
): Promise<HandlerResult> {
  const number = portNumber(container, port)
  const name = host || address
  const deadline = deadlineSignal(timeoutMs, signal)
  return new Promise(resolve => {
    const socket = connect({ host: name, port: number })
    const stop = () => {
      socket.destroy()
      resolve({ ok: false, message: `dial tcp ${name}:${number}: i/o timeout` })
    }
    deadline.addEventListener('abort', stop, { once: true })
    socket.on('connect', () => {
      deadline.removeEventListener('abort', stop)
      socket.destroy()
      resolve({ ok: true, message: '' })
    })
    socket.on('error', err => {
      deadline.removeEventListener('abort', stop)
      resolve({ ok: false, message: dialError(err, `${name}:${number}`) })
    })
  })
}

/** grpc.health.v1.Health/Check over plain HTTP/2; its two messages have one field each. */
export function grpcHealth({ port, service = '' }: GrpcAction, { address, timeoutMs, signal }: HandlerTarget): Promise<HandlerResult> {
  const deadline = deadlineSignal(timeoutMs, signal)
  return new Promise(resolve => {
    const session = connectHttp2(`http://${address}:${port}`)
    const end = (result: HandlerResult) => {
      resolve(result)
      session.destroy()
    }
    deadline.addEventListener(
      'abort',
      () => end({ ok: false, message: `timeout: failed to connect service "${address}:${port}" within ${timeoutMs / 1000}s` }),
      { once: true },
    )
    session.on('error', err => end({ ok: false, message: `error: ${err.message}` }))
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const name = Buffer.from(service)
    const message = name.length > 0 ? Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]) : Buffer.alloc(0)
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(message.length, 1)
    const chunks: Buffer[] = []
    let status = ''
    stream.on('response', headers => (status = String(headers['grpc-status'] ?? status)))
    stream.on('trailers', trailers => (status = String(trailers['grpc-status'] ?? status)))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', err => end({ ok: false, message: `error: ${err.message}` }))
    stream.on('close', () => {
      const body = Buffer.concat(chunks)
      // Field 1 (serving status), value 1 (SERVING).
      const serving = status === '0' && body.length >= 7 && body[5] === 0x08 && body[6] === 1
      end(
        serving
          ? { ok: true, message: '' }
          : {
              ok: false,
              message:
                status === '0'
                  ? 'service unhealthy (responded with "NOT_SERVING")'
                  : `error: health rpc failed with grpc status ${status || 'unknown'}`,
            },
      )
    })
    stream.end(Buffer.concat([frame, message]))
  })
}

/** A number as protobuf writes it: seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/** As Go's dialer words it. */
function dialError(err: Error, address: string): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connect: connection refused',
    EHOSTUNREACH: 'connect: no route to host',
    ENETUNREACH: 'connect: network is unreachable',
    ETIMEDOUT: 'i/o timeout',
  }
  const code = (err as NodeJS.ErrnoException).code ?? ''
  if (code === 'ECONNRESET') return 'EOF'
  return words[code] ? `dial tcp ${address}: ${words[code]}` : err.message
}
