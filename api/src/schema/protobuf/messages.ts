/**
 * Field numbers of Kubernetes' protobuf messages, kept apart from the schema: they say nothing but where a field is on the
 * wire. One message a line: its name, then its fields by their JSON names in the order of their numbers. `4:` before a field
 * says that numbers go on from there; `?` after it that Go keeps a zero apart from none (a pointer); `*Name` is a message
 * whose fields JSON has in the message around it; `=Name` says of a field that is free in JSON which message protobuf has for
 * it. What else a field holds is told by the schema.
 */
import { ACCESS } from './numbers/access.ts'
import { CLUSTER } from './numbers/cluster.ts'
import { CORE } from './numbers/core.ts'
import { DEVICES } from './numbers/devices.ts'
import { EXTENSION } from './numbers/extension.ts'
import { META } from './numbers/meta.ts'
import { NETWORK } from './numbers/network.ts'
import { STORAGE } from './numbers/storage.ts'
import { WORKLOADS } from './numbers/workloads.ts'

export interface NumberedField {
  /** In JSON; of an embedded message, its name. */
  readonly name: string
  readonly number: number
  readonly embedded: boolean
  /** A zero that is on the wire was set. */
  readonly keepsZero: boolean
  /** Message of a field that is free in JSON. */
  readonly message?: string
}

export interface Message {
  /** Group and version whose message it is; names inside are looked up there first. */
  readonly home: string
  readonly fields: readonly NumberedField[]
}

const TABLES: Readonly<Record<string, string>> = {
  ...CORE,
  ...META,
  ...EXTENSION,
  ...ACCESS,
  ...WORKLOADS,
  ...NETWORK,
  ...CLUSTER,
  ...STORAGE,
  ...DEVICES,
}

/** What a group takes from others is core's or everybody's. */
const SHARED = ['v1', 'meta']

const parsed = new Map<string, ReadonlyMap<string, Message>>()

/** The message behind an OpenAPI component that something of group and version `home` holds; undefined if there is none. */
export function messageOf(component: string, home: string): Message | undefined {
  for (const place of [home, ...SHARED]) {
    const message = tableOf(place)?.get(component)
    if (message) return message
  }
  return undefined
}

function tableOf(home: string): ReadonlyMap<string, Message> | undefined {
  const known = parsed.get(home)
  if (known) return known
  const text = Object.hasOwn(TABLES, home) ? TABLES[home] : undefined
  if (text === undefined) return undefined
  const table = parseTable(home, text)
  parsed.set(home, table)
  return table
}

function parseTable(home: string, text: string): Map<string, Message> {
  // A line that begins with a space goes on with the message before.
  const lines = text.trim().replaceAll('\n ', ' ').split('\n')
  return new Map(
    lines.map(line => {
      const [name = '', ...fields] = line.split(/ +/)
      return [name, { home, fields: parseFields(fields) }]
    }),
  )
}

function parseFields(tokens: readonly string[]): NumberedField[] {
  let last = 0
  return tokens.map(token => {
    const [, number, star, name = '', mark, message] = /^(?:(\d+):)?(\*?)([^?=]+)(\??)(?:=(.+))?$/.exec(token) ?? []
    last = number === undefined ? last + 1 : Number(number)
    return { name, number: last, embedded: star === '*', keepsZero: mark === '?', ...(message !== undefined && { message }) }
  })
}
