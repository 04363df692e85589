/** Where the client sees what a backend serves. */
export interface Place {
  /** The backend's own names: its address and port, and what the client called the host. */
  readonly hosts: readonly string[]
  /** Path before the backend's own, without a slash at the end. */
  readonly prefix: string
}

const PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is

/**
 * A URL of the backend's as the client must ask for it: paths from the backend's root get the prefix. Relative ones, those of other
 * hosts and those that have the prefix already stay. Only what comes before the path is touched, so it may stand in HTML. Pure.
 */
export function rewriteUrl(url: string, { hosts, prefix }: Place): string {
  const [, scheme, host, path = '', rest = ''] = PARTS.exec(url) ?? []
  if (host === undefined && scheme !== undefined) return url
  if (host !== undefined && !hosts.includes(host)) return url
  if (!path.startsWith('/')) return url
  const isBelow = path === prefix || path.startsWith(`${prefix}/`)
  return `${isBelow ? '' : prefix}${path}${rest}`
}
