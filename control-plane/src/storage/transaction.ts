/** Operations and guards as one etcd transaction: everything compared on its mod revision, everything written or nothing. */
import type { KubernetesObject } from '@davit/api'
import type { KeySpace } from './key-space.ts'
import type { KeyValueClient } from './members.ts'
import { serializeObject } from './stored-object.ts'
import type { Guard, Operation } from './types.ts'

/** etcd's --max-txn-ops. */
const COMPARES_MAX = 128

/** An operation with the bytes etcd gets. */
export interface PreparedOperation {
  readonly key: string
  /** What the key is compared with; 0: absent. */
  readonly expected: number
  /** Undefined: delete. */
  readonly value: Buffer | undefined
  readonly uid: string | undefined
}

type Transaction = Parameters<KeyValueClient['txn']>[0]

/** Serializes and, for resources that ask for it, encrypts. */
export function prepare(space: KeySpace, operation: Operation): PreparedOperation {
  const { key } = operation
  const expected = operation.type === 'create' ? 0 : operation.revision
  if (operation.type !== 'create' && !(expected > 0))
    throw new Error(`Cannot ${operation.type} "${key}": revision ${expected} is not positive`)
  if (operation.type === 'delete') return { key, expected, value: undefined, uid: undefined }

  const isObject = space.cacheFor(key) !== undefined
  if (typeof operation.value === 'string' && !isObject) return { key, expected, value: Buffer.from(operation.value), uid: undefined }
  const object = typeof operation.value === 'string' ? (JSON.parse(operation.value) as KubernetesObject) : operation.value
  return { key, expected, value: space.encode(key, serializeObject(object)), uid: object.metadata.uid }
}

/** Each key once, with the revision it must be at. */
export function comparisons(prepared: readonly PreparedOperation[], guards: readonly Guard[]): Map<string, number> {
  const compared = new Map<string, number>()
  for (const { key, expected } of prepared) {
    if (compared.has(key)) throw new Error(`Cannot write "${key}" twice in one transaction`)
    compared.set(key, expected)
  }
  for (const { key, revision } of guards) {
    const other = compared.get(key)
    if (other !== undefined && other !== revision) throw new Error(`Cannot compare "${key}" with both ${other} and ${revision}`)
    compared.set(key, revision)
  }
  if (compared.size > COMPARES_MAX) throw new Error(`Cannot commit: ${compared.size} keys are compared, at most ${COMPARES_MAX} may be`)
  return compared
}

/** The failure branch answers with every compared key's revision. */
export function transaction(prepared: readonly PreparedOperation[], compared: ReadonlyMap<string, number>): Transaction {
  return {
    compare: [...compared].map(([key, revision]) => ({ key: Buffer.from(key), target: 'Mod', result: 'Equal', mod_revision: revision })),
    success: prepared.map(({ key, value }) =>
      value ? { request_put: { key: Buffer.from(key), value } } : { request_delete_range: { key: Buffer.from(key) } },
    ),
    failure: [...compared.keys()].map(key => ({ request_range: { key: Buffer.from(key), keys_only: true } })),
  }
}
