/**
 * Keeps a node's certificate and its list of CAs current while the agent runs. What cannot be mended by itself does not stop the agent:
 * pods run on, and the log says which command brings the node back.
 */
import {
  CERTIFICATE_ANNOTATIONS,
  certificatesIn,
  deadlineSignal,
  formatTime,
  type HttpClient,
  isRenewalDue,
  issuerHash,
  lifeOf,
  publicKeyHash,
  warningTime,
} from '@davit/api'
import { askClusterInfo } from '../cluster-facts.ts'
import { type Identity, type JoinOptions, rejoin, renew, saveIdentity } from './identity.ts'
import { Refused } from './refused.ts'
import { isTrusted } from './trust.ts'

export interface KeepIdentityOptions extends Pick<JoinOptions, 'dir' | 'servers' | 'nodeName' | 'clock' | 'log' | 'signal'> {
  identity: Identity
  join: Pick<JoinOptions, 'caHash' | 'token'>
  /** Shows the present certificate. */
  client: Pick<HttpClient, 'raw'>
}

export interface KeptIdentity {
  readonly present: Identity
  /** What the Node says of it. */
  annotations(): Record<string, string>
  onChange(listener: () => void): void
  /** Called once when less than a tenth of a certificate's life is left, and once when there is no way back but a token. */
  onWarning(listener: (message: string) => void): void
}

export interface Standing {
  readonly now: number
  readonly certificate: string
  /** PEM; the first is the CA that signs. */
  readonly certificateAuthority: string
  readonly jitter: number
}

/** Often enough that neither a sleep of the machine nor a jump of its clock goes unnoticed. */
const CHECK_MS = 1_000
const TRUST_EVERY_MS = 20_000
/** Soon after the start, but not all nodes at once. */
const FIRST_MS_MAX = 3_000
const RETRY_MS_MAX = 60_000
const CALL_MS_MAX = 30_000

const FOREIGN = "The API servers show certificates of a CA that this node does not know: the cluster's was changed while the node was away"

/** What a certificate needs now. */
export function planIdentity({ now, certificate, certificateAuthority, jitter }: Standing): 'nothing' | 'renew' | 'rejoin' {
  if (now >= lifeOf(certificate).to) return 'rejoin'
  if (isRenewalDue(certificate, { now, jitter })) return 'renew'
  // Another CA signs now: the one that signed ours is on its way out.
  const [signing] = certificatesIn(certificateAuthority)
  return signing && issuerHash(certificate, signing) === undefined ? 'renew' : 'nothing'
}

/** Runs until `signal` aborts. */
export function keepIdentity(options: KeepIdentityOptions): KeptIdentity {
  const { dir, servers, nodeName, join, client, clock, log, signal } = options
  const changed = new Set<() => void>()
  const warned = new Set<(message: string) => void>()
  const jitter = Math.random()
  let present = options.identity
  let told = ''
  let refusedToken = ''

  const use = (identity: Identity) => {
    present = identity
    for (const listener of changed) listener()
  }
  const warn = (message: string) => {
    if (told === message) return
    told = message
    log.error({}, message)
    for (const listener of warned) listener(message)
  }

  const followAuthorities = async () => {
    const { certificateAuthority: bundle } = await askClusterInfo(client, signal)
    if (!bundle || bundle === present.certificateAuthority) return
    const identity = { ...present, certificateAuthority: bundle }
    await saveIdentity(dir, identity)
    use(identity)
    log.info({ hashes: hashesOf(bundle) }, 'Took over the CAs of the cluster')
  }

  /** Only with a token that somebody put there. */
  const tryToken = async (why: string) => {
    const token = await join.token().catch(() => undefined)
    if (token && token !== refusedToken) {
      try {
        return use(await rejoin(present, { ...options, ...join, token }))
      } catch (err) {
        if (!(err instanceof Refused)) throw err
        log.error({ err }, err.message)
        refusedToken = token
      }
    }
    warn(
      `${why}. To bring node "${nodeName}" back, run "davit node add" with its machine again, or on this machine what this prints: davit token create --node-name ${nodeName} --print-join-command`,
    )
  }

  const mend = async () => {
    const now = clock.now()
    const plan = planIdentity({ now, jitter, ...present })
    if (plan === 'rejoin') return tryToken(`The certificate of this node ended at ${formatTime(lifeOf(present.certificate).to)}`)
    if (now >= warningTime(present.certificate)) warn(`The certificate of this node ends at ${formatTime(lifeOf(present.certificate).to)}`)
    if (plan === 'nothing') return
    use(await renew(present, client, { dir, signal: deadlineSignal(CALL_MS_MAX, signal) }))
    log.info({ expires: formatTime(lifeOf(present.certificate).to) }, 'Renewed the certificate')
  }

  const run = async () => {
    let [mendAt, trustAt] = [0, clock.monotonic() + FIRST_MS_MAX * Math.random()]
    while (!signal.aborted) {
      const at = clock.monotonic()
      if (at >= mendAt) {
        await mend().catch((err: unknown) => {
          if (!signal.aborted) log.error({ err }, 'Cannot renew the certificate')
          mendAt = at + retryDelayMs(present.certificate)
        })
      }
      if (at >= trustAt) {
        trustAt = at + TRUST_EVERY_MS * (0.8 + 0.4 * Math.random())
        await followAuthorities().catch(async (err: unknown) => {
          if (!signal.aborted) log.debug({ err }, "Cannot ask for the cluster's CAs")
          if (!signal.aborted && (await isForeign())) await tryToken(FOREIGN).catch(told => log.error({ err: told }, 'Cannot join again'))
        })
      }
      await clock.sleep(CHECK_MS, signal).catch(() => {})
    }
  }
  /** Every server that answers is of a CA we do not trust. */
  const isForeign = async () => {
    const verdicts = await Promise.all(servers.map(server => isTrusted(server, present.certificateAuthority).catch(() => undefined)))
    return verdicts.includes(false) && !verdicts.includes(true)
  }
  void run()

  return {
    get present() {
      return present
    },
    annotations: () => ({
      [CERTIFICATE_ANNOTATIONS.expires]: formatTime(lifeOf(present.certificate).to),
      [CERTIFICATE_ANNOTATIONS.issuer]: issuerHash(present.certificate, present.certificateAuthority) ?? '',
      [CERTIFICATE_ANNOTATIONS.trusted]: hashesOf(present.certificateAuthority).join(','),
    }),
    onChange: listener => void changed.add(listener),
    onWarning: listener => void warned.add(listener),
  }
}

function hashesOf(bundle: string): string[] {
  return certificatesIn(bundle).map(certificate => publicKeyHash(certificate))
}

/** A hundredth of its life: many tries are left before the end. */
function retryDelayMs(certificate: string): number {
  const { from, to } = lifeOf(certificate)
  return Math.min(RETRY_MS_MAX, (to - from) / 100) * (0.5 + Math.random())
}
