/** What keys and certificates say, for requests of pods: pure rules are in the kind itself. */
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import {
  type Clock,
  certificateIn,
  type FieldError,
  invalid,
  outcomeOf,
  type PodCertificateRequest,
  type PodCertificateRequestStatus,
  pemBlocks,
} from '@davit/api'
import { namesOf, x509 } from '@davit/api/pki'
import type { AdmissionRule } from './rule.ts'

const REQUEST = 'spec.stubPKCS10Request'
const CHAIN = 'status.certificateChain'
const MINUTE_MS = 60_000
/** What Go calls P256, P384 and P521. */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']
const RSA_BITS = [3072, 4096]

/** The request must be signed by its own key, of a kind that is good enough; what is issued must be for that key, and now. */
export function podCertificateRequests(clock: Clock): AdmissionRule {
  return {
    resources: ['podcertificaterequests.certificates.k8s.io'],
    onUpdate: true,
    onEveryPart: true,
    async admit({ kind, object, old, part }) {
      const request = object as PodCertificateRequest
      const { status = {} } = (old ?? {}) as Partial<PodCertificateRequest>
      const isIssued = part === 'status' && outcomeOf(request.status ?? {}) === 'Issued' && !outcomeOf(status)
      const error = !old ? await wrongRequest(request) : isIssued ? wrongIssue(request, clock.now()) : undefined
      if (error) throw invalid(kind, request.metadata.name ?? '', [error])
    },
  }
}

/** What a field is not, in the words a client reads. */
function wrong(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail }
}

async function wrongRequest({ spec }: PodCertificateRequest): Promise<FieldError | undefined> {
  const { stubPKCS10Request: text } = spec ?? {}
  // Validation says what is missing.
  if (!text) return undefined
  const request = parse(text)
  const key = request && keyOf(request)
  if (!request || !key) return wrong(REQUEST, text, 'must be a valid PKCS#10 certificate request')
  const weakness = weaknessOf(key)
  if (weakness) return weakness
  const isOwn = await request.verify().catch(() => false)
  return isOwn ? undefined : wrong(REQUEST, text, 'x509: signature verification failure')
}

function parse(text: string): x509.Pkcs10CertificateRequest | undefined {
  try {
    return new x509.Pkcs10CertificateRequest(Buffer.from(text, 'base64'))
  } catch {
    return undefined
  }
}

function keyOf({ publicKey }: x509.Pkcs10CertificateRequest): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(publicKey.rawData), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

function weaknessOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): FieldError | undefined {
  const { namedCurve = '', modulusLength = 0 } = asymmetricKeyDetails
  switch (asymmetricKeyType) {
    case 'ed25519':
      return undefined
    case 'ec':
      if (CURVES.includes(namedCurve)) return undefined
      return wrong(REQUEST, `curve ${namedCurve}`, 'elliptic public keys must use curve P256, P384 or P521')
    case 'rsa':
      if (RSA_BITS.includes(modulusLength)) return undefined
      return wrong(REQUEST, `${modulusLength}-bit modulus`, 'RSA keys must have modulus size 3072 or 4096')
    default:
      return wrong(REQUEST, asymmetricKeyType, 'unknown public key type; supported types are Ed25519, ECDSA, and RSA')
  }
}

/** What is wrong with what a signer says it issued; `now` in milliseconds since the epoch. Undefined where the status lacks something. */
export function wrongIssue({ spec, status = {} }: PodCertificateRequest, now: number): FieldError | undefined {
  const { certificateChain: chain = '' } = status
  const blocks = pemBlocks(chain)
  if (blocks.length === 0) return wrong(CHAIN, chain, 'issued certificate chain must contain at least one certificate')
  if (blocks.some(({ type }) => type !== 'CERTIFICATE')) {
    return wrong(CHAIN, chain, 'issued certificate chain must consist entirely of CERTIFICATE PEM blocks')
  }
  const [leaf, ...others] = blocks.map(certificateIn)
  if (!leaf) return wrong(CHAIN, chain, 'leaf certificate does not parse as valid X.509')
  const name = namesOf(leaf.toString()).find(each => each === '' || each.includes('..') || each.startsWith('.') || each.endsWith('.'))
  if (name !== undefined)
    return wrong(CHAIN, name, 'leaf certificate should contain no empty DNSName, and none with dots where none belong')
  const asked = parse(spec.stubPKCS10Request)
  const key = asked && keyOf(asked)
  if (!key?.equals(leaf.publicKey)) return wrong(CHAIN, chain, 'leaf certificate was not issued to the requested public key')
  const untimely = wrongTimes(leaf, { status, secondsMax: spec.maxExpirationSeconds ?? 0, now })
  if (untimely) return untimely
  return others.includes(undefined) ? wrong(CHAIN, chain, 'intermediate certificate does not parse as valid X.509') : undefined
}

interface Times {
  readonly status: PodCertificateRequestStatus
  readonly secondsMax: number
  readonly now: number
}

function wrongTimes(leaf: X509Certificate, { status, secondsMax, now }: Times): FieldError | undefined {
  const { notBefore, notAfter, beginRefreshAt } = status
  if (!notBefore || !notAfter || !beginRefreshAt) return undefined
  const [from, to, refresh] = [notBefore, notAfter, beginRefreshAt].map(Date.parse) as [number, number, number]
  const lifetimeMs = to - from
  const lifetime = `${lifetimeMs / 1000}s`
  const rules: readonly [isWrong: boolean, field: string, value: unknown, detail: string][] = [
    [from !== Date.parse(leaf.validFrom), 'notBefore', notBefore, 'must be set to the NotBefore time encoded in the leaf certificate'],
    [Math.abs(from - now) >= 5 * MINUTE_MS, 'notBefore', notBefore, "must be set to within 5 minutes of kube-apiserver's current time"],
    [to !== Date.parse(leaf.validTo), 'notAfter', notAfter, 'must be set to the NotAfter time encoded in the leaf certificate'],
    [lifetimeMs < 60 * MINUTE_MS, 'certificateChain', lifetime, 'leaf certificate lifetime must be >= 1 hour'],
    [
      lifetimeMs > secondsMax * 1000,
      'certificateChain',
      lifetime,
      `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${secondsMax})`,
    ],
    [refresh < from + 10 * MINUTE_MS, 'beginRefreshAt', beginRefreshAt, 'must be at least 10 minutes after status.notBefore'],
    [refresh > to - 10 * MINUTE_MS, 'beginRefreshAt', beginRefreshAt, 'must be at least 10 minutes before status.notAfter'],
  ]
  const [, field, value, detail] = rules.find(([isWrong]) => isWrong) ?? []
  return field === undefined ? undefined : wrong(`status.${field}`, value, detail ?? '')
}
