/** Carries out the plan of a change of the CA, step by step, and tells of it. */
import { X509Certificate } from 'node:crypto'
import { type Clock, deadlineSignal, type HttpClient, isReason, publicKeyHash, secretKind } from '@davit/api'
import { AUTHORITIES_SECRET, AUTHORITY_DAYS, authoritiesIn, authoritiesSecret, createAuthority } from '@davit/api/pki'
import { type ClusterCertificates, type Holder, observeCertificates } from './observe.ts'
import { type Phase, phaseOf, planRotation, type Step } from './plan-rotation.ts'

export interface RotationOptions {
  readonly client: HttpClient
  /** Brings along what is kept outside of the cluster; called with what the Secret holds, before each step. */
  readonly follow: (authorities: string) => Promise<void>
  /** Wait for no node that is away. */
  readonly force: boolean
  /** How long a phase may take without anybody coming along. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly report: (line: string) => void
}

const POLL_MS = 1000
const CALL_MS_MAX = 15_000
const NAMED_MAX = 8
const WAITED_FOR: Readonly<Record<Phase, string>> = {
  trust: 'to trust both CAs',
  sign: 'to show certificates of the new CA',
  remove: 'to forget the old CA',
}

/** Resolves once one new CA is all there is. Throws with who is waited for when nobody comes along for `timeoutMs`; running it again goes on. */
export async function rotateAuthority(options: RotationOptions): Promise<void> {
  const { client, follow, force, timeoutMs, clock, report } = options
  const patience = new Patience(clock, timeoutMs)
  for (let isBegun = false; ; isBegun = true) {
    const observed = await observePatiently(options, patience)
    if (!isBegun && phaseOf(observed)) report('Going on with the change that was begun before.')
    await follow(observed.authorities)
    const step = planRotation(observed, { isBegun, force })
    if (step.do === 'nothing') return report(`Done. The CA is ${nameOf(observed.certificates[0])}.`)
    if (step.do === 'wait') {
      if (patience.sees(step.phase + step.blocking.map(({ name }) => name).join())) report(`${waitLine(step)} …`)
      if (patience.isOver) throw new Error(`${waitLine(step)}, in vain for ${timeoutMs / 1000} s.\n${remedy(step.blocking)}`)
      await clock.sleep(POLL_MS)
      continue
    }
    const authorities = await takeStep(step.do, observed, clock)
    await write(client, authorities, observed.resourceVersion)
    patience.sees(step.do)
    report(told(step.do, observed, authorities))
  }
}

/** Who is away and what becomes of them when nobody waits; empty when all are there. */
export function whatBreaks(holders: readonly Holder[]): string {
  const away = holders.filter(({ kind, isReachable }) => kind === 'node' && !isReachable)
  if (away.length === 0) return ''
  const names = away.map(({ name }) => name)
  return `Not waiting for ${names.join(', ')}: once back, ${names.length === 1 ? 'it' : 'each'} must join again, by ${away.map(describeWayBack).join(', ')}. Pods there run on.`
}

/** A command, and for one whose output is a command where to run that. */
export function describeWayBack({ name, wayBack }: Holder): string {
  return `"${wayBack}"${wayBack.startsWith('davit token') ? ` and, on ${name}, what that prints` : ''}`
}

class Patience {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #seen = ''
  #movedAt: number

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#movedAt = clock.monotonic()
  }

  get isOver(): boolean {
    return this.#clock.monotonic() - this.#movedAt > this.#timeoutMs
  }

  /** Whether this is something new, from which on time counts afresh. */
  sees(state: string): boolean {
    if (state === this.#seen) return false
    this.#seen = state
    this.#movedAt = this.#clock.monotonic()
    return true
  }
}

/** API servers come and go meanwhile. */
async function observePatiently({ client, clock }: RotationOptions, patience: Patience): Promise<ClusterCertificates> {
  for (;;) {
    try {
      return await observeCertificates(client, clock.now(), deadlineSignal(CALL_MS_MAX))
    } catch (err) {
      const isPassing = isReason(err, 'ServiceUnavailable') || isReason(err, 'Timeout') || isReason(err, 'InternalError')
      if (!isPassing || patience.isOver) throw err
      await clock.sleep(POLL_MS)
    }
  }
}

type Change = Exclude<Step['do'], 'wait' | 'nothing'>

/** The text of the CAs after a step. */
async function takeStep(step: Change, { authorities }: ClusterCertificates, clock: Clock): Promise<string> {
  const pairs = authoritiesIn(authorities)
  if (step === 'add') return textOf([...pairs, await newAuthority(clock.now())])
  // The newest signs; it was put last.
  if (step === 'switch') return textOf([pairs.at(-1)!, ...pairs.slice(0, -1)])
  return textOf(pairs.slice(0, 1))
}

function newAuthority(now: number) {
  const stamp = new Date(now).toISOString().replace(/\.\d+|[-:]/g, '')
  return createAuthority(`davit-ca-${stamp}`, { now, days: AUTHORITY_DAYS })
}

function textOf(pairs: readonly { certificate: string; key: string }[]): string {
  return pairs.map(({ certificate, key }) => certificate + key).join('')
}

async function write(client: HttpClient, authorities: string, resourceVersion: string): Promise<void> {
  const secret = authoritiesSecret(authorities)
  try {
    await client
      .resource(secretKind)
      .update({ ...secret, metadata: { ...secret.metadata, resourceVersion } }, { signal: deadlineSignal(CALL_MS_MAX) })
  } catch (err) {
    if (!isReason(err, 'Conflict')) throw err
    throw new Error(`Somebody else changes Secret ${AUTHORITIES_SECRET.name} at this moment; run this again to go on`, { cause: err })
  }
}

function told(step: Change, { certificates }: ClusterCertificates, authorities: string): string {
  const after = authoritiesIn(authorities).map(({ certificate }) => certificate)
  if (step === 'add') return `Added CA ${nameOf(after.at(-1))}: it is trusted, ${nameOf(after[0])} still signs.`
  if (step === 'switch') return `CA ${nameOf(after[0])} signs from now on; ${nameOf(after[1])} is still trusted.`
  return `Removed CA ${nameOf(certificates[1])}.`
}

function nameOf(certificate: string | undefined): string {
  if (!certificate) return 'unknown'
  const name = /^CN=(.*)$/m.exec(new X509Certificate(certificate).subject)?.[1] ?? ''
  return `${name} (${publicKeyHash(certificate).slice(0, 'sha256:'.length + 12)})`
}

function waitLine({ phase, blocking }: Extract<Step, { do: 'wait' }>): string {
  const names = blocking.slice(0, NAMED_MAX).map(({ kind, name, isReachable }) => `${kind} ${name}${isReachable ? '' : ' (away)'}`)
  const more = blocking.length > NAMED_MAX ? ` and ${blocking.length - NAMED_MAX} more` : ''
  return `Waiting for ${names.join(', ')}${more} ${WAITED_FOR[phase]}`
}

function remedy(blocking: readonly Holder[]): string {
  const isAway = blocking.some(({ isReachable }) => !isReachable)
  return isAway
    ? 'Bring back those that are away, or remove their Nodes, and run this again to go on; with --force it goes on without them, and they must join again.'
    : 'See their logs, and run this again to go on.'
}
