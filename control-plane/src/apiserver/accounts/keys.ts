/**
 * The keys of ServiceAccount tokens. The first private key signs; every other key of the text, private or public, is still trusted,
 * so that one key can take another's place while tokens of the old are about.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { exportJWK, type JSONWebKeySet } from 'jose'

/** ECDSA on P-256, as the PKI makes them. */
export const TOKEN_ALGORITHM = 'ES256'

export interface AccountKeys {
  readonly signing: { readonly id: string; readonly key: KeyObject }
  /** The public halves of all trusted keys, the signing one's first. */
  readonly published: JSONWebKeySet
}

const BLOCK = /-----BEGIN ((?:EC )?PRIVATE KEY|PUBLIC KEY)-----[\s\S]+?-----END \1-----/g

/** Reads PEM blocks. Throws Error unless the first is a private key and all are on P-256. */
export async function readAccountKeys(pem: string): Promise<AccountKeys> {
  const blocks = [...pem.matchAll(BLOCK)].map(([text, type = '']) => ({ text, isPrivate: type.endsWith('PRIVATE KEY') }))
  const [first] = blocks
  if (!first?.isPrivate) throw new Error('Cannot use the ServiceAccount keys: the first is not a private key')
  const publicKeys = blocks.map(({ text }) => createPublicKey(text))
  const stray = publicKeys.find(key => key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
  if (stray) throw new Error(`Cannot use the ServiceAccount keys: one is ${stray.asymmetricKeyType}, wanted all on P-256`)
  const keys = await Promise.all(
    publicKeys.map(async key => ({ ...(await exportJWK(key)), use: 'sig', kid: keyId(key), alg: TOKEN_ALGORITHM })),
  )
  return { signing: { id: keyId(publicKeys[0]!), key: createPrivateKey(first.text) }, published: { keys } }
}

/** As Kubernetes names keys: the hash of the public key's DER. */
function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
}
