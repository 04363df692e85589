/** Brings an etcd cluster that lost its quorum back with one member, from that member's data or from a backup. */
import type { Clock } from '@davit/api'
import type { BackupManifest } from '@davit/api/backup'
import { describeRecovery, type MemberStatus } from './plan.ts'

/** One member's machine: how its etcd is looked at, stopped and run. Deadlines are the implementation's. */
export interface MemberHost {
  readonly member: string
  readonly members: readonly string[]
  /** Names of the members through which a linearizable read succeeds now. */
  answering(): Promise<readonly string[]>
  /** Undefined when it does not run. */
  status(): Promise<MemberStatus | undefined>
  /** Ends everything that uses the data, and keeps it from starting again. */
  stop(): Promise<void>
  /** Copies the data; gives where to. */
  copyData(): Promise<string>
  /** Replaces the data, of which there is a copy, by that of a snapshot, as the only member. */
  restore(snapshot: string): Promise<void>
  /** Runs etcd on the data as the only member until it answers, then stops it; gives its revision. */
  runAlone(): Promise<number>
  /** Starts everything as it was before. */
  start(): Promise<void>
}

export interface RecoverOptions {
  readonly archive?: { readonly manifest: BackupManifest; readonly snapshot: string } | undefined
  /** Told what is being done and what comes of it, a line each. */
  readonly report: (line: string) => void
  readonly confirm: () => Promise<boolean>
  readonly clock: Clock
  /** How long the quorum must be silent to count as lost. Members elect a leader within a few seconds. */
  readonly silenceMs?: number
}

const SILENCE_MS = 15_000
const ASK_EVERY_MS = 1000

export interface Recovered {
  readonly revision: number
  readonly copy: string
}

/** Throws, having changed nothing, when the quorum is alive; undefined when the person does not confirm. */
export async function recover(
  host: MemberHost,
  { archive, report, confirm, clock, silenceMs = SILENCE_MS }: RecoverOptions,
): Promise<Recovered | undefined> {
  const { member, members } = host
  report('Looking whether etcd has lost its quorum')
  const answering = await firstAnswers(host, { clock, silenceMs })
  if (answering.length > 0) {
    throw new Error(
      `etcd has its quorum: ${answering.join(', ')} ${answering.length === 1 ? 'answers' : 'answer'}. Recovering would cut the others off and lose data; nothing was changed.\n` +
        'To put a new machine in the place of a lost one: davit init --replace NAME',
    )
  }
  const status = await host.status()
  for (const line of describeRecovery({ member, members, status, archive: archive?.manifest })) report(line)
  if (!(await confirm())) return undefined

  report('Stopping the control plane and etcd on this machine')
  await host.stop()
  const copy = await host.copyData()
  report(`Copied etcd's data to ${copy}`)
  try {
    if (archive) await host.restore(archive.snapshot)
    report(`Starting etcd member ${member} alone`)
    const revision = await host.runAlone()
    report(`It answers, at revision ${revision}`)
    await host.start()
    return { revision, copy }
  } catch (cause) {
    throw new Error(
      `Not recovered: ${(cause as Error).message}\nThe data as it was is in ${copy}; running davit recover again starts over.`,
      { cause },
    )
  }
}

async function firstAnswers(host: MemberHost, { clock, silenceMs }: { clock: Clock; silenceMs: number }): Promise<readonly string[]> {
  for (const startMs = clock.monotonic(); ; ) {
    const answering = await host.answering()
    if (answering.length > 0 || clock.monotonic() - startMs >= silenceMs) return answering
    await clock.sleep(ASK_EVERY_MS)
  }
}
