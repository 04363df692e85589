/**
 * The CAs of a cluster. Mostly there is one; while one takes another's place both are trusted, and the first signs. As a file: each
 * certificate, followed by its key where that is at hand.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { publicKeyHash } from '../public-key-hash.ts'
import type { KeyPair } from './certificates.ts'
import { remembered } from './remembered.ts'

export interface Authority extends KeyPair {
  /** All that are trusted, the signing one first, PEM one after the other. */
  readonly bundle: string
  readonly publicKeyHash: string
  /** Of all that are trusted. */
  readonly hashes: readonly string[]
}

const BLOCK = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----\n?/g

/** Every certificate in a PEM text. */
export function certificatesIn(text: string): string[] {
  return blocksOf(text).flatMap(({ type, pem }) => (type === 'CERTIFICATE' ? [pem] : []))
}

/** Each certificate of a text as `ca.pem` holds, with the key that follows it. */
export function authoritiesIn(text: string): { certificate: string; key: string }[] {
  const found: { certificate: string; key: string }[] = []
  for (const { type, pem } of blocksOf(text)) {
    const last = found.at(-1)
    if (type === 'CERTIFICATE') found.push({ certificate: pem, key: '' })
    else if (last && last.key === '') last.key = pem
  }
  return found
}

/** The first certificate and the first key of a text. Throws Error with what was found instead; `what` names the text. */
export function readKeyPair(text: string, what: string): KeyPair {
  const blocks = blocksOf(text)
  const certificate = blocks.find(({ type }) => type === 'CERTIFICATE')?.pem
  const key = blocks.find(({ type }) => type === 'PRIVATE KEY')?.pem
  if (certificate && key) return { certificate, key }
  const found = blocks.map(({ type }) => type).join(', ') || 'no PEM block'
  throw new Error(`Cannot read "${what}": found ${found}, wanted CERTIFICATE and PRIVATE KEY`)
}

/** Throws as `readKeyPair`, and when the key is not that of the first certificate. */
export function readAuthority(text: string, what: string): Authority {
  const pair = readKeyPair(text, what)
  if (!new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.key)))
    throw new Error(`Cannot use "${what}": the first key in it is not that of the first certificate`)
  const certificates = certificatesIn(text)
  const hashes = certificates.map(certificate => publicKeyHash(certificate))
  return { ...pair, bundle: certificates.join(''), publicKeyHash: hashes[0] ?? '', hashes }
}

/** Hash of that CA of a bundle which signed `certificate`; undefined when none did. */
export const issuerHash = remembered((certificate: string, bundle: string): string | undefined => {
  const signed = new X509Certificate(certificate)
  const issuer = certificatesIn(bundle).find(candidate => signed.verify(new X509Certificate(candidate).publicKey))
  return issuer && publicKeyHash(issuer)
})

function blocksOf(text: string): { type: string; pem: string }[] {
  return [...text.matchAll(BLOCK)].map(([block, type = '']) => ({ type, pem: block.endsWith('\n') ? block : `${block}\n` }))
}
