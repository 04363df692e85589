/** Writing answers: prepared bytes as they are, indented for people, compressed when large and wanted. */

import type { OutgoingHttpHeaders } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import type { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { ApiError, type Status } from '@davit/api'
import type { FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify'
import { stringify as stringifyYaml } from 'yaml'
import { type AnswerForm, formOfError, negotiate, wantsPretty } from './negotiation/accept.ts'

export type Request = FastifyRequest<RouteGenericInterface, Http2SecureServer>
export type Reply = FastifyReply<RouteGenericInterface, Http2SecureServer>

/** Smaller answers cost more to compress than to send. */
const GZIP_BYTES_MIN = 128 * 1024

/** How one request wants its answer. */
export interface Shape {
  readonly form: AnswerForm
  readonly pretty: boolean
  readonly gzip: boolean
  /** `Cache-Control`, where the answer may be kept. */
  readonly caching?: string
}

/** Throws NotAcceptable. */
export function shapeOf(request: Request, query: URLSearchParams, { views }: { views: boolean }): Shape {
  const { headers } = request
  return {
    form: negotiate(headers.accept, views),
    pretty: wantsPretty(query.get('pretty') ?? undefined, headers['user-agent']),
    gzip: acceptsGzip(headers['accept-encoding']),
  }
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return header !== undefined && /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(String(header))
}

/** Sends JSON that is ready, or an object; converts only when the client asked for indented JSON or YAML. */
export async function sendJson(reply: Reply, code: number, body: Buffer | string | object, shape: Shape): Promise<void> {
  reply.code(code).header('cache-control', shape.caching ?? 'no-cache, private')
  if (shape.form.format === 'yaml') return send(reply, yamlOf(parsed(body)), 'application/yaml', shape)
  if (shape.pretty) return send(reply, `${JSON.stringify(parsed(body), null, 2)}\n`, 'application/json', shape)
  const ready = typeof body === 'string' || Buffer.isBuffer(body) ? body : `${JSON.stringify(body)}\n`
  return send(reply, ready, 'application/json', shape)
}

function yamlOf(value: unknown): string {
  return stringifyYaml(value, { aliasDuplicateObjects: false })
}

function parsed(body: Buffer | string | object): unknown {
  return Buffer.isBuffer(body) || typeof body === 'string' ? JSON.parse(body.toString()) : body
}

async function send(reply: Reply, body: Buffer | string, contentType: string, shape: Shape): Promise<void> {
  reply.header('content-type', contentType)
  if (shape.gzip && body.length >= GZIP_BYTES_MIN) {
    reply.header('content-encoding', 'gzip').header('vary', 'Accept-Encoding')
    return void reply.send(await compress(body, { level: constants.Z_BEST_SPEED }))
  }
  // As bytes: to text the framework would add a charset, which Kubernetes' media types do not have.
  reply.send(Buffer.isBuffer(body) ? body : Buffer.from(body))
}

const compress = promisify<Buffer | string, { level: number }, Buffer>(gzip)

/** Answers a failed request with its Status. Whatever is not an ApiError is a fault of ours and says nothing of itself. */
export function sendError(reply: Reply, err: unknown): void {
  const status = statusOf(err)
  const retryAfter = status.details?.retryAfterSeconds
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  const { headers, raw } = reply.request
  const { format } = formOfError(headers.accept)
  const pretty = wantsPretty(/[?&]pretty=([^&]*)/.exec(raw.url ?? '')?.[1], headers['user-agent'])
  reply
    .code(status.code)
    .header('content-type', `application/${format}`)
    .header('cache-control', 'no-cache, private')
    .send(Buffer.from(format === 'yaml' ? yamlOf(status) : `${JSON.stringify(status, null, pretty ? 2 : 0)}\n`))
}

export function statusOf(err: unknown): Status {
  if (err instanceof ApiError) return err.status
  const message = 'Internal error occurred: the server met an error it did not expect; its log has the details'
  return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
}

/** Sends the head at once and leaves the body to the caller: for answers that come in pieces over time. */
export function beginStream(reply: Reply, contentType: string): Writable {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { ...reply.getHeaders(), 'content-type': contentType, 'cache-control': 'no-cache, private' } as OutgoingHttpHeaders)
  // Both kinds of response have it; the types know of HTTP/1's only.
  const head = raw as unknown as { flushHeaders(): void }
  head.flushHeaders()
  return raw as unknown as Writable
}
