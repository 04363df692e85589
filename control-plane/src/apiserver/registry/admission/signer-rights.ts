import { isDeepStrictEqual } from 'node:util'
import { type CertificateSigningRequest, type ClusterTrustBundle, forbidden, GROUPS, type PodCertificateRequest } from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import type { AccessGuard } from '../types.ts'
import type { Admission, AdmissionRule } from './rule.ts'

interface Question {
  readonly verb: Parameters<AccessGuard['maySign']>[1]
  readonly signerName: string
  /** What is done with the signer's name, in Kubernetes' words. */
  readonly doing: string
}

/**
 * Who decides on requests for a signer must have its `approve`, who signs its `sign`, who says whom to trust for it its `attest`: to write
 * the objects is not enough, or whoever may write them would make itself anybody.
 */
export function signerRights(guard: AccessGuard | undefined): AdmissionRule {
  const group = 'certificates.k8s.io'
  return {
    resources: ['certificatesigningrequests', 'podcertificaterequests', 'clustertrustbundles'].map(plural => `${plural}.${group}`),
    onUpdate: true,
    onEveryPart: true,
    async admit(change) {
      const { kind, context, object } = change
      const { user } = context
      if (user.groups.includes(GROUPS.masters) || user.groups.includes(CONTROLLERS)) return
      const question = kind.kind === 'ClusterTrustBundle' ? ofBundle(change) : ofRequest(change)
      if (!question || (await guard?.maySign(user, question.verb, question.signerName))) return
      const what = `user not permitted to ${question.verb} ${question.doing} signerName ${JSON.stringify(question.signerName)}`
      throw forbidden(kind, object.metadata.name ?? '', what)
    },
  }
}

function ofRequest({ object, old, part }: Admission): Question | undefined {
  if (!old || !part) return undefined
  const [now, then] = [object, old] as (CertificateSigningRequest | PodCertificateRequest)[]
  if (part === 'status' && isDeepStrictEqual(now?.status ?? {}, then?.status ?? {})) return undefined
  // The name that is stored: the write must not choose by which right it is judged.
  const signerName = then?.spec.signerName ?? ''
  return { verb: part === 'approval' ? 'approve' : 'sign', signerName, doing: 'requests with' }
}

function ofBundle({ object, old }: Admission): Question | undefined {
  const { spec } = object as ClusterTrustBundle
  const signerName = spec?.signerName
  if (!signerName || (old && isDeepStrictEqual(spec, (old as ClusterTrustBundle).spec))) return undefined
  return { verb: 'attest', signerName, doing: 'for' }
}
