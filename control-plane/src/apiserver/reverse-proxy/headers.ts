/** Which headers go on to the other side, in both directions. Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** Of one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What a client says to this server alone: who it is, and as whom it acts. */
const OF_THIS_SERVER = /^(authorization|impersonate-(user|uid|group|extra-.*)|x-remote-(user|uid|group|extra-.*))$/

export interface Client {
  readonly headers: IncomingHttpHeaders
  /** Its IP address. */
  readonly address: string | undefined
}

/** A client's headers as they go on; `host` is the one that the client named. */
export function requestHeaders({ headers, address }: Client): OutgoingHttpHeaders {
  const dropped = connectionTokens(headers)
  const kept = Object.entries(headers).filter(
    ([name]) => !name.startsWith(':') && !HOP_BY_HOP.has(name) && !dropped.has(name) && !OF_THIS_SERVER.test(name),
  )
  const before = headers['x-forwarded-for']
  const forwardedFor = [before, address].filter(Boolean).join(', ')
  return {
    ...Object.fromEntries(kept),
    host: headers.host ?? String(headers[':authority'] ?? ''),
    ...(forwardedFor && { 'x-forwarded-for': forwardedFor }),
  }
}

/** A backend's headers as they go back. */
export function responseHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const dropped = connectionTokens(headers)
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !dropped.has(name)))
}

/** The same without what would let pages of other origins read what this server alone may judge. */
export function withoutCors(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^access-control-allow-(credentials|headers|methods|origin)$/.test(name)),
  )
}

function connectionTokens({ connection }: IncomingHttpHeaders): Set<string> {
  return new Set((connection ?? '').split(',').map(token => token.trim().toLowerCase()))
}
