/** Rules of certificate requests: what may be asked, and who may change which part of the answer. */

import { isDeepStrictEqual } from 'node:util'
import { duplicateValue, forbiddenField, invalidValue, requiredValue, tooLong, unsupportedValue } from '../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain } from '../../names.ts'
import { CONDITION_STATUSES } from '../../schema/conditions.ts'
import type { FieldError } from '../../status.ts'
import { certificateIn, pemBlocks } from './pem.ts'
import type { CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestSpec } from './types.ts'

const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
] as const

const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown'
const EXPIRATION_SECONDS_MIN = 600
const DOMAIN_LENGTH_MAX = 253
/** A namespace and a name with a dot between them fit behind the domain. */
const SIGNER_LENGTH_MAX = DOMAIN_LENGTH_MAX + 1 + 253 + 1 + 63
const DECISIONS = ['Approved', 'Denied'] as const
const LASTING = [...DECISIONS, 'Failed'] as const

/** Whether the parts of the status that only some may write may be written. */
interface Allowed {
  readonly decision?: boolean
  readonly certificate?: boolean
}

/** What can be told of a request without reading it: the signature is checked where requests are taken. */
export function validateRequest({ spec }: CertificateSigningRequest): FieldError[] {
  if (!spec) return [requiredValue('spec')]
  const { request = '', usages = [], signerName, expirationSeconds } = spec
  const errors: FieldError[] = []
  if (requestedPem(spec) === undefined) errors.push(invalidValue('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST'))
  if (usages.length === 0) errors.push(requiredValue('spec.usages', 'usages must be provided'))
  for (const [i, usage] of usages.entries()) {
    if (!(USAGES as readonly string[]).includes(usage)) errors.push(unsupportedValue(`spec.usages[${i}]`, usage, USAGES))
    if (usages.indexOf(usage) < i) errors.push(duplicateValue(`spec.usages[${i}]`, usage))
  }
  if (signerName === LEGACY_SIGNER) {
    errors.push(invalidValue('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version'))
  } else errors.push(...validateSignerName(signerName ?? '', 'spec.signerName'))
  if (expirationSeconds !== undefined && expirationSeconds < EXPIRATION_SECONDS_MIN) {
    const why = `may not specify a duration less than ${EXPIRATION_SECONDS_MIN} seconds (10 minutes)`
    errors.push(invalidValue('spec.expirationSeconds', expirationSeconds, why))
  }
  return errors
}

/** The PKCS#10 request, PEM; undefined when there is none. Not read any further. */
export function requestedPem({ request = '' }: Pick<CertificateSigningRequestSpec, 'request'>): string | undefined {
  const [first] = pemBlocks(Buffer.from(request, 'base64').toString('latin1'))
  return first?.type === 'CERTIFICATE REQUEST' ? first.text : undefined
}

/** A write through `status`: the signer's, who gives the certificate or says why not. */
export function validateSigning(request: CertificateSigningRequest, old: CertificateSigningRequest): FieldError[] {
  return validateStatus(request, old, { certificate: true })
}

/** A write through `approval`: yes or no, once and for all. */
export function validateApproval(request: CertificateSigningRequest, old: CertificateSigningRequest): FieldError[] {
  return validateStatus(request, old, { decision: true })
}

function validateStatus({ status }: CertificateSigningRequest, { status: old }: CertificateSigningRequest, allowed: Allowed): FieldError[] {
  const { conditions = [], certificate = '' } = status ?? {}
  const { conditions: before = [], certificate: issued = '' } = old ?? {}
  const errors = [...validateConditions(conditions), ...validateCertificate(certificate)]
  const path = 'status.conditions'
  const of = (type: string, among: readonly CertificateSigningRequestCondition[]) => among.filter(condition => condition.type === type)
  for (const type of LASTING) {
    if (of(type, conditions).length < of(type, before).length) {
      errors.push(forbiddenField(path, `updates may not remove a condition of type "${type}"`))
    }
  }
  for (const type of allowed.decision ? [] : DECISIONS) {
    const [now, then] = [of(type, conditions), of(type, before)]
    if (now.length > then.length) errors.push(forbiddenField(path, `updates may not add a condition of type "${type}"`))
    else if (now.length === then.length && !isDeepStrictEqual(now, then)) {
      errors.push(forbiddenField(path, `updates may not modify a condition of type "${type}"`))
    }
  }
  if (certificate === issued) return errors
  if (!allowed.certificate) errors.push(forbiddenField('status.certificate', 'updates may not set certificate content'))
  else if (issued) errors.push(forbiddenField('status.certificate', 'updates may not modify existing certificate content'))
  return errors
}

function validateConditions(conditions: readonly CertificateSigningRequestCondition[]): FieldError[] {
  return conditions.flatMap(({ type, status }, i) => {
    const path = `status.conditions[${i}]`
    const errors: FieldError[] = type ? [] : [requiredValue(`${path}.type`)]
    const statuses = (LASTING as readonly string[]).includes(type) ? ['True'] : CONDITION_STATUSES
    if (!status) errors.push(requiredValue(`${path}.status`))
    else if (!statuses.includes(status)) errors.push(unsupportedValue(`${path}.status`, status, statuses))
    const earlier = conditions.slice(0, i).map(condition => condition.type)
    const opposite = DECISIONS.find(decision => decision !== type)
    if ((DECISIONS as readonly string[]).includes(type) && opposite && earlier.includes(opposite)) {
      errors.push(invalidValue(`${path}.type`, type, 'Approved and Denied conditions are mutually exclusive'))
    }
    if (earlier.includes(type)) errors.push(duplicateValue(`${path}.type`, type))
    return errors
  })
}

function validateCertificate(certificate: string): FieldError[] {
  const why = certificate && whyNoChain(Buffer.from(certificate, 'base64').toString('latin1'))
  return why ? [invalidValue('status.certificate', '<certificate data>', why)] : []
}

function whyNoChain(pem: string): string | undefined {
  const blocks = pemBlocks(pem)
  for (const block of blocks) {
    if (block.type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(block.type)}`
    if (block.hasHeaders) return 'no PEM block headers are permitted'
    if (!certificateIn(block)) return 'x509: malformed certificate'
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined
}

/** A domain and a name behind it, such as `example.com/signer`. */
export function validateSignerName(name: string, path: string): FieldError[] {
  if (!name) return [requiredValue(path, 'signerName must be provided')]
  const [domain = '', rest = '', ...more] = name.split('/')
  if (!name.includes('/') || more.length > 0) {
    return [invalidValue(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")]
  }
  const errors = domain.length > DOMAIN_LENGTH_MAX ? [tooLong(path, DOMAIN_LENGTH_MAX)] : []
  const labels = domain.split('.')
  errors.push(...firstWrongLabel(path, domain, labels, isDnsLabel))
  if (labels.length < 2) errors.push(invalidValue(path, domain, 'should be a domain with at least two segments separated by dots'))
  errors.push(...firstWrongLabel(path, rest, rest.split('.'), isDnsSubdomain))
  if (name.length > SIGNER_LENGTH_MAX) errors.push(tooLong(path, SIGNER_LENGTH_MAX))
  return errors
}

function firstWrongLabel(
  path: string,
  value: string,
  labels: readonly string[],
  check: (label: string) => string | undefined,
): FieldError[] {
  const label = labels.find(each => check(each) !== undefined)
  return label === undefined ? [] : [invalidValue(path, value, `validating label ${JSON.stringify(label)}: ${check(label)}`)]
}
