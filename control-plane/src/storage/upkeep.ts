/** What one process does for etcd on behalf of all: history is forgotten some time after it was made. */
import type { Clock, Logger } from '@davit/api'
import type { EtcdStorage } from './create-storage.ts'

export interface UpkeepOptions {
  readonly storage: Pick<EtcdStorage, 'compact' | 'currentRevision'>
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
  /** How often; default 5 min. */
  readonly intervalMs?: number
  /** How much history stays; default 10 min. Watches that resume and lists that go on need it. */
  readonly keepMs?: number
}

/** To be run by the leader only. Settles once `signal` has aborted. */
export async function startUpkeep({ storage, log, clock, signal, intervalMs = 300_000, keepMs = 600_000 }: UpkeepOptions): Promise<void> {
  let marks: { revision: number; atMs: number }[] = []
  while (!signal.aborted) {
    try {
      const nowMs = clock.monotonic()
      marks.push({ revision: await storage.currentRevision(signal), atMs: nowMs })
      const due = marks.findLast(mark => nowMs - mark.atMs >= keepMs)
      if (due) {
        await storage.compact(due.revision)
        marks = marks.filter(mark => mark.atMs > due.atMs)
        log.debug({ revision: due.revision }, 'Compacted etcd')
      }
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'Cannot compact etcd')
    }
    await clock.sleep(intervalMs, signal).catch(() => {})
  }
}
