import { isDeepStrictEqual } from 'node:util'
import { type CertificateSigningRequest, forbidden, GROUPS } from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import type { AccessGuard } from '../types.ts'
import type { AdmissionRule } from './rule.ts'

/**
 * Who decides on requests for a signer must have its `approve`, who signs its `sign`: to write requests is not enough, or whoever may
 * write them would make itself anybody.
 */
export function signerRights(guard: AccessGuard | undefined): AdmissionRule {
  return {
    resources: ['certificatesigningrequests.certificates.k8s.io'],
    onUpdate: true,
    onEveryPart: true,
    async admit({ kind, context, object, old, part }) {
      if (!old || !part) return
      const { user } = context
      if (user.groups.includes(GROUPS.masters) || user.groups.includes(CONTROLLERS)) return
      const [now, then] = [object as CertificateSigningRequest, old as CertificateSigningRequest]
      if (part === 'status' && isDeepStrictEqual(now.status ?? {}, then.status ?? {})) return
      const verb = part === 'approval' ? 'approve' : 'sign'
      // The name that is stored: the write must not choose by which right it is judged.
      const { signerName } = then.spec
      if (await guard?.maySign(user, verb, signerName)) return
      throw forbidden(
        kind,
        object.metadata.name ?? '',
        `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
      )
    },
  }
}
