import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'

export interface TlsOptions {
  /** Asked for, and what the certificate must be for. */
  readonly serverName?: string
  /** Authorities in PEM; those of the system when left out. */
  readonly ca?: string
  /** Whether any certificate will do. */
  readonly insecure?: boolean
  /** What this side shows of itself, in PEM. */
  readonly certificate?: { readonly certificate: string; readonly key: string }
}

/** TLS on a connection that is there. Rejects, and destroys it, when the other side cannot be trusted or the signal aborts before. */
export function connectTls(
  connection: Duplex,
  { serverName, ca, insecure = false, certificate }: TlsOptions,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    let mismatch: Error | undefined
    const socket = connect({
      socket: connection,
      checkServerIdentity: (host, shown) => {
        mismatch = checkServerIdentity(host, shown)
        return mismatch
      },
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: !insecure,
      ...(serverName !== undefined && { servername: serverName }),
      ...(ca !== undefined && { ca }),
      ...(certificate && { cert: certificate.certificate, key: certificate.key }),
    })
    const fail = (err: unknown) => {
      connection.destroy()
      socket.destroy()
      // Where the connection is no socket, its own end comes before the reason for it.
      reject(mismatch ?? untrusted(socket) ?? err)
    }
    const abort = () => fail(signal.reason)
    const closed = () => fail(new Error('the connection ended during the TLS handshake'))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    // For as long as it lives: an error without a listener would end the process.
    socket.on('error', fail)
    socket.once('close', closed)
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', abort)
      socket.off('close', closed)
      resolve(socket)
    })
  })
}

function untrusted({ authorizationError: code }: TLSSocket): Error | undefined {
  // Null where there is none, whatever its type says.
  return code ? Object.assign(new Error(String(code)), { code: String(code) }) : undefined
}
