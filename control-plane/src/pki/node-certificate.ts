import { createHash } from 'node:crypto'
import { badRequest, type Clock, GROUPS, isDnsSubdomain, NODE_USER_PREFIX } from '@davit/api'
import { type KeyPair, sign, x509 } from '@davit/api/pki'

const DAY_MS = 24 * 60 * 60 * 1000
/** Of a node's certificate; it asks for another when a third is left. */
const NODE_LIFETIME_MS = 90 * DAY_MS

/**
 * A certificate for a node's agent from its PKCS#10 request, PEM. Only the key is taken from the request: who it is for is ours
 * to say. Throws BadRequest when the request is broken or not signed by its own key.
 */
export async function signNodeCertificate(
  ca: KeyPair,
  csrPem: string,
  { nodeName, clock, lifetimeMs = NODE_LIFETIME_MS }: { nodeName: string; clock: Clock; lifetimeMs?: number },
): Promise<string> {
  const why = isDnsSubdomain(nodeName)
  if (why !== undefined) throw badRequest(`Cannot use "${nodeName}" as a node name: ${why}`)
  const request = await readRequest(csrPem)
  return sign(
    ca,
    { commonName: `${NODE_USER_PREFIX}${nodeName}`, organizations: [GROUPS.nodes], usage: 'client' },
    { publicKey: request.publicKey, lifetime: { now: clock.now(), days: lifetimeMs / DAY_MS } },
  )
}

/** Throws BadRequest. */
async function readRequest(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  let request: x509.Pkcs10CertificateRequest
  let isSigned: boolean
  try {
    request = new x509.Pkcs10CertificateRequest(pem)
    isSigned = await request.verify()
  } catch {
    throw badRequest('Cannot read certificateRequest: it must be a PKCS#10 request in PEM')
  }
  if (!isSigned) throw badRequest('Cannot accept certificateRequest: it is not signed by its own key')
  return request
}

/** SHA-256 of the public key in a request, hex: tells whether two requests are from the same machine. Throws on a broken one. */
export function requestedKeyHash(csrPem: string): string {
  const { publicKey } = new x509.Pkcs10CertificateRequest(csrPem)
  return createHash('sha256').update(Buffer.from(publicKey.rawData)).digest('hex')
}
