/** From what a person keeps (a passphrase, or a file with a key) to the key of one archive. */
import { hkdfSync, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { ArchiveError } from './archive-error.ts'

/** What opens an archive. */
export type BackupSecret = { readonly passphrase: string } | { readonly key: Buffer }

/** How an archive's key is derived; no secret, it stands in the archive's header. */
export type KeyDerivation =
  | { readonly name: 'scrypt'; readonly salt: string; readonly N: number; readonly r: number; readonly p: number }
  | { readonly name: 'key-file'; readonly salt: string }

const PASSPHRASE_LENGTH_MIN = 12
const KEY_BYTES = 32
/** 64 MiB and about 0.2 s: dear to guess, and cheap enough for a small control plane. */
const SCRYPT = { N: 2 ** 16, r: 8, p: 1 } as const
/** A header that asks for more is no header of ours. */
const SCRYPT_BYTES_MAX = 512 * 1024 * 1024

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt)

/** Reads a key file: 32 bytes, raw, or in hex or base64. Throws ArchiveError. */
export function parseKeyFile(content: Buffer): Buffer {
  if (content.length === KEY_BYTES) return content
  const text = content.toString('latin1').trim()
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')
  if (key.length === KEY_BYTES) return key
  throw new ArchiveError(
    `the key file holds ${content.length} bytes, wanted 32, raw or in hex or base64; make one with: openssl rand -hex 32`,
  )
}

/** Throws ArchiveError for a passphrase that is too easy to guess. */
export function checkPassphrase(passphrase: string): string {
  if (passphrase.length >= PASSPHRASE_LENGTH_MIN) return passphrase
  throw new ArchiveError(`the passphrase has ${passphrase.length} characters, wanted at least ${PASSPHRASE_LENGTH_MIN}`)
}

/** How a new archive's key is to be derived from `secret`. */
export function newDerivation(secret: BackupSecret, salt: Buffer): KeyDerivation {
  return 'passphrase' in secret
    ? { name: 'scrypt', salt: salt.toString('base64'), ...SCRYPT }
    : { name: 'key-file', salt: salt.toString('base64') }
}

/** The archive's own key, and a value by which a wrong secret is told from a damaged archive. Throws ArchiveError. */
export async function deriveKey(secret: BackupSecret, derivation: KeyDerivation): Promise<{ key: Buffer; check: string }> {
  const salt = Buffer.from(derivation.salt, 'base64')
  const master = await masterKey(secret, derivation, salt)
  const expand = (purpose: string, length: number) => Buffer.from(hkdfSync('sha256', master, salt, `davit-backup ${purpose}`, length))
  return { key: expand('encryption', KEY_BYTES), check: expand('check', 16).toString('base64') }
}

async function masterKey(secret: BackupSecret, derivation: KeyDerivation, salt: Buffer): Promise<Buffer> {
  if (derivation.name === 'key-file') {
    if ('key' in secret) return secret.key
    throw new ArchiveError('the archive was made with a key file, not with a passphrase: give that file with --key-file')
  }
  if (!('passphrase' in secret))
    throw new ArchiveError('the archive was made with a passphrase, not with a key file: give the passphrase with --passphrase-file')
  const { N, r, p } = derivation
  const bytes = 128 * N * r
  const isPower = N > 1 && (N & (N - 1)) === 0
  if (!isPower || bytes > SCRYPT_BYTES_MAX || p > 16)
    throw new ArchiveError('the header of the archive is damaged: its key derivation makes no sense')
  return derive(secret.passphrase, salt, KEY_BYTES, { N, r, p, maxmem: 2 * bytes })
}
