/** One POST of JSON over TLS, at a URL or on a connection that is there already; answers and time are bounded. */
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'

/** As much as a patch of the largest object may be. */
const ANSWER_BYTES_MAX = 8 << 20

export interface Post {
  readonly url: URL
  /** Authorities in PEM of the URL's host; those of the system if absent. */
  readonly ca?: string | undefined
  /** A connection that is trusted already; otherwise the URL's host is connected to. */
  readonly socket?: TLSSocket
  readonly body: string
  readonly signal: AbortSignal
}

/** What JSON the server answers with 2xx. Throws Error for everything else. Redirects are not followed. */
export async function postJson({ url, ca, socket, body, signal }: Post): Promise<unknown> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest(url, {
      method: 'POST',
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }),
      // A connection each: none is left over from a server that is gone.
      ...(socket ? { createConnection: () => socket } : { agent: false }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'davit-apiserver-admission',
      },
      signal,
    })
    request.once('response', resolve)
    request.once('error', reject)
    request.end(body)
  })
  // An error is thrown where the body is read; what comes later is nobody's business any more.
  response.on('error', () => {})
  try {
    const text = await readBounded(response)
    const code = response.statusCode ?? 0
    if (code < 200 || code > 299) throw new Error(`the server responded with the status code ${code} but did not return more information`)
    return parse(text)
  } finally {
    response.destroy()
  }
}

async function readBounded(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`couldn't parse the answer as JSON: ${JSON.stringify(text.slice(0, 100))}`)
  }
}
