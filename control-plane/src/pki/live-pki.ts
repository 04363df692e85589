/**
 * The cluster's keys and certificates in a process that runs: renewed before they end, read anew when the CA changes. Whoever takes a
 * certificate from here at the moment of use has the newest; who must be told listens.
 */
import { CERTIFICATE_ANNOTATIONS, type CertificateReport, formatTime, type Logger } from '@davit/api'
import { certificatesIn, isRenewalDue, issuerHash, lifeOf, loadOrCreatePki, type Pki, type PkiOptions, warningTime } from '@davit/api/pki'

/** Seldom enough to cost nothing, often enough that neither a sleep of the machine nor a jump of its clock goes unnoticed. */
const CHECK_MS = 1000
const RETRY_MS_MAX = 60_000

export interface HeldCertificate {
  /** The file's, without its ending; the etcd member's are `etcd-server` and `etcd-peer`. */
  readonly name: string
  /** PEM. */
  readonly certificate: string
  /** Those that this process does not renew: CAs. */
  readonly isAuthority: boolean
}

export type LivePkiOptions = Omit<PkiOptions, 'jitter'> & { log: Logger }

/** Reads and makes what is needed; throws as `loadOrCreatePki`. Renews nothing until `run`. */
export async function openPki(options: LivePkiOptions): Promise<LivePki> {
  const keeping = { ...options, jitter: Math.random() }
  return new LivePki(keeping, await loadOrCreatePki(keeping))
}

export class LivePki implements Pki {
  readonly #options: PkiOptions & { log: Logger; jitter: number }
  readonly #listeners = new Set<() => void>()
  readonly #warned = new Set<string>()
  #present: Pki
  #reading: Promise<void> = Promise.resolve()
  /** Told when a certificate has less than a tenth of its life left, once each. */
  onWarning: (message: string) => void = () => {}

  constructor(options: PkiOptions & { log: Logger; jitter: number }, present: Pki) {
    this.#options = options
    this.#present = present
  }

  get ca() {
    return this.#present.ca
  }
  get server() {
    return this.#present.server
  }
  get admin() {
    return this.#present.admin
  }
  get controllers() {
    return this.#present.controllers
  }
  get serviceAccountKey() {
    return this.#present.serviceAccountKey
  }
  get encryptionKeys() {
    return this.#present.encryptionKeys
  }
  get etcd() {
    return this.#present.etcd!
  }
  get dir() {
    return this.#options.dir
  }

  /** Called after anything was renewed or a CA came or went. Gives back how to listen no more. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Every certificate here, the CAs first. */
  held(): HeldCertificate[] {
    return heldCertificates(this.#present)
  }

  /** What this process's Lease says of its certificates. */
  annotations(): Record<string, string> {
    const { ca, server } = this.#present
    return {
      [CERTIFICATE_ANNOTATIONS.trusted]: ca.hashes.join(','),
      [CERTIFICATE_ANNOTATIONS.issuer]: issuerHash(server.certificate, ca.bundle) ?? '',
      [CERTIFICATE_ANNOTATIONS.report]: JSON.stringify(this.held().map(held => reportOf(held, this.#present))),
    }
  }

  /** Reads the directory again and makes what no longer fits. */
  refresh(): Promise<void> {
    // One after the other: two at once would each make certificates, and the later answer could be the older.
    this.#reading = this.#reading.catch(() => {}).then(() => this.#refresh())
    return this.#reading
  }

  /** Renews until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, jitter } = this.#options
    let notBefore = 0
    while (!signal.aborted) {
      const now = clock.now()
      const held = this.held()
      const due = held.filter(({ certificate, isAuthority }) => !isAuthority && isRenewalDue(certificate, { now, jitter }))
      if (due.length > 0 && clock.monotonic() >= notBefore) {
        try {
          await this.refresh()
          log.info({ names: due.map(({ name }) => name) }, 'Renewed certificates')
        } catch (err) {
          log.error({ err, names: due.map(({ name }) => name) }, 'Cannot renew certificates')
          notBefore = clock.monotonic() + retryDelayMs(due)
        }
      }
      this.#warn(now)
      await clock.sleep(CHECK_MS, signal).catch(() => {})
    }
  }

  #warn(now: number): void {
    for (const { name, certificate } of this.held()) {
      if (now < warningTime(certificate) || this.#warned.has(certificate)) continue
      this.#warned.add(certificate)
      const message = `Certificate ${name} ends at ${formatTime(lifeOf(certificate).to)}`
      this.#options.log.warn({ name }, message)
      this.onWarning(message)
    }
  }

  async #refresh(): Promise<void> {
    const before = certificatesOf(this.#present)
    this.#present = await loadOrCreatePki(this.#options)
    if (certificatesOf(this.#present) === before) return
    for (const listener of this.#listeners) listener()
  }
}

function heldCertificates({ ca, server, admin, controllers, etcd }: Pki): HeldCertificate[] {
  const own = (name: string, certificate: string) => ({ name, certificate, isAuthority: false })
  const authorities = (name: string, bundle: string) =>
    certificatesIn(bundle).map(certificate => ({ name, certificate, isAuthority: true }))
  return [
    ...authorities('ca', ca.bundle),
    ...(etcd ? authorities('etcd-ca', etcd.ca.bundle) : []),
    own('server', server.certificate),
    own('admin', admin.certificate),
    own('controllers', controllers.certificate),
    ...(etcd ? [own('etcd-client', etcd.client.certificate)] : []),
    ...(etcd?.member ? [own('etcd-server', etcd.member.server), own('etcd-peer', etcd.member.peer)] : []),
  ]
}

function certificatesOf(pki: Pki): string {
  return heldCertificates(pki)
    .map(({ certificate }) => certificate)
    .join('')
}

function reportOf({ name, certificate }: HeldCertificate, { ca, etcd }: Pki): CertificateReport {
  const issuer = issuerHash(certificate, ca.bundle + (etcd?.ca.bundle ?? ''))
  return { name, issuer: issuer ?? '', expires: formatTime(lifeOf(certificate).to) }
}

/** A hundredth of the shortest life: many tries are left before the end. */
function retryDelayMs(due: readonly HeldCertificate[]): number {
  const lives = due.map(({ certificate }) => lifeOf(certificate)).map(({ from, to }) => to - from)
  return Math.min(RETRY_MS_MAX, Math.min(...lives) / 100)
}
