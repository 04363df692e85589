/**
 * What a pod says of its own paths, said as the client sees them: redirects, and the links of HTML pages. As Kubernetes does it, so
 * that simple pages work behind the API server.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { pipeline, type Readable, type Transform } from 'node:stream'
import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib'
import { type Answer, hasBody } from './forward-request.ts'
import { withoutCors } from './headers.ts'
import { linkRewriter } from './link-rewriter.ts'
import { type Place, rewriteUrl } from './rewrite-url.ts'

/** What undoes a content coding, and what does it again; others are left alone, and so is what is in them. */
const CODINGS: Readonly<Record<string, () => { undo: Transform[]; redo: Transform[] }>> = {
  '': () => ({ undo: [], redo: [] }),
  gzip: () => ({ undo: [createGunzip()], redo: [createGzip()] }),
  deflate: () => ({ undo: [createInflate()], redo: [createDeflate()] }),
}

/** Gives what `forwardRequest` does with answers of a backend that the client sees below `place.prefix`. */
export function rewriting(place: Place): (headers: OutgoingHttpHeaders, response: IncomingMessage) => Answer {
  return (received, response) => {
    const headers = withoutCors(received)
    if (typeof headers.location === 'string')
      return { headers: { ...headers, location: rewriteUrl(headers.location, place) }, body: response }
    const [type = ''] = String(headers['content-type'] ?? '').split(';')
    const coding = CODINGS[String(headers['content-encoding'] ?? '')]
    if (type.trim().toLowerCase() !== 'text/html' || !coding || !hasBody(response)) return { headers, body: response }
    const { undo, redo } = coding()
    // Its length is known only at the end.
    const { 'content-length': _length, ...others } = headers
    const steps = [...undo, ...linkRewriter(url => rewriteUrl(url, place)), ...redo]
    // What goes wrong is heard at the last step.
    const body: Readable = pipeline([response, ...steps], () => {}) as unknown as Readable
    return { headers: others, body }
  }
}
