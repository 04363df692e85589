import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { exportKey, generateKeys, importKey, publicKeyOf, SIGNING_ALGORITHM } from './keys.ts'
import { x509 } from './x509.ts'

/** A certificate and its private key, PEM both. */
export interface KeyPair {
  certificate: string
  key: string
}

const DAY_MS = 24 * 60 * 60 * 1000
/** Clocks of a cluster's machines differ: certificates count from a little before they were made, short ones by a tenth of their life. */
const SKEW_MS_MAX = 5 * 60 * 1000

export interface Lifetime {
  /** Milliseconds since the epoch. */
  now: number
  days: number
}

/** A certificate authority of its own. */
export async function createAuthority(commonName: string, lifetime: Lifetime): Promise<KeyPair> {
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: formatSubject(commonName),
    ...validity(lifetime),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: pemOf(certificate), key: await exportKey(keys.privateKey) }
}

export interface CertificateRequest {
  commonName: string
  organizations?: readonly string[]
  usage: 'client' | 'server' | 'both'
  /** Names and IP addresses it is good for. */
  names?: readonly string[]
}

/** A certificate with a key of its own, signed by `authority`. */
export async function createCertificate(authority: KeyPair, request: CertificateRequest, lifetime: Lifetime): Promise<KeyPair> {
  const keys = await generateKeys()
  return { certificate: await sign(authority, request, { publicKey: keys.publicKey, lifetime }), key: await exportKey(keys.privateKey) }
}

/** A certificate for a private key that is there already, PEM both. */
export async function createCertificateFor(
  authority: KeyPair,
  { key, ...request }: CertificateRequest & { key: string },
  lifetime: Lifetime,
): Promise<string> {
  return sign(authority, request, { publicKey: await publicKeyOf(key), lifetime })
}

/** A certificate for somebody else's key, PEM. */
export async function sign(
  authority: KeyPair,
  { commonName, organizations, usage, names }: CertificateRequest,
  { publicKey, lifetime }: { publicKey: x509.PublicKeyType; lifetime: Lifetime },
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate)
  const usages = [
    ...(usage === 'client' ? [] : [x509.ExtendedKeyUsage.serverAuth]),
    ...(usage === 'server' ? [] : [x509.ExtendedKeyUsage.clientAuth]),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: formatSubject(commonName, organizations),
    issuer: issuer.subject,
    ...validity(lifetime),
    publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names?.length ? [new x509.SubjectAlternativeNameExtension(names.map(alternativeName))] : []),
    ],
  })
  return pemOf(certificate)
}

/** The names and addresses a certificate is good for, sorted. */
export function namesOf(certificatePem: string): string[] {
  const extension = new x509.X509Certificate(certificatePem).getExtension(x509.SubjectAlternativeNameExtension)
  return (extension?.names.items ?? []).map(({ value }) => value).sort()
}

/** Days until the certificate ends. */
export function daysLeft(certificatePem: string, now: number): number {
  return (new x509.X509Certificate(certificatePem).notAfter.getTime() - now) / DAY_MS
}

/** Whether `authority` signed it. */
export function isSignedBy(certificatePem: string, authority: KeyPair): Promise<boolean> {
  const issuer = new x509.X509Certificate(authority.certificate)
  return new x509.X509Certificate(certificatePem).verify({ publicKey: issuer.publicKey, signatureOnly: true })
}

function alternativeName(name: string): x509.GeneralName {
  return new x509.GeneralName(isIP(name) ? 'ip' : 'dns', name)
}

function validity({ now, days }: Lifetime): { notBefore: Date; notAfter: Date } {
  const lifeMs = days * DAY_MS
  return { notBefore: new Date(now - Math.min(SKEW_MS_MAX, lifeMs / 10)), notAfter: new Date(now + lifeMs) }
}

/** Positive, as RFC 5280 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex')
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

/** A subject as RFC 4514 text, for making a certificate. */
function formatSubject(commonName: string, organizations: readonly string[] = []): string {
  return [...organizations.map(name => `O=${escapeValue(name)}`), `CN=${escapeValue(commonName)}`].join(', ')
}

function escapeValue(value: string): string {
  return value.replace(/[\\,+"<>;=#]/g, '\\$&')
}
