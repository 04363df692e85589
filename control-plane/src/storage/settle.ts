/**
 * What became of a transaction whose answer was lost. A transaction is all or nothing, so one key tells of all. Our own
 * bytes are known again: objects carry a uid, sealed values a nonce. Nothing is ever written again here: a repeated
 * create could bring back what somebody has deleted meanwhile.
 */
import type { Clock } from '@davit/api'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import type { EtcdKeyValue } from './ranges.ts'
import type { PreparedOperation } from './transaction.ts'
import type { CommitResult } from './types.ts'

interface Parts {
  readonly members: Members
  readonly space: KeySpace
  readonly clock: Clock
}

/** `pending`: the key is as it was, so the transaction was not applied, or not yet. */
type Finding = { is: 'committed'; revision: number } | { is: 'lost' } | { is: 'pending' } | { is: 'unclear' }

const SETTLE_MS = 4000
const FIRST_DELAY_MS = 50
const HISTORY_MAX = 32

/** Undefined when reading back does not tell. */
export async function settle(
  { members, space, clock }: Parts,
  prepared: readonly PreparedOperation[],
  compared: ReadonlyMap<string, number>,
): Promise<CommitResult | undefined> {
  const start = clock.monotonic()
  for (let delayMs = FIRST_DELAY_MS; ; delayMs *= 2) {
    const leftMs = SETTLE_MS - (clock.monotonic() - start)
    if (leftMs <= 0) return undefined
    try {
      const present = await readBack(members, [...compared.keys()], leftMs)
      const findings = await Promise.all(prepared.map(operation => judge({ members, space, clock }, operation, present)))
      const committed = findings.find(finding => finding.is === 'committed')
      if (committed) return { committed: true, revision: committed.revision }
      const revisions = new Map([...compared.keys()].map(key => [key, modRevision(present.kvs.get(key))]))
      if (findings.some(finding => finding.is === 'lost')) return { committed: false, revisions }
      const moved = [...compared].some(([key, revision]) => revisions.get(key) !== revision)
      // Not applied so far, and something it compares has moved on: it never will be.
      if (moved && findings.some(finding => finding.is === 'pending')) return { committed: false, revisions }
      if (findings.every(finding => finding.is === 'unclear')) return undefined
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

async function judge(parts: Parts, operation: PreparedOperation, present: Awaited<ReturnType<typeof readBack>>): Promise<Finding> {
  const kv = present.kvs.get(operation.key)
  const { expected, value } = operation
  if (!value) {
    if (!kv) return { is: 'committed', revision: present.revision }
    if (modRevision(kv) === expected) return { is: 'pending' }
    return Number(kv.create_revision) > expected ? { is: 'unclear' } : { is: 'lost' }
  }
  if (expected === 0) return judgeCreate(parts, operation, kv)
  if (!kv) return { is: 'unclear' }
  if (modRevision(kv) === expected) return { is: 'pending' }
  return findInHistory(parts.members, operation, kv)
}

function judgeCreate({ space }: Parts, { key, value, uid }: PreparedOperation, kv: EtcdKeyValue | undefined): Finding {
  // Absent may also mean created and deleted since, so a create is never certain to be pending.
  if (!kv) return { is: 'unclear' }
  if (value && kv.value.equals(value)) return { is: 'committed', revision: Number(kv.create_revision) }
  const cache = space.cacheFor(key)
  if (!cache || uid === undefined) return { is: 'unclear' }
  const found = space.decode(cache, { key, revision: modRevision(kv), value: kv.value })
  const same = !found.failure && found.object.metadata.uid === uid
  return same ? { is: 'committed', revision: Number(kv.create_revision) } : { is: 'unclear' }
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
