/** What becomes of a certificate request: signed, failed, left to others, or cleared away. */
import { X509Certificate } from 'node:crypto'
import { type CertificateSigningRequest, type CertificateSigningRequestSpec, GROUPS, NODE_USER_PREFIX, requestedPem } from '@davit/api'
import { API_SERVER, CONTROLLERS, x509 } from '@davit/api/pki'

export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'
/** Those of Kubernetes that sign for kubelets. */
const NODE_SIGNERS = ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving']

const HOUR_MS = 60 * 60 * 1000
/** So long stays what was decided, and what was not. */
const DECIDED_MS_MAX = HOUR_MS
const PENDING_MS_MAX = 24 * HOUR_MS
/** What a certificate is given at most, and when nobody asks for less. */
const LIFETIME_MS_MAX = 365 * 24 * HOUR_MS

export type Verdict =
  | { kind: 'leave' }
  | { kind: 'delete' }
  | { kind: 'fail'; message: string }
  | { kind: 'sign'; commonName: string; organizations: readonly string[]; request: x509.Pkcs10CertificateRequest; lifetimeMs: number }

/** What to do at `now`, milliseconds since the epoch. */
export function planRequest(request: CertificateSigningRequest, now: number): Verdict {
  if (isOutdated(request, now)) return { kind: 'delete' }
  const { spec, status } = request
  const has = (type: string) => status?.conditions?.some(condition => condition.type === type) ?? false
  if (!has('Approved') || has('Denied') || has('Failed') || status?.certificate) return { kind: 'leave' }
  if (NODE_SIGNERS.includes(spec.signerName)) {
    // A join spends its token and claims the node's name in one transaction; a certificate given by hand would go round both. And
    // agents serve nothing: there is no server certificate of a node that anybody would look at.
    return { kind: 'fail', message: 'nodes get their certificates by joining with a join token, and renew them by themselves' }
  }
  return spec.signerName === CLIENT_SIGNER ? judge(spec) : { kind: 'leave' }
}

function judge(spec: CertificateSigningRequestSpec): Verdict {
  const fail = (message: string) => ({ kind: 'fail', message }) as const
  const request = read(spec)
  if (!request) return fail('unable to parse csr: not a PKCS#10 certificate request')
  const why = whyNotUsages(spec.usages ?? [])
  if (why) return fail(why)
  const names = request.subjectName.getField('CN')
  const organizations = request.subjectName.getField('O')
  const [commonName = '', ...others] = names
  if (!commonName || others.length > 0) return fail('the subject must have one common name')
  const strange = [commonName, ...organizations].find(name => !isPlain(name))
  if (strange !== undefined) return fail('the subject must consist of plain text')
  const reserved = whyReserved(commonName, organizations)
  if (reserved) return fail(reserved)
  const lifetimeMs = Math.min((spec.expirationSeconds ?? Number.POSITIVE_INFINITY) * 1000, LIFETIME_MS_MAX)
  return { kind: 'sign', commonName, organizations, request, lifetimeMs }
}

function read(spec: CertificateSigningRequestSpec): x509.Pkcs10CertificateRequest | undefined {
  try {
    return new x509.Pkcs10CertificateRequest(requestedPem(spec) ?? '')
  } catch {
    return undefined
  }
}

/** In Kubernetes' words. */
function whyNotUsages(usages: readonly string[]): string | undefined {
  const strange = usages.find(usage => !['digital signature', 'key encipherment', 'client auth'].includes(usage))
  if (strange !== undefined) return `invalid usage for client certificate: ${strange}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

/** Whose rights are fixed is not made by asking for it, whoever approves: no role could take them back. */
function whyReserved(commonName: string, organizations: readonly string[]): string | undefined {
  const group = organizations.find(name => name === GROUPS.masters || name === CONTROLLERS || name === GROUPS.nodes)
  if (group !== undefined) return `use of ${CLIENT_SIGNER} signer with ${group} group is not allowed`
  const isReserved = commonName === API_SERVER || commonName === CONTROLLERS || commonName.startsWith(NODE_USER_PREFIX)
  return isReserved ? `use of ${CLIENT_SIGNER} signer for ${JSON.stringify(commonName)} is not allowed` : undefined
}

/** What every program reads alike: no signs that end a text, a line or a name. */
function isPlain(name: string): boolean {
  return name.length <= 256 && name === name.trim() && name !== '' && !/\p{C}/u.test(name)
}

function isOutdated({ metadata, status }: CertificateSigningRequest, now: number): boolean {
  const { conditions = [], certificate } = status ?? {}
  const isOlder = (time: string | undefined, ms: number) => time !== undefined && now - Date.parse(time) > ms
  const decided = conditions.filter(({ type }) => type === 'Denied' || type === 'Failed' || (type === 'Approved' && certificate))
  if (decided.some(({ lastUpdateTime, lastTransitionTime }) => isOlder(lastUpdateTime ?? lastTransitionTime, DECIDED_MS_MAX))) return true
  const isPending = !conditions.some(({ type }) => ['Approved', 'Denied', 'Failed'].includes(type))
  if (isPending && isOlder(metadata.creationTimestamp, PENDING_MS_MAX)) return true
  return certificate !== undefined && hasEnded(certificate, now)
}

function hasEnded(certificate: string, now: number): boolean {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo) < now
  } catch {
    return false
  }
}
