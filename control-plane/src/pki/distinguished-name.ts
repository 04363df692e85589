import { GROUPS } from '@davit/api'
import type { User } from '../apiserver/registry/index.ts'

/** The part of a certificate's subject that names a user, as `tls` gives it: a field of several values is a list. */
export interface Subject {
  CN?: string | string[]
  O?: string | string[]
}

/** The user a client certificate stands for: CN is the name, O the groups. Undefined when it names nobody. */
export function authenticateCertificate(certificate: { subject?: Subject } | undefined): User | undefined {
  const { CN, O } = certificate?.subject ?? {}
  const name = Array.isArray(CN) ? CN.at(-1) : CN
  if (!name) return undefined
  const groups = O === undefined ? [] : Array.isArray(O) ? O : [O]
  return { name, groups: [...groups, GROUPS.authenticated] }
}

/** Who asks when nobody is known. */
export const ANONYMOUS: User = { name: 'system:anonymous', groups: [GROUPS.unauthenticated] }
