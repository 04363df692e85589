/** The agent's way to the API: a client that shows this node's certificate, and what keeps that certificate and the cluster's CAs current. */
import { type Clock, connectHttp, type HttpClient, type Logger } from '@davit/api'
import type { Identity, JoinOptions } from './identity.ts'
import { type KeptIdentity, keepIdentity } from './keep-identity.ts'

export interface RenewingClientOptions {
  servers: readonly string[]
  identity: Identity
  dir: string
  /** For a way back when the certificate has ended. */
  join: Pick<JoinOptions, 'caHash' | 'token'>
  userAgent: string
  clock: Clock
  log: Logger
  signal: AbortSignal
}

/** Connects with the first call; renews until `signal` aborts. */
export function connectAs(options: RenewingClientOptions): { client: HttpClient; kept: KeptIdentity } {
  const { servers, identity, userAgent, clock, log } = options
  const client = connectHttp({ servers, ...credentialsOf(identity), userAgent, clock, log })
  const kept = keepIdentity({ ...options, client, nodeName: identity.nodeName })
  kept.onChange(() => client.renew(credentialsOf(kept.present)))
  return { client, kept }
}

function credentialsOf({ certificateAuthority, certificate, key }: Identity) {
  return { certificateAuthority, certificate, key }
}
