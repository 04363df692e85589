/** Messages of Kubernetes that are read in protobuf besides DeleteOptions: what kubectl >= 1.32 asks with. Numbers from its `.proto` files. */
import { hasEnvelope, openEnvelope, readFields, type WireValue } from './protobuf.ts'

type Field = 'string' | 'int64' | 'strings' | 'strings by name' | Message | readonly [Message]
interface Message {
  readonly [name: string]: readonly [number: number, field: Field]
}

const METADATA: Message = { name: [1, 'string'], generateName: [2, 'string'], namespace: [3, 'string'] }

const REQUIREMENT: Message = { key: [1, 'string'], operator: [2, 'string'], values: [3, 'strings'] }
const SELECTOR: Message = { rawSelector: [1, 'string'], requirements: [2, [REQUIREMENT]] }
const ACCESS: Message = {
  resourceAttributes: [
    1,
    {
      namespace: [1, 'string'],
      verb: [2, 'string'],
      group: [3, 'string'],
      version: [4, 'string'],
      resource: [5, 'string'],
      subresource: [6, 'string'],
      name: [7, 'string'],
      fieldSelector: [8, SELECTOR],
      labelSelector: [9, SELECTOR],
    },
  ],
  nonResourceAttributes: [2, { path: [1, 'string'], verb: [2, 'string'] }],
}
const SUBJECT_ACCESS: Message = {
  ...ACCESS,
  user: [3, 'string'],
  groups: [4, 'strings'],
  extra: [5, 'strings by name'],
  uid: [6, 'string'],
}
const TOKEN_REQUEST: Message = {
  audiences: [1, 'strings'],
  boundObjectRef: [3, { kind: [1, 'string'], apiVersion: [2, 'string'], name: [3, 'string'], uid: [4, 'string'] }],
  expirationSeconds: [4, 'int64'],
}

const withSpec = (spec: Message): Message => ({ metadata: [1, METADATA], spec: [2, spec] })

const MESSAGES: Readonly<Record<string, Message>> = {
  'authentication.k8s.io/v1 TokenRequest': withSpec(TOKEN_REQUEST),
  'authentication.k8s.io/v1 TokenReview': withSpec({ token: [1, 'string'], audiences: [2, 'strings'] }),
  'authentication.k8s.io/v1 SelfSubjectReview': { metadata: [1, METADATA] },
  'authorization.k8s.io/v1 SubjectAccessReview': withSpec(SUBJECT_ACCESS),
  'authorization.k8s.io/v1 LocalSubjectAccessReview': withSpec(SUBJECT_ACCESS),
  'authorization.k8s.io/v1 SelfSubjectAccessReview': withSpec(ACCESS),
  'authorization.k8s.io/v1 SelfSubjectRulesReview': withSpec({ namespace: [1, 'string'] }),
}

/** The object as JSON would have it; undefined when its kind is none of those read here. Throws BadRequest when it is malformed. */
export function decodeMessage(bytes: Buffer): Record<string, unknown> | undefined {
  if (!hasEnvelope(bytes)) return undefined
  const { apiVersion, kind, raw } = openEnvelope(bytes)
  const name = `${apiVersion} ${kind}`
  const message = Object.hasOwn(MESSAGES, name) ? MESSAGES[name] : undefined
  return message && { apiVersion, kind, ...objectOf(message, raw) }
}

function objectOf(message: Message, bytes: Buffer): Record<string, unknown> {
  const fields = readFields(bytes)
  const object: Record<string, unknown> = {}
  for (const [name, [number, field]] of Object.entries(message)) {
    const value = fieldValue(field, fields.get(number) ?? [])
    if (value !== undefined) object[name] = value
  }
  return object
}

function fieldValue(field: Field, found: readonly WireValue[]): unknown {
  const last = found.at(-1)
  if (!last) return undefined
  if (field === 'int64') return last.wire === 'varint' ? Number(BigInt.asIntN(64, last.value)) : undefined
  const all = found.map(value => (value.wire === 'bytes' ? value.value : Buffer.alloc(0)))
  const latest = all.at(-1)!
  // Go writes a text that is not set as an empty one.
  if (field === 'string') return latest.toString() || undefined
  if (field === 'strings') return all.map(bytes => bytes.toString())
  if (field === 'strings by name') return Object.fromEntries(all.map(entryOf).filter(([name]) => name !== '__proto__'))
  if (isList(field)) return all.map(bytes => objectOf(field[0], bytes))
  return objectOf(field, latest)
}

function isList(field: Message | readonly [Message]): field is readonly [Message] {
  return Array.isArray(field)
}

/** One entry of a map from texts to lists of texts. */
function entryOf(bytes: Buffer): [string, string[]] {
  const { name = '', list = {} } = objectOf({ name: [1, 'string'], list: [2, { items: [1, 'strings'] }] }, bytes)
  return [String(name), (list as { items?: string[] }).items ?? []]
}
