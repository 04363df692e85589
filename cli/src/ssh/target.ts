import { SshError } from './errors.ts'

/** What a user names a host by; what is left out, the SSH configuration or the defaults say. */
export interface SshTarget {
  /** An address, a name, or an alias of the SSH configuration. */
  readonly host: string
  readonly user?: string
  readonly port?: number
}

/** Reads `[user@]host[:port]` or `ssh://[user@]host[:port]`; IPv6 addresses with a port stand in brackets. Throws SshError. */
export function parseTarget(text: string): SshTarget {
  const bare = text.replace(/^ssh:\/\//, '').replace(/\/$/, '')
  const at = bare.lastIndexOf('@')
  const user = at < 0 ? undefined : bare.slice(0, at)
  const place = bare.slice(at + 1)
  const [, bracketed, plain, portText] =
    /^(?:\[([^\]\s]+)\]|([^:\s[\]]+))(?::(\d+))?$/.exec(place) ?? (/^[0-9a-f:.]+$/i.test(place) ? [place, place] : [])
  const host = bracketed ?? plain
  const port = portText === undefined ? undefined : Number(portText)
  // What starts with a dash could be taken for a flag by programs the configuration names.
  if (!host || host.startsWith('-') || user === '' || user?.startsWith('-') || (port !== undefined && (port < 1 || port > 65_535)))
    throw new SshError('target', `"${text}" names no host: want [user@]host[:port], such as admin@10.0.0.21 or admin@[fd00::21]:2222`)
  return { host, ...(user !== undefined && { user }), ...(port !== undefined && { port }) }
}

/** `admin@10.0.0.21:22`, as parseTarget() reads it. */
export function formatTarget({ host, user, port }: SshTarget): string {
  return `${user === undefined ? '' : `${user}@`}${port === undefined && !host.includes(':') ? host : hostAndPort(host, port ?? 22)}`
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
