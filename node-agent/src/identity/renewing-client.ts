import { type Clock, connectHttp, type HttpClient, type KubernetesObject, type Logger, type ResourceClient } from '@davit/api'
import { type Identity, renew, renewalTime } from './identity.ts'
import { Refused } from './refused.ts'

export interface RenewingClientOptions {
  servers: readonly string[]
  identity: Identity
  dir: string
  userAgent: string
  clock: Clock
  log: Logger
  signal: AbortSignal
}

const CHECK_MS = 10 * 60_000
/** What runs on the old certificate's connection may end in its own time. */
const OVERLAP_MS = 60_000

/** A client that shows this agent's certificate, and renews it when two thirds of its life have passed. */
export function connectAs({ servers, identity, dir, userAgent, clock, log, signal }: RenewingClientOptions): HttpClient {
  const open = ({ certificateAuthority, certificate, key }: Identity) =>
    connectHttp({ servers, certificateAuthority, certificate, key, userAgent, clock, log })
  let present = identity
  let current = open(present)

  const watch = async () => {
    while (!signal.aborted) {
      await clock.sleep(Math.min(CHECK_MS, Math.max(1_000, renewalTime(present) - clock.now())), signal)
      if (clock.now() < renewalTime(present)) continue
      try {
        present = await renew(present, current, { dir, signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) })
        const old = current
        current = open(present)
        log.info({}, 'Renewed the certificate')
        clock.sleep(OVERLAP_MS, signal).then(
          () => old.close(),
          () => old.close(),
        )
      } catch (err) {
        if (signal.aborted) return
        log.error({ err, refused: err instanceof Refused }, 'Cannot renew the certificate')
        await clock.sleep(CHECK_MS / 10, signal)
      }
    }
  }
  watch().catch(() => {})

  return {
    resource: kind => forwarded(() => current.resource(kind)),
    raw: request => current.raw(request),
    openWebSocket: (path, query, protocols, options) => current.openWebSocket(path, query, protocols, options),
    close: () => current.close(),
  }
}

/** Those who keep a resource client for long, as informers do, use the newest certificate with each call. */
function forwarded<T extends KubernetesObject>(present: () => ResourceClient<T>): ResourceClient<T> {
  return {
    get: (...args) => present().get(...args),
    list: (...args) => present().list(...args),
    watch: (...args) => present().watch(...args),
    create: (...args) => present().create(...args),
    update: (...args) => present().update(...args),
    patch: (...args) => present().patch(...args),
    delete: (...args) => present().delete(...args),
    deleteCollection: (...args) => present().deleteCollection(...args),
    post: (...args) => present().post(...args),
  }
}
