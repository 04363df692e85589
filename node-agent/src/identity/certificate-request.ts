/** A PKCS#10 request, written by hand: a dozen bytes of DER around what node:crypto gives, and no library in an agent's memory. */
import { type KeyObject, sign } from 'node:crypto'

const SEQUENCE = 0x30
const SET = 0x31
const INTEGER = 0x02
const BIT_STRING = 0x03
const OID = 0x06
const UTF8_STRING = 0x0c
const ATTRIBUTES = 0xa0
const COMMON_NAME = Buffer.from('550403', 'hex') // 2.5.4.3
const ORGANIZATION = Buffer.from('55040a', 'hex') // 2.5.4.10
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex') // 1.2.840.10045.4.3.2

/** PEM of a request for `O=organization, CN=commonName`, signed by an ECDSA key. */
export function certificateRequest(
  { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject },
  subject: { commonName: string; organization: string },
): string {
  const name = der(SEQUENCE, relativeName(ORGANIZATION, subject.organization), relativeName(COMMON_NAME, subject.commonName))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const info = der(SEQUENCE, der(INTEGER, Buffer.from([0])), name, spki, der(ATTRIBUTES))
  const signature = sign('sha256', info, { key: privateKey, dsaEncoding: 'der' })
  const request = der(SEQUENCE, info, der(SEQUENCE, der(OID, ECDSA_WITH_SHA256)), der(BIT_STRING, Buffer.from([0]), signature))
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

function relativeName(type: Buffer, value: string): Buffer {
  return der(SET, der(SEQUENCE, der(OID, type), der(UTF8_STRING, Buffer.from(value))))
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff]
  return Buffer.from([0x80 | bytes.length, ...bytes])
}
