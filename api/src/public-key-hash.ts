import { createHash, X509Certificate } from 'node:crypto'

/** `sha256:` and the hex digest of a certificate's SubjectPublicKeyInfo: by this agents know the cluster's CA. Throws on what is no certificate. */
export function publicKeyHash(certificate: string | X509Certificate): string {
  const { publicKey } = typeof certificate === 'string' ? new X509Certificate(certificate) : certificate
  return `sha256:${createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`
}
