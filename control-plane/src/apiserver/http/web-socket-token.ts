/** Tokens of clients that can set no header, as WebSockets of browsers: sent as one of the subprotocols offered. */
import type { IncomingHttpHeaders } from 'node:http'
import { apiError } from '@davit/api'

const PREFIX = 'base64url.bearer.authorization.k8s.io.'

/**
 * The headers with the token where others have it, and no longer among the subprotocols: nobody may answer with it, or pass it on. Pure.
 * Throws Unauthorized for a token that is none, several, and one that comes without a subprotocol to speak.
 */
export function withWebSocketToken(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(each => each.trim())
  const [first, ...more] = offered.filter(each => each.startsWith(PREFIX))
  if (first === undefined) return headers
  const others = offered.filter(each => each !== '' && !each.startsWith(PREFIX))
  const token = Buffer.from(first.slice(PREFIX.length), 'base64url').toString()
  if (more.length > 0 || others.length === 0 || !/^\S+$/.test(token)) throw apiError('Unauthorized', 'Unauthorized')
  return { authorization: `Bearer ${token}`, ...headers, 'sec-websocket-protocol': others.join(', ') }
}
