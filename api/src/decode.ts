/**
 * From parsed JSON to an object of a kind, on the way of every write: types are checked, nulls dropped, unknown fields taken
 * out and named, and times, amounts and bytes brought into their one form. Walks the tree of `describeSchema`.
 */
import { apiVersionOf, type Kind } from './kind.ts'
import type { KubernetesObject, ObjectMeta } from './meta.ts'
import { formatQuantity } from './quantity.ts'
import { canonicalBase64, canonicalTime } from './schema/canonical.ts'
import { checkAgainst } from './schema/check.ts'
import { describeSchema, type ObjectNode, type ScalarNode, type SchemaNode } from './schema/describe.ts'
import { type ApiError, badRequest, type FieldError } from './status.ts'

export interface Decoded<T extends KubernetesObject> {
  /** Fresh; only parts of free form are shared with the input. */
  object: T
  /** Paths such as `spec.template.spec.containers[0].foo`, in the order found, at most 100; the fields are not in `object`. */
  unknownFields: string[]
  /** Fields that are missing or have an unknown named value; for the same 422 as the kind's own rules. */
  errors: FieldError[]
}

/**
 * An object of `kind` from parsed JSON; defaults are not applied. Throws ApiError BadRequest in Kubernetes' words when it is
 * of another kind or version or when a value has the wrong type.
 */
