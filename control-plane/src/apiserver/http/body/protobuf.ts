/** Request bodies in protobuf, which kubectl >= 1.32, Helm >= 3.17 and controllers send for the kinds that Kubernetes has built in. */
import {
  type ApiError,
  apiVersionOf,
  badRequest,
  deleteOptionsSchema,
  describeSchema,
  describeZod,
  kindFor,
  type ObjectNode,
  REVIEW_KINDS,
  SPOKEN_KINDS,
} from '@davit/api'
import { decodeMessage, type Envelope, openEnvelope, ProtobufError } from '@davit/api/protobuf'

export function isProtobuf(mediaType: string): boolean {
  return mediaType === 'application/vnd.kubernetes.protobuf'
}

const UNSTORED = new Map([...REVIEW_KINDS, ...SPOKEN_KINDS].map(kind => [`${apiVersionOf(kind)} ${kind.kind}`, kind]))

/**
 * The object as JSON would have it, with its apiVersion and kind. Throws BadRequest in Kubernetes' words when it is malformed,
 * or of no kind known; `wanted` is the kind that belongs here.
 */
export function decodeProtobuf(bytes: Buffer, wanted: string, parseJson: (bytes: Buffer) => unknown): Record<string, unknown> {
  const { apiVersion, kind, raw } = within(
    () => openEnvelope(bytes),
    why => unrecognized(bytes, wanted, why),
  )
  const refuse = (why: string) => {
    if (!kind) return unrecognized(bytes, wanted, why)
    return badRequest(`${kind} in version ${JSON.stringify(apiVersion.split('/').at(-1))} cannot be handled as a ${wanted}: ${why}`)
  }
  const node = schemaOf({ apiVersion, kind })
  if (!node) throw refuse(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`)
  const object = within(() => decodeMessage(node, raw, { home: apiVersion, parseJson }), refuse)
  return { ...object, apiVersion, kind }
}

/** Options belong to every group. */
function schemaOf({ apiVersion, kind }: Pick<Envelope, 'apiVersion' | 'kind'>): ObjectNode | undefined {
  if (kind === 'DeleteOptions') return describeZod(deleteOptionsSchema()) as ObjectNode
  const found = kindFor(apiVersion, kind) ?? UNSTORED.get(`${apiVersion} ${kind}`)
  return found && describeSchema(found)
}

function within<T>(decode: () => T, refuse: (why: string) => ApiError): T {
  try {
    return decode()
  } catch (err) {
    if (err instanceof ProtobufError) throw refuse(err.message)
    throw err
  }
}

function unrecognized(bytes: Buffer, wanted: string, why: string): ApiError {
  return badRequest(`the object provided is unrecognized (must be of type ${wanted}): ${why} (${summaryOf(bytes)})`)
}

const SUMMARY_BYTES = 30

function summaryOf(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>'
  const start = bytes.subarray(0, SUMMARY_BYTES)
  const text = bytes[0] === 0x7b ? start.toString() : start.toString('hex')
  return bytes.length > SUMMARY_BYTES ? `${text} ...` : text
}
