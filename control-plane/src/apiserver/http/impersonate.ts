/** Acting as somebody else, which takes the right to impersonate each part of who that is. */
import { apiError, badRequest, GROUPS, SERVICE_ACCOUNT_USER_PREFIX } from '@davit/api'
import type { Attributes, Authorizer } from '../authorization/index.ts'
import type { User } from '../registry/index.ts'
import { refusal } from './access.ts'

const ANONYMOUS = 'system:anonymous'
const PREFIX = /^impersonate-/i
const EXTRA = 'impersonate-extra-'

/** What the headers ask for; undefined when they ask for nothing. */
interface Wanted {
  readonly name: string
  readonly groups: readonly string[]
  readonly uid: string
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/**
 * The user to act as: another one when headers ask for it. `rawHeaders`: names and values by turns, as they came, for a value may hold
 * what would divide values that were put together. Throws Forbidden when the user may not, BadRequest for headers that make no sense.
 */
export function impersonate(authorizer: Authorizer, user: User, rawHeaders: readonly string[]): User | Promise<User> {
  const wanted = readHeaders(rawHeaders)
  return wanted ? actAs(authorizer, user, wanted) : user
}

async function actAs(authorizer: Authorizer, user: User, wanted: Wanted): Promise<User> {
  for (const target of targetsOf(wanted)) {
    const attributes: Attributes = { user, verb: 'impersonate', ...target }
    const { allowed, reason } = await authorizer.authorize(attributes)
    if (!allowed) throw refusal(attributes, reason)
  }
  const { name, uid, extra } = wanted
  return { name, groups: groupsOf(wanted), ...(uid && { uid }), ...(Object.keys(extra).length > 0 && { extra }) }
}

function readHeaders(rawHeaders: readonly string[]): Wanted | undefined {
  // Most requests have none: those are told without a copy of any header.
  if (!rawHeaders.some((header, i) => i % 2 === 0 && PREFIX.test(header))) return undefined
  const names: string[] = []
  const groups: string[] = []
  const uids: string[] = []
  // Keys are the client's: none may be one that objects have by nature.
  const extra = new Map<string, string[]>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const header = rawHeaders[i]!.toLowerCase()
    if (!header.startsWith('impersonate-')) continue
    const value = rawHeaders[i + 1]!
    if (header === 'impersonate-user') names.push(value)
    else if (header === 'impersonate-group') groups.push(value)
    else if (header === 'impersonate-uid') uids.push(value)
    else if (header.startsWith(EXTRA)) {
      const key = unescapeKey(header.slice(EXTRA.length))
      extra.set(key, [...(extra.get(key) ?? []), value])
    }
  }
  const [name = '', ...otherNames] = names
  const [uid = '', ...otherUids] = uids
  if (otherNames.length > 0 || otherUids.length > 0) throw badRequest('Impersonate-User and Impersonate-Uid may be given once only')
  if (name) return { name, groups, uid, extra: Object.fromEntries(extra) }
  const others = [groups.length > 0 && 'groups', uid && 'uid', extra.size > 0 && 'extra'].filter(Boolean)
  // An empty name with nothing beside it is no wish.
  if (others.length > 0) throw apiError('BadRequest', `requested ${others.join(', ')} without impersonating a user`)
  return undefined
}

/** Keys come percent-encoded; what cannot be decoded stands for itself. */
function unescapeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded).toLowerCase()
  } catch {
    return encoded
  }
}

type Target = Pick<Attributes, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>

const AUTHENTICATION = 'authentication.k8s.io'

function targetsOf({ name, groups, uid, extra }: Wanted): Target[] {
  const account = accountOf(name)
  return [
    account ? { group: '', resource: 'serviceaccounts', ...account } : { group: '', resource: 'users', name },
    ...groups.map(group => ({ group: '', resource: 'groups', name: group })),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map(value => ({ group: AUTHENTICATION, resource: 'userextras', subresource: key, name: value })),
    ),
    ...(uid ? [{ group: AUTHENTICATION, resource: 'uids', name: uid }] : []),
  ]
}

/** Groups that are asked for are all; who acts as a ServiceAccount and asks for none is in that account's. */
function groupsOf({ name, groups }: Wanted): string[] {
  const account = accountOf(name)
  const wanted = groups.length === 0 && account ? [GROUPS.serviceAccounts, `${GROUPS.serviceAccounts}:${account.namespace}`] : groups
  const known = wanted.some(group => group === GROUPS.authenticated || group === GROUPS.unauthenticated)
  const own = name === ANONYMOUS ? GROUPS.unauthenticated : GROUPS.authenticated
  return [...new Set(known ? wanted : [...wanted, own])]
}

function accountOf(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT_USER_PREFIX)) return undefined
  const [namespace, name, ...more] = user.slice(SERVICE_ACCOUNT_USER_PREFIX.length).split(':')
  return namespace && name && more.length === 0 ? { namespace, name } : undefined
}
