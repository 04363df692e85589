/** Requests as no honest client makes them: nothing is checked, encoded or repeated on the way out. */
import assert from 'node:assert/strict'
import type { OutgoingHttpHeaders } from 'node:http'
import { type Agent, request } from 'node:https'

export interface Ask {
  readonly method?: string
  /** As it stands in the request line. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  /** An object goes as JSON, everything else as it is. */
  readonly body?: unknown
}

export interface Answer {
  readonly code: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
  /** The body as JSON; empty when it is no object. */
  readonly json: Readonly<Record<string, unknown>>
  /** Of a Status. */
  readonly reason: string
  readonly message: string
}

const PATIENCE_MS = 30_000

/** Sends one request over HTTP/1.1; rejects only when no answer came. */
export function send(
  origin: { readonly port: number; readonly agent: Agent },
  { method = 'GET', path, headers = {}, body }: Ask,
): Promise<Answer> {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = body === undefined ? undefined : isRaw ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: origin.port,
      agent: origin.agent,
      method,
      path,
      headers: {
        ...(bytes !== undefined && { 'content-type': 'application/json' }),
        ...(bytes !== undefined && !headers['transfer-encoding'] && { 'content-length': Buffer.byteLength(bytes) }),
        ...headers,
      },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    outgoing.once('error', reject)
    outgoing.once('response', response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString())))
    })
    outgoing.end(bytes)
  })
}

/** The answer, which must have that code. */
export async function must(answer: Promise<Answer>, code: number): Promise<Answer> {
  const { code: found, text } = await answer
  assert.equal(found, code, text)
  return answer
}

function answerOf(code: number, headers: Answer['headers'], text: string): Answer {
  const json = objectIn(text)
  return { code, headers, text, json, reason: String(json.reason ?? ''), message: String(json.message ?? '') }
}

function objectIn(text: string): Answer['json'] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Answer['json']) : {}
  } catch {
    return {}
  }
}
