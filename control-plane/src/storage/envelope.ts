/**
 * Values at rest in the form of Kubernetes' aesgcm provider: `k8s:enc:aesgcm:v1:<key name>:`, nonce, ciphertext, tag. The
 * etcd key is additional data, so that a value copied to another key does not open there.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

export interface EncryptionKey {
  /** Goes into each value, so that the key that opens it is found. No colon. */
  readonly name: string
  /** 32 bytes, base64. */
  readonly secret: string
}

const PREFIX = 'k8s:enc:aesgcm:v1:'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals with the first key, opens with any; without keys it seals nothing. */
export class Envelope {
  readonly #keys = new Map<string, Buffer>()
  readonly #first: { name: string; secret: Buffer } | undefined

  constructor(keys: readonly EncryptionKey[]) {
    for (const { name, secret } of keys) {
      const bytes = Buffer.from(secret, 'base64')
      if (bytes.length !== 32) throw new Error(`Cannot use encryption key "${name}": it has ${bytes.length} bytes, wanted 32`)
      if (name === '' || name.includes(':')) throw new Error(`Cannot use encryption key "${name}": its name is empty or has a colon`)
      this.#keys.set(name, bytes)
      this.#first ??= { name, secret: bytes }
    }
  }

  seal(etcdKey: string, plain: Buffer): Buffer {
    if (!this.#first) return plain
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#first.secret, nonce)
    cipher.setAAD(Buffer.from(etcdKey))
    const head = Buffer.from(`${PREFIX}${this.#first.name}:`)
    return Buffer.concat([head, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** Gives back values that were never sealed as they are: they were written before encryption was turned on. */
  open(etcdKey: string, value: Buffer): Buffer {
    if (value.toString('latin1', 0, PREFIX.length) !== PREFIX) return value
    const nameEnd = value.indexOf(':', PREFIX.length)
    const name = value.toString('utf8', PREFIX.length, nameEnd)
    const secret = this.#keys.get(name)
    if (!secret) throw new Error(`It is encrypted with key "${name}", which is not configured`)

    const sealed = value.subarray(nameEnd + 1)
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, NONCE_BYTES))
    decipher.setAAD(Buffer.from(etcdKey))
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()])
  }
}
