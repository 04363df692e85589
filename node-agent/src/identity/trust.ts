/** How an agent that knows nothing yet comes to trust an API server: by the hash of a CA's public key, given with the token. */
import { X509Certificate } from 'node:crypto'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { issuerHash, publicKeyHash } from '@davit/api'
import { Refused } from './refused.ts'

const CONNECT_MS_MAX = 10_000

/**
 * The CA of `server` (`https://host:port`), PEM, once it has one of the hashes and has signed the server's certificate. Throws `Refused`
 * when it is another; other errors mean that the server could not be reached.
 */
export async function fetchCertificateAuthority(server: string, hashes: readonly string[]): Promise<string> {
  const chain = await chainOf(server)
  const pinned = chain.find(certificate => hashes.includes(publicKeyHash(certificate)))
  const [leaf] = chain
  if (!pinned || !leaf || !(leaf === pinned || leaf.verify(pinned.publicKey))) {
    const shown = chain.at(-1)
    throw new Refused(
      `Cannot trust "${server}": its CA has public key hash "${shown ? publicKeyHash(shown) : 'none'}", wanted "${hashes.join('" or "')}"`,
    )
  }
  return pinned.toString()
}

/** Whether a CA of the bundle has signed what `server` shows. Rejects when it cannot be reached. */
export async function isTrusted(server: string, bundle: string): Promise<boolean> {
  const [leaf] = await chainOf(server)
  return leaf !== undefined && issuerHash(leaf.toString(), bundle) !== undefined
}

function chainOf(server: string): Promise<X509Certificate[]> {
  const { hostname, port } = new URL(server)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    // Nothing is sent but the greeting, and nothing believed but the hash.
    const socket = connect({
      host,
      port: Number(port || 443),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(isName(host) && { servername: host }),
    })
    socket.setTimeout(CONNECT_MS_MAX, () => socket.destroy(new Error(`"${server}" did not answer within ${CONNECT_MS_MAX / 1000} s`)))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      const chain: X509Certificate[] = []
      let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
      for (const seen = new Set<string>(); certificate?.raw && !seen.has(certificate.fingerprint256); ) {
        seen.add(certificate.fingerprint256)
        chain.push(new X509Certificate(certificate.raw))
        certificate = certificate.issuerCertificate
      }
      socket.destroy()
      resolve(chain)
    })
  })
}

/** TLS names hosts, not addresses. */
function isName(host: string): boolean {
  return !/^[\d.]+$/.test(host) && !host.includes(':')
}
