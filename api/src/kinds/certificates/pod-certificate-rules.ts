/** Rules of certificate requests for pods. What the keys and the certificates say is judged where requests are taken. */
import { isDeepStrictEqual } from 'node:util'
import { invalidIf, invalidTogether, invalidValue, requiredValue, tooLong, unsupportedValue } from '../../field-errors.ts'
import { isDnsSubdomain } from '../../names.ts'
import { validateAnnotations } from '../../object-meta.ts'
import type { FieldError } from '../../status.ts'
import { validateConditions } from '../conditions.ts'
import { validateSignerName } from './rules.ts'
import type { PodCertificateRequest, PodCertificateRequestSpec, PodCertificateRequestStatus } from './types.ts'

const OUTCOMES = ['Issued', 'Denied', 'Failed'] as const
const UID_BYTES_MAX = 128
const REQUEST_BYTES_MAX = 10 * 1024
const CHAIN_BYTES_MAX = 100 * 1024
const DAY_SECONDS = 86_400
const EXPIRATION_SECONDS_MIN = 3_600
const EXPIRATION_SECONDS_MAX = 91 * DAY_SECONDS

export function validatePodRequest(spec: PodCertificateRequestSpec): FieldError[] {
  const { signerName = '', unverifiedUserAnnotations = {}, maxExpirationSeconds: seconds, stubPKCS10Request = '' } = spec
  const annotations = 'spec.unverifiedUserAnnotations'
  const errors = [...validateSignerName(signerName, 'spec.signerName'), ...validateAnnotations(unverifiedUserAnnotations, annotations)]
  for (const key of Object.keys(unverifiedUserAnnotations)) {
    if (!key.includes('/')) errors.push(invalidValue(annotations, key, 'must be a domain-prefixed key (such as "acme.io/foo")'))
  }
  for (const holder of ['pod', 'serviceAccount', 'node'] as const) {
    const [name = '', uid = ''] = [spec[`${holder}Name`], spec[`${holder}UID`]]
    const path = `spec.${holder}UID`
    if (name) errors.push(...invalidIf(`spec.${holder}Name`, name, isDnsSubdomain(name)))
    if (Buffer.byteLength(uid) > UID_BYTES_MAX) errors.push(tooLong(path, UID_BYTES_MAX))
  }
  // What Kubernetes' own signers give is good for a day.
  const secondsMax = /^([^/]+\.)?kubernetes\.io\//.test(signerName) ? DAY_SECONDS : EXPIRATION_SECONDS_MAX
  if (seconds === undefined) errors.push(requiredValue('spec.maxExpirationSeconds', 'must be set'))
  else if (seconds < EXPIRATION_SECONDS_MIN || seconds > secondsMax) {
    errors.push(invalidValue('spec.maxExpirationSeconds', seconds, `must be in the range [${EXPIRATION_SECONDS_MIN}, ${secondsMax}]`))
  }
  if (Buffer.from(stubPKCS10Request, 'base64').length > REQUEST_BYTES_MAX) {
    errors.push(tooLong('spec.stubPKCS10Request', REQUEST_BYTES_MAX))
  }
  return errors
}

/** Which of the outcomes a request has come to. */
export function outcomeOf({ conditions = [] }: PodCertificateRequestStatus): (typeof OUTCOMES)[number] | undefined {
  return OUTCOMES.find(outcome => conditions.some(({ type, status }) => type === outcome && status === 'True'))
}

/** A request is decided once; whoever issues says all there is to say of the certificate. */
export function validatePodRequestStatus(
  { status = {} }: PodCertificateRequest,
  { status: old = {} }: PodCertificateRequest,
): FieldError[] {
  const { conditions = [], ...rest } = status
  const errors = [...validateOutcomes(conditions), ...validateConditions(conditions, 'status.conditions')]
  if (errors.length > 0) return errors
  const stays = (why: string) => (isSame(status, old) ? [] : [invalidTogether('status', why)])
  if (outcomeOf(old)) return stays('immutable after PodCertificateRequest is issued, denied, or failed')
  const outcome = outcomeOf(status)
  if (!outcome) return stays('status is immutable unless transitioning to "Issued", "Denied", or "Failed"')
  if (outcome === 'Issued') return validateIssued(status)
  const why = 'non-condition status fields must be empty when denying or failing the PodCertificateRequest'
  return Object.keys(rest).length === 0 ? [] : [invalidTogether('status', why)]
}

function validateOutcomes(conditions: NonNullable<PodCertificateRequestStatus['conditions']>): FieldError[] {
  return conditions.flatMap(({ type, status }, i) => {
    const path = `status.conditions[${i}]`
    if (!(OUTCOMES as readonly string[]).includes(type)) return [unsupportedValue(`${path}.type`, type, OUTCOMES)]
    const why = 'There may be at most one condition with type "Issued", "Denied", or "Failed"'
    return [
      ...(i > 0 ? [invalidValue(`${path}.type`, type, why)] : []),
      ...(status === 'True' ? [] : [unsupportedValue(`${path}.status`, status, ['True'])]),
    ]
  })
}

function validateIssued({ certificateChain = '', notBefore, notAfter, beginRefreshAt }: PodCertificateRequestStatus): FieldError[] {
  if (Buffer.byteLength(certificateChain) > CHAIN_BYTES_MAX) return [tooLong('status.certificateChain', CHAIN_BYTES_MAX)]
  const consistent = 'must be present and consistent with the issued certificate'
  return [
    ...(notBefore ? [] : [requiredValue('status.notBefore', consistent)]),
    ...(notAfter ? [] : [requiredValue('status.notAfter', consistent)]),
    ...(beginRefreshAt
      ? []
      : [requiredValue('status.beginRefreshAt', 'must be present and in the range [notbefore+10min, notafter-10min]')]),
  ]
}

function isSame({ conditions = [], ...rest }: PodCertificateRequestStatus, old: PodCertificateRequestStatus): boolean {
  const { conditions: before = [], ...oldRest } = old
  return isDeepStrictEqual([conditions, rest], [before, oldRest])
}