export function decodeObject<T extends KubernetesObject>(kind: Kind<T>, raw: unknown): Decoded<T> {
  if (!isObject(raw)) throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind})`)
  checkType(kind, raw)
  if (kind.custom) {
    const { object, unknownFields } = kind.custom.decode(raw)
    return { object: object as unknown as T, unknownFields, errors: [] }
  }
  const node = describeSchema(kind)
  const walk = new Walk(kind)
  const object = walk.object(node, raw, { path: '', goPath: '', struct: kind.kind })
  object.apiVersion = apiVersionOf(kind)
  object.kind = kind.kind
  object.metadata ??= {}
  const decoded = object as unknown as T
  const unknownFields = [...walk.unknownFields, ...(kind.unknownFields?.(decoded) ?? [])].slice(0, UNKNOWN_FIELDS_MAX)
  return { object: decoded, unknownFields, errors: schemaErrors(kind, decoded) }
}

/** An object's metadata by itself: of objects whose kind has another schema. Throws as `decodeObject`. */
export function decodeMetadata(
  kind: Pick<Kind, 'kind' | 'version'>,
  node: ObjectNode,
  raw: Readonly<Record<string, unknown>>,
  path = 'metadata',
): { metadata: ObjectMeta; unknownFields: string[] } {
  const walk = new Walk(kind)
  const metadata = walk.object(node, raw, { path, goPath: path, struct: 'ObjectMeta' })
  return { metadata, unknownFields: walk.unknownFields }
}

/**
 * Required and NotSupported errors of an object whose types are right, such as one that was just decoded or patched. Metadata
 * has rules of its own, and what the system reports in `status` is not judged.
 */
export function schemaErrors<T extends KubernetesObject>(kind: Kind<T>, object: T): FieldError[] {
  // A user's schema is judged with the kind's own rules.
  if (kind.custom) return []
  const { metadata: _, status: __, ...judged } = object as T & { status?: unknown }
  return checkAgainst(describeSchema(kind), judged)
}

/** Version and kind, where the data names them, must be the ones expected. */
function checkType<T extends KubernetesObject>(kind: Kind<T>, raw: Readonly<Record<string, unknown>>): void {
  const wanted = apiVersionOf(kind)
  if (raw.apiVersion && raw.apiVersion !== wanted) {
    throw badRequest(`the API version in the data (${raw.apiVersion}) does not match the expected API version (${wanted})`)
  }
  if (raw.kind && raw.kind !== kind.kind) {
    throw badRequest(`${raw.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`)
  }
}

/** Where the walk is: for people (`spec.containers[0]`), as Go names it (`spec.containers`), and in which struct. */
interface Place {
  readonly path: string
  readonly goPath: string
  readonly struct: string
}

/** As many as Kubernetes names. */
const UNKNOWN_FIELDS_MAX = 100
const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)

class Walk {
  readonly unknownFields: string[] = []
  readonly #prefix: string

  constructor(kind: { readonly kind: string; readonly version: string }) {
    this.#prefix = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`
  }

  object(node: ObjectNode, value: Readonly<Record<string, unknown>>, { path, goPath }: Place): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const struct = node.component ?? ''
    for (const name of Object.keys(value)) {
      const given = value[name]
      if (given === null || given === undefined) continue
      const field = node.fields[name]
      const fieldPath = path ? `${path}.${name}` : name
      if (!field) {
        if (this.unknownFields.length < UNKNOWN_FIELDS_MAX) this.unknownFields.push(fieldPath)
        continue
      }
      const decoded = this.#value(field, given, { path: fieldPath, goPath: goPath ? `${goPath}.${name}` : name, struct })
      if (decoded !== undefined) result[name] = decoded
    }
    return result
  }

  #value(node: SchemaNode, value: unknown, place: Place): unknown {
    switch (node.type) {
      case 'object':
        if (!isObject(value)) throw this.#wrongType(node, value, place)
        return this.object(node, value, place)
      case 'map':
        if (!isObject(value)) throw this.#wrongType(node, value, place)
        return this.#map(node.values, value, place)
      case 'list':
        if (!Array.isArray(value)) throw this.#wrongType(node, value, place)
        return this.#list(node.items, value, place)
      default:
        return this.#scalar(node, value, place)
    }
  }

  /** An empty map is the same as none, as in Go, so that equal objects are stored equally. */
  #map(values: SchemaNode, value: Readonly<Record<string, unknown>>, place: Place): Record<string, unknown> | undefined {
    const result: Record<string, unknown> = {}
    let isEmpty = true
    for (const key of Object.keys(value)) {
      const given = value[key]
      if (given === null || given === undefined) continue
      const decoded = this.#value(values, given, { ...place, path: `${place.path}[${key}]` }) ?? emptyOf(values)
      // A key of the user's; plain assignment would set the prototype.
      if (key === '__proto__') Object.defineProperty(result, key, { value: decoded, enumerable: true, writable: true, configurable: true })
      else result[key] = decoded
      isEmpty = false
    }
    return isEmpty ? undefined : result
  }

  #list(items: SchemaNode, value: readonly unknown[], place: Place): unknown[] | undefined {
    const result: unknown[] = []
    for (const [index, item] of value.entries()) {
      if (item === null || item === undefined) continue
      const decoded = this.#value(items, item, { ...place, path: `${place.path}[${index}]` })
      if (decoded !== undefined) result.push(decoded)
    }
    return result.length === 0 ? undefined : result
  }

  #scalar(node: ScalarNode, value: unknown, place: Place): unknown {
    switch (node.type) {
      case 'any':
        return value
      case 'string':
        if (typeof value !== 'string') throw this.#wrongType(node, value, place)
        return this.#string(node, value)
      case 'boolean':
        if (typeof value !== 'boolean') throw this.#wrongType(node, value, place)
        return value
      case 'number':
        if (typeof value !== 'number') throw this.#wrongType(node, value, place)
        return value
      case 'integer':
        if (!isInteger(value, node.format)) throw this.#wrongType(node, value, place)
        return value
      case 'int-or-string':
        if (typeof value === 'string' || isInteger(value, 'int32')) return value
        throw this.#refuse(`json: cannot unmarshal ${goKind(value)} into Go value of type int32`)
      case 'quantity':
        return this.#canonical(() => formatQuantity(typeof value === 'number' ? value : typeof value === 'string' ? value.trim() : '?'))
    }
  }

  #string(node: ScalarNode, value: string): string | undefined {
    if (node.format === 'date-time') return this.#canonical(() => canonicalTime(value, node.meta.precision))
    if (node.format === 'byte') return this.#canonical(() => canonicalBase64(value))
    // An empty named value means that none was chosen.
    return node.enum && value === '' ? undefined : value
  }

  #canonical(make: () => string): string {
    try {
      return make()
    } catch (error) {
      if (error instanceof RangeError) throw this.#refuse(error.message)
      throw error
    }
  }

  #wrongType(node: SchemaNode, value: unknown, { goPath, struct }: Place): ApiError {
    return this.#refuse(`json: cannot unmarshal ${goValue(node, value)} into Go struct field ${struct}.${goPath} of type ${goType(node)}`)
  }

  #refuse(why: string): ApiError {
    return badRequest(`${this.#prefix}: ${why}`)
  }
}

/** What an empty value of a map is: the key is there all the same. */
function emptyOf({ type }: SchemaNode): unknown {
  return type === 'list' ? [] : type === 'map' || type === 'object' ? {} : ''
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isInteger(value: unknown, format: string | undefined): value is number {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false
  return format !== 'int32' || (value >= INT32_MIN && value <= INT32_MAX)
}

/** What Go calls the JSON value. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/** A number that does not fit is quoted, one of the wrong type is not. */
function goValue(node: SchemaNode, value: unknown): string {
  return node.type === 'integer' && typeof value === 'number' ? `number ${value}` : goKind(value)
}

function goType(node: SchemaNode): string {
  switch (node.type) {
    case 'object':
      return `v1.${node.component ?? 'object'}`
    case 'list':
      return `[]${goType(node.items)}`
    case 'map':
      return `map[string]${goType(node.values)}`
    case 'integer':
      return node.format ?? 'int64'
    case 'number':
      return 'float64'
    case 'boolean':
      return 'bool'
    case 'quantity':
      return 'resource.Quantity'
    case 'any':
      return 'interface {}'
    default:
      return 'string'
  }
}
