import { createPublicKey, webcrypto } from 'node:crypto'
import { x509 } from './x509.ts'

/** Every key here is on P-256: small certificates, quick handshakes. */
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const

type Key = webcrypto.CryptoKey
type Keys = webcrypto.CryptoKeyPair

export function generateKeys(): Promise<Keys> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']) as Promise<Keys>
}

/** PKCS#8, PEM. */
export async function exportKey(key: Key): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

/** A private key from PKCS#8, PEM; throws on anything else. */
export function importKey(pem: string): Promise<Key> {
  const [der] = x509.PemConverter.decode(pem)
  if (!der) throw new Error('Cannot read the private key: no PEM block found')
  return webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, true, ['sign']) as Promise<Key>
}

/** The public half of a private key, PEM. */
export function publicKeyOf(pem: string): Promise<Key> {
  const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  return webcrypto.subtle.importKey('spki', spki, KEY_ALGORITHM, true, ['verify']) as Promise<Key>
}
