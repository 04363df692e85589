import {
  type CertificateSigningRequest,
  type CertificateSigningRequestCondition,
  type Clock,
  forbidden,
  formatTime,
  GROUPS,
  invalid,
  type Kind,
  requestedPem,
} from '@davit/api'
import { x509 } from '@davit/api/pki'
import type { User } from '../types.ts'
import type { AdmissionRule } from './rule.ts'

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'

/**
 * Whoever asks for a certificate is who he is: the server says so, not the request. The request must be signed by its own key,
 * and nobody gets into the masters' group this way. Conditions get their times.
 */
export function certificateRequests(clock: Clock): AdmissionRule {
  return {
    resources: ['certificatesigningrequests.certificates.k8s.io'],
    onUpdate: true,
    onEveryPart: true,
    async admit({ kind, context, object, old, isPart }) {
      const request = object as CertificateSigningRequest
      if (!old) {
        setRequester(request, context.user)
        await checkRequest(kind, request)
      } else if (isPart) setTimes(request, old as CertificateSigningRequest, formatTime(clock.now()))
    },
  }
}

function setRequester({ spec }: CertificateSigningRequest, { name, uid, groups, extra }: User): void {
  if (!spec) return
  spec.username = name
  for (const field of ['uid', 'groups', 'extra'] as const) delete spec[field]
  if (uid) spec.uid = uid
  if (groups.length > 0) spec.groups = [...groups]
  if (extra && Object.keys(extra).length > 0) {
    spec.extra = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]))
  }
}

/** What is no PEM at all is left to validation, which says it with the rest. */
async function checkRequest(kind: Kind, { metadata, spec }: CertificateSigningRequest): Promise<void> {
  const pem = spec && requestedPem(spec)
  if (pem === undefined) return
  const name = metadata.name ?? ''
  const refuse = (detail: string) => invalid(kind, name, [{ type: 'Invalid', field: 'spec.request', value: spec.request, detail }])
  const parsed = parse(pem)
  if (!parsed) throw refuse('asn1: structure error: not a PKCS#10 certificate request')
  // A kind of key that is not known here proves nothing.
  if (!(await parsed.verify().catch(() => false))) throw refuse('x509: signature verification failure')
  const organizations = parsed.subjectName.getField('O')
  if (spec.signerName === CLIENT_SIGNER && organizations.includes(GROUPS.masters)) {
    throw forbidden(kind, name, `use of ${CLIENT_SIGNER} signer with ${GROUPS.masters} group is not allowed`)
  }
}

function parse(pem: string): x509.Pkcs10CertificateRequest | undefined {
  try {
    return new x509.Pkcs10CertificateRequest(pem)
  } catch {
    return undefined
  }
}

/** A condition keeps the time at which it got its status. */
function setTimes({ status }: CertificateSigningRequest, { status: old }: CertificateSigningRequest, now: string): void {
  const before = old?.conditions ?? []
  const isSame = (a: CertificateSigningRequestCondition, b: CertificateSigningRequestCondition) =>
    a.type === b.type && a.status === b.status
  for (const condition of status?.conditions ?? []) {
    condition.lastUpdateTime ??= now
    condition.lastTransitionTime ??= before.find(each => isSame(each, condition))?.lastTransitionTime ?? now
  }
}
