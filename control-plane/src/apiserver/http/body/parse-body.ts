/** Request bodies: JSON (also when no Content-Type is given, as kubectl does in places), YAML, and protobuf where an object is wanted. */
import { apiError, badRequest } from '@davit/api'
import { parseDocument, visit } from 'yaml'
import { decodeProtobuf, isProtobuf } from './protobuf.ts'
import { SMALL_BODY_BYTES_MAX, tooLarge } from './read-body.ts'

/** Of server-side apply. */
export const APPLY_PATCH = 'application/apply-patch+yaml'
const MEDIA_TYPES = ['application/json', 'application/yaml']
/** Where an object is wanted. */
export const OBJECT_MEDIA_TYPES = [...MEDIA_TYPES, 'application/vnd.kubernetes.protobuf']
/** Deeper than any object of Kubernetes; a body nested beyond would overflow the stack of whatever walks it. */
const DEPTH_MAX = 200
/** As many as no object of Kubernetes has: each costs far more in memory than the two bytes it may be here. */
const BRACKETS_MAX = 250_000

/** `application/json` of `application/json; charset=utf-8`; empty when there is none. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
}

/**
 * The parsed value. `wanted` is the kind of object that belongs here; without one the body is no object, and protobuf is not read.
 * Throws BadRequest when it does not parse, UnsupportedMediaType for other media types.
 */
export function parseBody(bytes: Buffer, contentType: string | undefined, wanted?: string): unknown {
  const type = mediaType(contentType)
  if (type === '' || type === 'application/json') return parseJson(bytes)
  if (type === 'application/yaml') return parseYamlBody(bytes)
  if (isProtobuf(type) && wanted !== undefined) return decodeProtobuf(bytes, wanted, parseJson)
  throw unsupportedMediaType(wanted === undefined ? MEDIA_TYPES : OBJECT_MEDIA_TYPES)
}

/** A body whatever it is for, patches too; undefined when it is of no kind that is read here. For looking, not for acting. */
export function parseAnyBody(bytes: Buffer, contentType: string | undefined): unknown {
  const type = mediaType(contentType)
  if (type.endsWith('yaml')) return parseYamlOrJson(bytes, SMALL_BODY_BYTES_MAX)
  if (isProtobuf(type)) return decodeProtobuf(bytes, 'Object', parseJson)
  return type === '' || type.endsWith('json') ? parseJson(bytes) : undefined
}

/** Kubernetes' words, which list what would have been accepted. */
export function unsupportedMediaType(accepted: readonly string[], why?: string): Error {
  const text = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`
  return apiError('UnsupportedMediaType', why ? `${text} (${why})` : text)
}

export function parseJson(bytes: Buffer): unknown {
  const beyond = limitBroken(bytes)
  if (beyond) throw badRequest(`couldn't get version/kind; json parse error: ${beyond}`)
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (err) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(err as Error).message}`)
  }
  // A key of this name would reach prototypes wherever objects are merged; written with escapes it is caught as well.
  if (text.includes('__proto__') || text.includes('\\u')) refuseProto(value)
  return value
}

/** YAML, which is mostly JSON: then it is read as that, many times quicker. Throws RequestEntityTooLarge for YAML above `yamlBytesMax`. */
export function parseYamlOrJson(bytes: Buffer, yamlBytesMax: number): unknown {
  if (isJsonObject(bytes)) return parseJson(bytes)
  if (bytes.length > yamlBytesMax) throw tooLarge(yamlBytesMax)
  return parseYamlBody(bytes)
}

/** Whether a body of YAML begins as an object in JSON does, and ends so: braces of YAML's own seldom stand at the outside. */
export function isJsonObject(bytes: Buffer): boolean {
  const text = bytes.toString('utf8')
  if (!/^\s*\{\s*["}]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function parseYamlBody(bytes: Buffer): unknown {
  let value: unknown
  try {
    // The library looks for repeated keys in a time that grows with their square.
    const document = parseDocument(bytes.toString('utf8'), { uniqueKeys: false, prettyErrors: true })
    if (document.errors[0]) throw document.errors[0]
    visit(document, { Map: (_, map) => refuseRepeated(map.items.map(({ key }) => String(key))) })
    value = document.toJS({ maxAliasCount: 50 })
  } catch (err) {
    throw badRequest(`error converting YAML to JSON: ${(err as Error).message}`)
  }
  // Through JSON, so that what follows sees only what JSON can say; aliases become copies.
  const json = JSON.stringify(value)
  return parseJson(Buffer.from(json ?? 'null'))
}

function refuseRepeated(keys: readonly string[]): void {
  const seen = new Set<string>()
  for (const key of keys) {
    if (seen.has(key)) throw new Error(`key ${JSON.stringify(key)} already set in map`)
    seen.add(key)
  }
}

function refuseProto(value: unknown): void {
  if (Array.isArray(value)) value.forEach(refuseProto)
  else if (typeof value === 'object' && value !== null) {
    if (Object.hasOwn(value, '__proto__')) throw badRequest('The key "__proto__" cannot be used in an object')
    Object.values(value).forEach(refuseProto)
  }
}

/** What is wrong with the shape. Looks at brackets outside strings only; a string's bytes above 0x7f never look like one. */
function limitBroken(bytes: Buffer): string | undefined {
  if (bytes.length < DEPTH_MAX) return undefined
  let depth = 0
  let brackets = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEPTH_MAX) return `exceeded max depth of ${DEPTH_MAX}`
      if (++brackets > BRACKETS_MAX) return `exceeded max count of ${BRACKETS_MAX} objects and lists`
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return undefined
}
