/** Signs certificate requests that somebody approved, for clients of the API, and clears old requests away. */
import { X509Certificate } from 'node:crypto'
import {
  type CertificateSigningRequest,
  type CertificateSigningRequestCondition,
  type Clock,
  certificateSigningRequestKind,
  formatTime,
  isReason,
  runController,
  WorkQueue,
} from '@davit/api'
import { type KeyPair, sign } from '@davit/api/pki'
import type { ControllerContext } from '../context.ts'
import { planRequest, type Verdict } from './plan.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const SWEEP_MS = 600_000

/** `authority`: the cluster's CA at the moment of use. Settles when the context's signal aborts. */
export async function runCertificateSigner(
  { client, clock, log, signal, informer }: ControllerContext,
  authority: () => KeyPair,
): Promise<void> {
  const requests = informer(certificateSigningRequestKind)
  await requests.synced
  const queue = new WorkQueue({ clock })
  requests.onChange(({ key }) => queue.add(key))
  const resource = client.resource(certificateSigningRequestKind)

  const reconcile = async (name: string) => {
    const request = requests.cache.get(name)
    if (!request) return {}
    const verdict = planRequest(request, clock.now())
    const { uid = '', resourceVersion = '' } = request.metadata
    try {
      if (verdict.kind === 'delete') await resource.delete({ name }, { preconditions: { uid, resourceVersion }, signal })
      else if (verdict.kind !== 'leave') {
        const written = await resource.update(await answered(request, verdict, authority(), clock), { subresource: 'status', signal })
        await requests.reached(written.metadata.resourceVersion ?? '', signal)
      }
    } catch (error) {
      // It has changed, and comes back with that.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    }
    return { againAfterMs: SWEEP_MS }
  }
  await runController(queue, reconcile, { log, signal })
}

type Answer = Extract<Verdict, { kind: 'sign' | 'fail' }>

async function answered(
  request: CertificateSigningRequest,
  verdict: Answer,
  authority: KeyPair,
  clock: Clock,
): Promise<CertificateSigningRequest> {
  if (verdict.kind === 'fail') return failed(request, verdict.message, clock)
  const pem = await issue(verdict, authority, clock)
  if (pem === undefined) return failed(request, 'the certificate would not name the subject that was asked for', clock)
  return { ...request, status: { ...request.status, certificate: Buffer.from(pem).toString('base64') } }
}

function failed(request: CertificateSigningRequest, message: string, clock: Clock): CertificateSigningRequest {
  const now = formatTime(clock.now())
  const condition: CertificateSigningRequestCondition = {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  }
  return { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), condition] } }
}

/** Undefined when what was made does not say what was meant: names are written down and read in different ways. */
async function issue(
  { commonName, organizations, request, lifetimeMs }: Extract<Verdict, { kind: 'sign' }>,
  authority: KeyPair,
  clock: Clock,
): Promise<string | undefined> {
  const now = clock.now()
  const authorityEnds = Date.parse(new X509Certificate(authority.certificate).validTo)
  const days = Math.min(lifetimeMs, authorityEnds - now) / DAY_MS
  const subject = { commonName, organizations, usage: 'client' } as const
  const pem = await sign(authority, subject, { publicKey: request.publicKey, lifetime: { now, days } })
  const { subject: found } = new X509Certificate(pem).toLegacyObject() as { subject: { CN?: unknown; O?: unknown } }
  const isMeant = found.CN === commonName && isSameList([found.O ?? []].flat(), organizations)
  return isMeant ? pem : undefined
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
