/** Whether a user may make a request, and as whom. */
import { apiError, forbidden, GROUPS, parseFieldSelector } from '@davit/api'
import type { Attributes, Authorizer, Verdict } from '../authorization/index.ts'
import type { User } from '../registry/index.ts'
import type { RequestInfo } from './request-info.ts'

export interface AccessRequest {
  readonly user: User
  readonly info: RequestInfo
  readonly query?: URLSearchParams
  /** What is to be written, where the user's rights depend on it. */
  readonly body?: unknown
}

/** Throws, or rejects with, Forbidden in Kubernetes' words; nothing where there is nothing to wait for. */
export function checkAccess(authorizer: Authorizer, { user, info, query, body }: AccessRequest): Promise<void> | undefined {
  const attributes = attributesOf(user, info, query)
  const judge = ({ allowed, reason }: Verdict) => {
    if (!allowed) throw refusal(attributes, reason)
  }
  const verdict = authorizer.authorize(attributes, body)
  if (verdict instanceof Promise) return verdict.then(judge)
  judge(verdict)
  return undefined
}

/** Nodes may write what names themselves: judging that takes the body. */
export function needsBody(user: User, { verb, resource }: RequestInfo): boolean {
  return resource !== undefined && user.groups.includes(GROUPS.nodes) && (verb === 'create' || verb === 'update' || verb === 'patch')
}

function attributesOf(user: User, { verb, path, resource }: RequestInfo, query: URLSearchParams | undefined): Attributes {
  if (!resource) return { user, verb, group: '', resource: '', path }
  const { group, resource: plural, subresource, namespace } = resource
  const selected = query?.get('fieldSelector')
  const name = resource.name ?? selectedName(verb, selected)
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

/** Who lists or watches one object by its name may be allowed that name alone. */
function selectedName(verb: string, selector: string | null | undefined): string | undefined {
  if (!selector || (verb !== 'list' && verb !== 'watch')) return undefined
  try {
    return parseFieldSelector(selector).find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value || undefined
  } catch {
    // The handler says what is wrong with it, to whoever may list.
    return undefined
  }
}

/** Forbidden, in Kubernetes' words. */
export function refusal({ user, verb, group, resource, subresource, namespace, name, path }: Attributes, reason = ''): Error {
  const because = reason ? `: ${reason}` : ''
  if (path !== undefined)
    return apiError('Forbidden', `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}${because}`)
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource)
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  const why = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}${because}`
  return forbidden({ group, plural: resource }, name ?? '', why)
}
