import { systemClock } from '@davit/api'
import { createAuthority, createCertificate } from '@davit/api/pki'

export interface ServerCertificate {
  /** PEM, all of them. */
  readonly authority: string
  readonly certificate: string
  readonly key: string
}

/** A certificate for a server of these names, by an authority of its own. */
export async function makeServerCertificate(names: readonly string[]): Promise<ServerCertificate> {
  const lifetime = { now: systemClock.now(), days: 1 }
  const authority = await createAuthority('test', lifetime)
  const { certificate, key } = await createCertificate(authority, { commonName: names[0] ?? '', usage: 'server', names }, lifetime)
  return { authority: authority.certificate, certificate, key }
}
