import type { Readable } from 'node:stream'
import { apiError } from '@davit/api'

/** What Kubernetes' API server takes at most. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024

/** Room for a request to join, and for YAML of those who may not do everything. */
export const SMALL_BODY_BYTES_MAX = 32 * 1024

/** The whole body. Throws RequestEntityTooLarge beyond `max` bytes, without keeping more. */
export async function readBody(stream: Readable, contentLength: string | undefined, max = BODY_BYTES_MAX): Promise<Buffer> {
  if (contentLength !== undefined && Number(contentLength) > max) throw tooLarge(max)
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((resolve, reject) => {
    if (stream.destroyed) return reject(clientGone())
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > max) {
        stream.removeAllListeners('data')
        // What still comes is thrown away: a client that is not read from never reads the answer either.
        stream.resume()
        reject(tooLarge(max))
      } else chunks.push(chunk)
    })
    let hasEnded = false
    // Every request is closed in the end, and an error is dear to make.
    const gone = () => hasEnded || reject(clientGone())
    stream.once('end', () => {
      hasEnded = true
      resolve()
    })
    stream.once('error', reject)
    stream.once('aborted', gone)
    stream.once('close', gone)
  })
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

export function tooLarge(max: number): Error {
  return apiError('RequestEntityTooLarge', `Request entity too large: limit is ${max}`)
}

function clientGone(): Error {
  return apiError('BadRequest', 'The client closed the connection before the request body ended')
}
