/** Whether a user may make a request, and as whom. */
import { apiError, forbidden, GROUPS, SERVICE_ACCOUNT_USER_PREFIX } from '@davit/api'
import type { Attributes, Authorizer } from '../authorization/index.ts'
import type { User } from '../registry/index.ts'
import type { RequestInfo } from './request-info.ts'

export interface AccessRequest {
  readonly user: User
  readonly info: RequestInfo
  readonly query?: URLSearchParams
  /** What is to be written, where the user's rights depend on it. */
  readonly body?: unknown
}

/** Throws Forbidden in Kubernetes' words. */
export async function checkAccess(authorizer: Authorizer, { user, info, query, body }: AccessRequest): Promise<void> {
  const attributes = attributesOf(user, info, query)
  const { allowed, reason } = await authorizer.authorize(attributes, body)
  if (!allowed) throw refusal(attributes, reason)
}

/** Nodes may write what names themselves: judging that takes the body. */
export function needsBody(user: User, { verb, resource }: RequestInfo): boolean {
  return resource !== undefined && user.groups.includes(GROUPS.nodes) && (verb === 'create' || verb === 'update' || verb === 'patch')
}

function attributesOf(user: User, { verb, path, resource }: RequestInfo, query: URLSearchParams | undefined): Attributes {
  if (!resource) return { user, verb, group: '', resource: '', path }
  const { group, resource: plural, subresource, namespace, name } = resource
  const selected = query?.get('fieldSelector')
  return {
    user,
    verb,
    group,
    resource: plural,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(selected && { fieldSelector: selected }),
  }
}

function refusal({ user, verb, group, resource, subresource, namespace, name, path }: Attributes, reason = ''): Error {
  const because = reason ? `: ${reason}` : ''
  if (path !== undefined)
    return apiError('Forbidden', `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}${because}`)
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource)
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  const why = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}${because}`
  return forbidden({ group, plural: resource }, name ?? '', why)
}

/** The user to act as: another one when `Impersonate-User` asks for it. Throws Forbidden when the user may not. */
export async function impersonate(authorizer: Authorizer, user: User, headers: NodeJS.Dict<string | string[]>): Promise<User> {
  const name = headers['impersonate-user']
  const groups = headers['impersonate-group']
  if (name === undefined && groups === undefined) return user
  if (typeof name !== 'string' || name === '') throw apiError('BadRequest', 'requested groups without impersonating a user')
  const wanted = groups === undefined ? [] : [groups].flat().flatMap(group => group.split(/, */))
  const targets = [{ resource: 'users', name }, ...wanted.map(group => ({ resource: 'groups', name: group }))]
  for (const target of targets) {
    const attributes: Attributes = { user, verb: 'impersonate', group: '', ...target }
    const { allowed, reason } = await authorizer.authorize(attributes)
    if (!allowed) throw refusal(attributes, reason)
  }
  if (groups === undefined) wanted.push(...accountGroups(name))
  const own = name === 'system:anonymous' ? GROUPS.unauthenticated : GROUPS.authenticated
  return { name, groups: [...new Set([...wanted, own])] }
}

/** Who acts as a ServiceAccount is in its groups. */
function accountGroups(name: string): string[] {
  const [namespace, account, ...more] = name.startsWith(SERVICE_ACCOUNT_USER_PREFIX)
    ? name.slice(SERVICE_ACCOUNT_USER_PREFIX.length).split(':')
    : []
  return namespace && account && more.length === 0 ? [GROUPS.serviceAccounts, `${GROUPS.serviceAccounts}:${namespace}`] : []
}
