/** The truth about a cluster's CAs: a Secret that every control plane follows, written when one CA takes another's place. */
import type { Secret } from '../kinds/core/secret.ts'
import { NAMESPACES } from '../well-known.ts'

export const AUTHORITIES_SECRET = { namespace: NAMESPACES.system, name: 'davit-certificate-authorities' } as const
const ENTRY = 'ca.pem'

/** The Secret for a text such as `ca.pem` holds: each CA and its key, the signing one first. */
export function authoritiesSecret(text: string): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...AUTHORITIES_SECRET },
    type: 'davit.dev/certificate-authorities',
    data: { [ENTRY]: Buffer.from(text).toString('base64') },
  }
}

/** The text in it; undefined when there is none. */
export function readAuthoritiesSecret({ data }: Secret): string | undefined {
  return data?.[ENTRY] === undefined ? undefined : Buffer.from(data[ENTRY], 'base64').toString()
}
