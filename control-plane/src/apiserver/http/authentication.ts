/** Who makes a request: a client certificate of our CA, a bearer token, or nobody. */

import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { apiError, PATHS } from '@davit/api'
import { ANONYMOUS, authenticateCertificate, type Subject } from '../../pki/index.ts'
import type { User } from '../registry/index.ts'
import type { ServerIdentity } from './options.ts'

/** A connection's certificate never changes: looked at once a connection. */
const users = new WeakMap<object, User | 'refused'>()

/** Throws Unauthorized for a certificate of another CA, one that is out of date, and an unknown token. */
export function authenticate(request: IncomingMessage | Http2ServerRequest, identity: ServerIdentity): User | Promise<User> {
  const user = certificateUser(request)
  if (user === 'refused') throw apiError('Unauthorized', 'Unauthorized')
  return user === ANONYMOUS ? authenticateToken(request, identity) : user
}

async function authenticateToken(request: IncomingMessage | Http2ServerRequest, identity: ServerIdentity): Promise<User> {
  const token = bearerToken(request.headers.authorization)
  // A join token is no user's: who joins is nobody yet.
  if (token === undefined || request.url === PATHS.join) return ANONYMOUS
  const owner = await identity.authenticateToken?.(token)
  if (owner === undefined || typeof owner === 'string') throw apiError('Unauthorized', 'Unauthorized')
  return owner.user
}

/** The token of `Authorization: Bearer …`. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1]
}

function certificateUser(request: IncomingMessage | Http2ServerRequest): User | 'refused' {
  const session = 'stream' in request ? request.stream.session : undefined
  // The session hands out a stand-in for its socket; the session itself is what lives as long.
  const connection: object = session ?? request.socket
  const known = users.get(connection)
  if (known) return known
  const user = userOf((session?.socket ?? request.socket) as TLSSocket)
  users.set(connection, user)
  return user
}

function userOf(socket: TLSSocket): User | 'refused' {
  const certificate = socket.getPeerCertificate()
  if (!certificate || Object.keys(certificate).length === 0) return ANONYMOUS
  if (!socket.authorized) return 'refused'
  return authenticateCertificate({ subject: certificate.subject as unknown as Subject }) ?? 'refused'
}
