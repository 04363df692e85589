/** RFC 6902, with the limits and, for what goes wrong, near enough the words of the library Kubernetes uses. */
import { isDeepStrictEqual } from 'node:util'
import type { JsonPatchOperation } from '../client/client.ts'
import { type ApiError, apiError, badRequest } from '../status.ts'
import { checkDepth, isObject, own, put } from './json.ts'

const OPERATIONS_MAX = 10_000
/** Copies may not blow a document up: a few dozen of them would double it to any size. */
const COPIED_BYTES_MAX = 3 << 20

/** Patches that do not apply because something is not as they want it. */
const FAILED_TESTS = new WeakSet<object>()

/** Whether the error is of a patch whose own `test` failed. */
export function isFailedTest(error: unknown): boolean {
  return typeof error === 'object' && error !== null && FAILED_TESTS.has(error)
}

function failedTest(path: string): ApiError {
  const error = rejected(`testing value ${path} failed: test failed`)
  FAILED_TESTS.add(error)
  return error
}

/**
 * Applies all operations or none; `target` is not changed. Throws BadRequest for a malformed patch, Invalid for one that does
 * not fit the target, and RequestEntityTooLarge for one that is too long.
 */
export function applyJsonPatch(target: unknown, operations: readonly JsonPatchOperation[]): unknown {
  if (!Array.isArray(operations)) throw badRequest('a JSON patch must be a list of operations')
  if (operations.length > OPERATIONS_MAX)
    throw apiError('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${operations.length}`)
  checkDepth(operations)
  const document = { root: structuredClone(target) }
  let copiedBytes = 0
  for (const operation of operations) {
    const path = parsePointer(operation?.path)
    switch (operation.op) {
      case 'add':
        add(document, path, structuredClone(wantedValue(operation)), operation)
        break
      case 'remove':
        remove(document, path, operation)
        break
      case 'replace':
        replace(document, path, structuredClone(wantedValue(operation)), operation)
        break
      case 'move': {
        const from = parsePointer(operation.from)
        if (from.length < path.length && from.every((token, i) => token === path[i]))
          throw doesNotApply(operation, `cannot move "${operation.from}" into itself`)
        add(document, path, remove(document, from, operation), operation)
        break
      }
      case 'copy': {
        const value = find(document.root, parsePointer(operation.from))
        if (value === undefined) throw doesNotApply(operation, `doc is missing from path: "${operation.from}": missing value`)
        copiedBytes += JSON.stringify(value).length
        if (copiedBytes > COPIED_BYTES_MAX) throw doesNotApply(operation, `copied more than ${COPIED_BYTES_MAX} bytes`)
        add(document, path, structuredClone(value), operation)
        break
      }
      case 'test':
        // A missing value passes for null, as it does in Kubernetes.
        if (!isDeepStrictEqual(find(document.root, path) ?? null, operation.value ?? null)) throw failedTest(operation.path)
        break
      default:
        throw badRequest(`Unexpected kind: ${String((operation as { op?: unknown }).op)}`)
    }
  }
  return document.root
}

interface Document {
  root: unknown
}

function parsePointer(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/')))
    throw badRequest(`invalid JSON pointer: ${JSON.stringify(pointer) ?? 'none'}`)
  return pointer
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function wantedValue(operation: JsonPatchOperation): unknown {
  if (operation.value === undefined) throw badRequest(`${operation.op} operation of "${operation.path}" has no value`)
  return operation.value
}

function find(value: unknown, path: readonly string[]): unknown {
  let at = value
  for (const token of path) {
    if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(token) ? at[Number(token)] : undefined
    else if (isObject(at)) at = own(at, token)
    else return undefined
  }
  return at
}

function parentOf(document: Document, path: readonly string[], operation: JsonPatchOperation): { parent: unknown; token: string } {
  const parent = find(document.root, path.slice(0, -1))
  if (typeof parent !== 'object' || parent === null)
    throw doesNotApply(operation, `doc is missing path: "${operation.path}": missing value`)
  return { parent, token: path.at(-1) as string }
}

function add(document: Document, path: readonly string[], value: unknown, operation: JsonPatchOperation): void {
  if (path.length === 0) {
    document.root = value
    return
  }
  const { parent, token } = parentOf(document, path, operation)
  if (Array.isArray(parent)) parent.splice(token === '-' ? parent.length : indexOf(token, parent.length, operation), 0, value)
  else put(parent as Record<string, unknown>, token, value)
}

function remove(document: Document, path: readonly string[], operation: JsonPatchOperation): unknown {
  if (path.length === 0) throw doesNotApply(operation, 'the whole document cannot be removed')
  const { parent, token } = parentOf(document, path, operation)
  if (Array.isArray(parent)) return parent.splice(indexOf(token, parent.length - 1, operation), 1)[0]
  const object = parent as Record<string, unknown>
  if (!Object.hasOwn(object, token)) throw doesNotApply(operation, `Unable to remove nonexistent key: ${token}: missing value`)
  const removed = object[token]
  delete object[token]
  return removed
}

function replace(document: Document, path: readonly string[], value: unknown, operation: JsonPatchOperation): void {
  if (path.length === 0) {
    document.root = value
    return
  }
  const { parent, token } = parentOf(document, path, operation)
  if (Array.isArray(parent)) parent[indexOf(token, parent.length - 1, operation)] = value
  else if (Object.hasOwn(parent as object, token)) put(parent as Record<string, unknown>, token, value)
  else throw doesNotApply(operation, `doc is missing key: ${operation.path}: missing value`)
}

function indexOf(token: string, max: number, operation: JsonPatchOperation): number {
  const index = /^(0|[1-9]\d*)$/.test(token) ? Number(token) : Number.NaN
  if (!(index <= max)) throw doesNotApply(operation, `Unable to access invalid index: ${token}: invalid index referenced`)
  return index
}

function doesNotApply({ op }: JsonPatchOperation, why: string): ApiError {
  return rejected(`${op} operation does not apply: ${why}`)
}

function rejected(why: string): ApiError {
  return apiError('Invalid', `the server rejected our request due to an error in our request: ${why}`)
}
