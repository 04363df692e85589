/** How an extension API server hears for whom a request is. Pure. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { User } from '../registry/types.ts'

/** The names under which these are told in the ConfigMap that extension API servers read. */
export const USER_HEADERS = { name: 'X-Remote-User', uid: 'X-Remote-Uid', group: 'X-Remote-Group', extraPrefix: 'X-Remote-Extra-' } as const

export function userHeaders({ name, uid, groups, extra = {} }: User): OutgoingHttpHeaders {
  const extras = Object.entries(extra).map(([key, values]) => [`${USER_HEADERS.extraPrefix}${escapedKey(key)}`, values.map(asBytes)])
  return {
    [USER_HEADERS.name]: asBytes(name),
    ...(uid !== undefined && { [USER_HEADERS.uid]: asBytes(uid) }),
    ...(groups.length > 0 && { [USER_HEADERS.group]: groups.map(asBytes) }),
    ...Object.fromEntries(extras),
  }
}

/** In a header's name only some characters may be; the others, and the sign of escaping itself, are percent-encoded. */
function escapedKey(key: string): string {
  return Buffer.from(key, 'utf8')
    .toString('latin1')
    .replace(/[^!#$&'*+\-.^_`|~0-9A-Za-z]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** Node writes a header's characters as bytes; these are UTF-8's. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
