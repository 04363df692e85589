/** Host keys as OpenSSH keeps them: which are known for a host, and whether the one it shows is among them. Pure. */
import { createHash, createHmac, randomBytes } from 'node:crypto'

export interface KnownHost {
  readonly marker: '@revoked' | '@cert-authority' | undefined
  /** Patterns with commas, or one hashed name. */
  readonly hosts: string
  readonly type: string
  /** Base64. */
  readonly key: string
  /** Where it stands, `file:line`. */
  readonly where: string
}

export interface HostKey {
  readonly type: string
  /** Base64 of the wire form. */
  readonly key: string
}

export type Verdict =
  | { readonly is: 'known' }
  | { readonly is: 'unknown' }
  | { readonly is: 'revoked'; readonly entry: KnownHost }
  | { readonly is: 'changed'; readonly entry: KnownHost }

/** Lines that cannot be read are left out, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line.trim().split(/[ \t]+/)
    const marker = words[0] === '@revoked' || words[0] === '@cert-authority' ? words.shift() : undefined
    const [hosts = '', type = '', key = ''] = words
    if (hosts.startsWith('#') || hosts.startsWith('@') || !key) return []
    return [{ marker: marker as KnownHost['marker'], hosts, type, key, where: `${file}:${index + 1}` }]
  })
}

/** The name OpenSSH keeps a host's key under. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`
}

/** The keys kept under `name`; those of certificate authorities are none of a host's own. */
export function entriesOf(known: readonly KnownHost[], name: string): KnownHost[] {
  return known.filter(({ marker, hosts }) => marker !== '@cert-authority' && isNamedBy(hosts, name))
}

/**
 * What is known of the key that host `name` shows. A host that shows a key of another type than those known for it is `changed`: whoever
 * stands between could otherwise pass off a new type as a first meeting.
 */
export function checkHostKey(known: readonly KnownHost[], name: string, shown: HostKey): Verdict {
  const revoked = known.find(({ marker, key, hosts }) => marker === '@revoked' && key === shown.key && isNamedBy(hosts, name))
  if (revoked) return { is: 'revoked', entry: revoked }
  const own = entriesOf(known, name).filter(({ marker }) => marker === undefined)
  if (own.some(({ key }) => key === shown.key)) return { is: 'known' }
  const other = own.find(({ type }) => type === shown.type) ?? own[0]
  return other ? { is: 'changed', entry: other } : { is: 'unknown' }
}

/** `SHA256:…` as OpenSSH prints it. `key` is base64. */
export function fingerprint(key: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`
}

/** A line for known_hosts. */
export function knownHostsLine(name: string, { type, key }: HostKey, { hashed = false } = {}): string {
  return `${hashed ? hashName(name, randomBytes(20)) : name} ${type} ${key}\n`
}

function hashName(name: string, salt: Buffer): string {
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

function isNamedBy(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) return hashName(name, Buffer.from(hosts.split('|')[2] ?? '', 'base64')) === hosts
  const patterns = hosts.toLowerCase().split(',')
  const matches = (pattern: string) => wildcard(pattern).test(name)
  return patterns.some(matches) && !patterns.some(pattern => pattern.startsWith('!') && matches(pattern.slice(1)))
}

function wildcard(pattern: string): RegExp {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${text}$`)
}
