/** What extension API servers read to know by which certificates and headers this server speaks for users. */
import { type Client, type Clock, type ConfigMap, configMapKind, isReason, type Logger, NAMESPACES } from '@davit/api'
import { certificatesIn, FRONT_PROXY, lifeOf } from '@davit/api/pki'
import { USER_HEADERS } from './user-headers.ts'

export const AUTHENTICATION_CONFIG = 'extension-apiserver-authentication'
const CHECK_MS = 10 * 60_000
const RETRY_MS = 2000

export interface Authorities {
  /** Of client certificates, in PEM. */
  readonly clients: string
  /** Of this server's front proxy. */
  readonly frontProxy: string
}

/** What is to be written; undefined when `present` says it all. Other replicas' authorities stay as long as they are good. Pure. */
export function planAuthenticationConfig(
  present: ConfigMap | undefined,
  { clients, frontProxy }: Authorities,
  now: number,
): ConfigMap | undefined {
  const others = certificatesIn(present?.data?.['requestheader-client-ca-file'] ?? '').filter(each => lifeOf(each).to > now)
  const bundle = [...new Set([...others, ...certificatesIn(frontProxy)].map(each => `${each.trim()}\n`))].join('')
  const data = {
    'client-ca-file': clients,
    'requestheader-allowed-names': JSON.stringify([FRONT_PROXY]),
    'requestheader-client-ca-file': bundle,
    'requestheader-extra-headers-prefix': JSON.stringify([USER_HEADERS.extraPrefix]),
    'requestheader-group-headers': JSON.stringify([USER_HEADERS.group]),
    'requestheader-uid-headers': JSON.stringify([USER_HEADERS.uid]),
    'requestheader-username-headers': JSON.stringify([USER_HEADERS.name]),
  }
  const isSaid = present && Object.entries(data).every(([name, value]) => present.data?.[name] === value)
  if (isSaid) return undefined
  const metadata = { ...present?.metadata, name: AUTHENTICATION_CONFIG, namespace: NAMESPACES.system }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { ...present?.data, ...data } }
}

export interface PublishOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  /** As they are now; what is due is renewed by asking. */
  readonly authorities: () => Promise<Authorities>
}

/** Keeps the ConfigMap right, looking every ten minutes, until `signal` aborts. */
export async function publishAuthentication({ client, clock, log, signal, authorities }: PublishOptions): Promise<void> {
  const maps = client.resource(configMapKind)
  const target = { namespace: NAMESPACES.system, name: AUTHENTICATION_CONFIG }
  const publish = async () => {
    const present = await maps.get(target, { signal }).catch((err: unknown) => {
      if (isReason(err, 'NotFound')) return undefined
      throw err
    })
    const wanted = planAuthenticationConfig(present, await authorities(), clock.now())
    // With its version: who else has written meanwhile is not undone.
    if (wanted) await (present ? maps.update(wanted, { signal }) : maps.create(wanted, { signal }))
  }
  while (!signal.aborted) {
    const isDone = await publish().then(
      () => true,
      (err: unknown) => {
        if (!signal.aborted && !isReason(err, 'Conflict') && !isReason(err, 'AlreadyExists'))
          log.warn({ err }, 'Cannot publish by whom requests are passed on')
        return false
      },
    )
    await clock.sleep(isDone ? CHECK_MS : RETRY_MS, signal).catch(() => {})
  }
}
