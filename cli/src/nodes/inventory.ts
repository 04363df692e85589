/** Hosts in a YAML file, each with what is its own. */
import { parse } from 'yaml'
import { parseTarget, type SshTarget } from '../ssh/index.ts'

/** One machine to add. */
export interface HostSpec {
  /** As the user wrote it. */
  readonly text: string
  readonly target: SshTarget
  readonly name?: string | undefined
  /** Address at which other nodes reach it. */
  readonly address?: string | undefined
  readonly labels: readonly string[]
  readonly taints: readonly string[]
  readonly identityFile?: string | undefined
  readonly jump?: string | undefined
  /** Flags of its agent. */
  readonly flags: Readonly<Record<string, string>>
}

const KEYS = ['host', 'user', 'port', 'name', 'address', 'labels', 'taints', 'identityFile', 'jump', 'flags'] as const

/**
 * Reads `hosts:` (and `defaults:`, which holds for each that does not say otherwise). Throws, naming the host and the key.
 *
 *     defaults: { user: admin }
 *     hosts:
 *       - host: 10.0.0.21
 *         name: web-1
 *         labels: { disk: ssd }
 *         taints: [gpu=yes:NoSchedule]
 */
export function parseInventory(content: string, file: string): HostSpec[] {
  let value: unknown
  try {
    value = parse(content)
  } catch (err) {
    throw new Error(`${file} is not YAML: ${(err as Error).message.split('\n')[0]}`)
  }
  const { hosts, defaults, ...others } = mapOf(value, file)
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw new Error(`${file}: "${unknown}" is nothing it can hold: want hosts and defaults`)
  if (!Array.isArray(hosts) || hosts.length === 0) throw new Error(`${file}: hosts must be a list with at least one host`)
  const common = defaults === undefined ? {} : mapOf(defaults, `${file}: defaults`)
  return hosts.map((host, index) => {
    const own = typeof host === 'string' ? { host } : mapOf(host, `${file}: hosts[${index}]`)
    return specOf({ ...common, ...own }, `${file}: hosts[${index}]`)
  })
}

function specOf(fields: Record<string, unknown>, where: string): HostSpec {
  const unknown = Object.keys(fields).find(key => !KEYS.some(known => known === key))
  if (unknown !== undefined) throw new Error(`${where}.${unknown} is no field: want one of ${KEYS.join(', ')}`)
  const text = (key: (typeof KEYS)[number]) => {
    const value = fields[key]
    if (value === undefined || typeof value === 'string') return value
    if (typeof value === 'number') return String(value)
    throw new Error(`${where}.${key} must be text, found ${JSON.stringify(value)}`)
  }
  const host = text('host')
  if (!host) throw new Error(`${where}.host is missing: the machine's address or name`)
  const port = fields.port
  if (port !== undefined && !(typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536))
    throw new Error(`${where}.port must be a number from 1 to 65535, found ${JSON.stringify(port)}`)
  const user = text('user')
  const target = { ...(user && { user }), ...(typeof port === 'number' && { port }), ...parseTarget(host) }
  const flags = fields.flags === undefined ? {} : mapOf(fields.flags, `${where}.flags`)
  return {
    text: target.user ? `${target.user}@${target.host}` : target.host,
    target,
    name: text('name'),
    address: text('address'),
    labels: Object.entries(fields.labels === undefined ? {} : mapOf(fields.labels, `${where}.labels`)).map(
      ([key, value]) => `${key}=${value}`,
    ),
    taints: listOf(fields.taints, `${where}.taints`),
    identityFile: text('identityFile'),
    jump: text('jump'),
    flags: Object.fromEntries(Object.entries(flags).map(([key, value]) => [key, String(value)])),
  }
}

function mapOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} must be a map of keys and values`)
  return value as Record<string, unknown>
}

function listOf(value: unknown, where: string): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.some(item => typeof item !== 'string')) throw new Error(`${where} must be a list of texts`)
  return value as string[]
}
