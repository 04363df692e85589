/** What `davit init` was asked for: `cluster.yaml` in the cluster's directory, from which everything else there follows. */
import { isIPv4 } from 'node:net'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { findProblems } from './rules.ts'

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/
const HOST_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i

const name = z.string().regex(NAME, 'want up to 40 lowercase letters, digits and dashes, such as prod-1')
const port = z.int('want a port from 1 to 65535').min(1, 'want a port from 1 to 65535').max(65_535, 'want a port from 1 to 65535')
const address = z.string().refine(isIPv4, 'want an IPv4 address such as 10.0.0.11; names go into --tls-san')
const range = z.string().refine(isRange, 'want an IPv4 range of /8 to /24 that begins at its first address, such as 10.244.0.0/16')
const serverName = z.string().refine(text => isIPv4(text) || HOST_NAME.test(text), 'want a host name or an IPv4 address')
const image = z.string().regex(/^[^\s:@][^\s]*$/, 'want an image such as davit/control-plane:1.0.0')
const ssh = z.string().regex(/^([^\s@]+@)?[^\s@:]+(:\d{1,5})?$/, 'want user@host or user@host:port')

const controlPlane = z.strictObject({
  name,
  /** At which all others reach it. */
  address,
  port,
  etcdClientPort: port,
  etcdPeerPort: port,
  /** `user@host:port`, where its folder goes. */
  ssh: ssh.optional(),
  /** It takes the place of a member that was lost: its etcd joins the others instead of making a cluster with them. */
  replaced: z.boolean().optional(),
  /** The members that were lost when it did: they are none of those its etcd joins. */
  without: z.array(name).optional(),
  /** The cluster was recovered without it, so nothing of it runs until it is replaced. */
  lost: z.boolean().optional(),
})

const schema = z.strictObject({
  apiVersion: z.literal('davit.dev/v1'),
  kind: z.literal('ClusterConfig'),
  name,
  version: z.string(),
  /** Made from a backup: etcd starts from `restore/snapshot.db` where it has no data. Gone once `davit init` runs again. */
  restored: z.boolean().optional(),
  controlPlanes: z.array(controlPlane).min(1, 'want 1, 3 or 5 control planes'),
  networks: z.strictObject({ podCidr: range, serviceCidr: range }),
  /** Further names of the API. */
  tlsSans: z.array(serverName),
  /** A balancer on each machine, in front of all control planes. */
  balancer: z.strictObject({ port }).optional(),
  images: z.strictObject({ controlPlane: image, etcd: image, balancer: image }),
})

export type ControlPlaneConfig = Readonly<z.infer<typeof controlPlane>>
export type ClusterConfig = Readonly<z.infer<typeof schema>>

/** Input that cannot be used; each line names the field, its value, and what was wanted. */
export class ConfigError extends Error {}

/** `raw` once it holds what a cluster needs; ConfigError otherwise. `what` names it in the message. */
export function checkConfig(raw: unknown, what: string): ClusterConfig {
  const { success, data, error } = schema.safeParse(raw)
  const problems = success ? findProblems(data) : error.issues.map(issue => describeIssue(issue, raw))
  if (problems.length > 0) throw new ConfigError(`Cannot use ${what}:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
  return data!
}

/** Reads `cluster.yaml`. */
export function parseConfig(text: string, path: string): ClusterConfig {
  let raw: unknown
  try {
    raw = parse(text)
  } catch (cause) {
    throw new ConfigError(`Cannot read ${path}: it is not YAML: ${(cause as Error).message}`, { cause })
  }
  return checkConfig(raw, path)
}

/** As `cluster.yaml`. */
export function formatConfig(config: ClusterConfig): string {
  return `# What this cluster was made with; "davit init" reads it again. It holds no secrets.\n${stringify(config)}`
}

function describeIssue({ path, message, code, ...issue }: z.core.$ZodIssue, raw: unknown): string {
  const field = path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`)).join('')
  if (code === 'unrecognized_keys')
    return `${field || 'it'} has a field that is not known: ${(issue as { keys: string[] }).keys.join(', ')}`
  let value = raw
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[part]
  return `${field} is ${value === undefined ? 'missing' : JSON.stringify(value)}: ${message}`
}

function isRange(text: string): boolean {
  const [base = '', length = '', ...rest] = text.split('/')
  const bits = Number(length)
  if (rest.length > 0 || !isIPv4(base) || !/^\d+$/.test(length) || bits < 8 || bits > 24) return false
  const value = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  return value % 2 ** (32 - bits) === 0
}
