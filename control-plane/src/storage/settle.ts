/**
 * What became of a transaction whose answer was lost. First the fence is raised, so that it was applied by now or never will be; then
 * reading back tells which. A transaction is all or nothing, so one key tells of all. Our own bytes are known again: objects carry a
 * uid, sealed values a nonce.
 */
import type { Clock } from '@davit/api'
import type { Fence } from './fence.ts'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import type { EtcdKeyValue } from './ranges.ts'
import type { PreparedOperation } from './transaction.ts'
import type { CommitResult } from './types.ts'

interface Parts {
  readonly members: Members
  readonly space: KeySpace
  readonly fence: Fence
  readonly clock: Clock
}

/** What was sent, and from which revision on it can have been applied. */
interface Sent {
  readonly prepared: readonly PreparedOperation[]
  readonly compared: ReadonlyMap<string, number>
  readonly since: number
}

/** `lost`: somebody else's write came first. `unmade`: the key is as it was, so the transaction was not applied. */
type Finding = { is: 'committed'; revision: number } | { is: 'lost' } | { is: 'unmade' } | { is: 'unclear' }

const SETTLE_MS = 4000
/** How long the cache may take to have seen everything up to the fence. */
const REACH_MS = 3000
const FIRST_DELAY_MS = 50
const HISTORY_MAX = 32

/** `unmade`: nothing was written, nor will be. Undefined when it cannot be found out. */
export async function settle(parts: Parts, sent: Sent, fencedAt: number): Promise<CommitResult | 'unmade' | undefined> {
  const { members, fence, clock } = parts
  const { prepared, compared } = sent
  const start = clock.monotonic()
  for (let delayMs = FIRST_DELAY_MS; ; delayMs *= 2) {
    const leftMs = SETTLE_MS - (clock.monotonic() - start)
    if (leftMs <= 0) return undefined
    try {
      const raisedTo = await fence.raisedAbove(fencedAt)
      const present = await readBack(members, [...compared.keys()], leftMs)
      const findings = await Promise.all(prepared.map(operation => judge(parts, operation, { present, raisedTo, since: sent.since })))
      const committed = findings.find(finding => finding.is === 'committed')
      if (committed) return { committed: true, revision: committed.revision }
      const revisions = new Map([...compared.keys()].map(key => [key, modRevision(present.kvs.get(key))]))
      if (findings.some(finding => finding.is === 'lost')) return { committed: false, revisions }
      if (findings.some(finding => finding.is === 'unmade')) return 'unmade'
      return undefined
    } catch {
      // etcd is away still; there may be time to ask again.
    }
    await clock.sleep(Math.min(delayMs, Math.max(0, SETTLE_MS - (clock.monotonic() - start))))
  }
}

async function readBack(members: Members, keys: readonly string[], timeoutMs: number) {
  const success = keys.map(key => ({ request_range: { key: Buffer.from(key) } }))
  const response = await members.read('read back', (kv, options) => kv.txn({ success }, options), { timeoutMs })
  const kvs = new Map(keys.map((key, at): [string, EtcdKeyValue | undefined] => [key, response.responses[at]?.response_range?.kvs[0]]))
  return { kvs, revision: Number(response.header.revision) }
}

interface Evidence {
  readonly present: Awaited<ReturnType<typeof readBack>>
  readonly since: number
  readonly raisedTo: number
}

async function judge(parts: Parts, operation: PreparedOperation, evidence: Evidence): Promise<Finding> {
  const { present } = evidence
  const kv = present.kvs.get(operation.key)
  const { expected, value } = operation
  if (!value) {
    if (!kv) return { is: 'committed', revision: present.revision }
    if (modRevision(kv) === expected) return { is: 'unmade' }
    return Number(kv.create_revision) > expected ? { is: 'unclear' } : { is: 'lost' }
  }
  if (expected === 0) return judgeCreate(parts, operation, { ...evidence, kv })
  if (!kv) return { is: 'unclear' }
  if (modRevision(kv) === expected) return { is: 'unmade' }
  return findInHistory(parts.members, operation, kv)
}

async function judgeCreate(
  { space }: Parts,
  { key, value, uid }: PreparedOperation,
  { kv, since, raisedTo }: Evidence & { kv: EtcdKeyValue | undefined },
): Promise<Finding> {
  if (kv && value && kv.value.equals(value)) return { is: 'committed', revision: Number(kv.create_revision) }
  const cache = space.cacheFor(key)
  if (!cache || uid === undefined) return { is: 'unclear' }
  if (kv) {
    const found = space.decode(cache, { key, revision: modRevision(kv), value: kv.value })
    if (!found.failure && found.object.metadata.uid === uid) return { is: 'committed', revision: Number(kv.create_revision) }
  }
  // Not there, but it may have been and been deleted since: the events since then tell.
  if (!(await space.progress.reached(raisedTo, { timeoutMs: REACH_MS }))) return { is: 'unclear' }
  const events = cache.ring.since(since)
  if (!events) return { is: 'unclear' }
  const ours = events.find(event => event.key === key && event.stored && !event.stored.failure && event.stored.object.metadata.uid === uid)
  if (ours) return { is: 'committed', revision: ours.revision }
  return { is: kv ? 'lost' : 'unmade' }
}

/** Walks back over the key's versions to the one that followed `expected`: ours, or somebody else's. */
async function findInHistory(members: Members, { key, expected, value }: PreparedOperation, kv: EtcdKeyValue): Promise<Finding> {
  let version = kv
  for (let step = 0; step < HISTORY_MAX; step++) {
    const revision = modRevision(version)
    if (value && version.value.equals(value)) return { is: 'committed', revision }
    const before = await members.read('read back', (client, options) =>
      client.range({ key: Buffer.from(key), revision: revision - 1 }, options),
    )
    const older = before.kvs[0]
    if (!older) return { is: 'unclear' }
    if (modRevision(older) === expected) return { is: 'lost' }
    version = older
  }
  return { is: 'unclear' }
}

function modRevision(kv: EtcdKeyValue | undefined): number {
  return Number(kv?.mod_revision ?? 0)
}
