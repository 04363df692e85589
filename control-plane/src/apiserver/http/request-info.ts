/**
 * What a request is about, read from its method, path and query as Kubernetes does it: authorization and metrics look at
 * this, and routing too, so that no path is judged as one thing and served as another.
 */
import { badRequest, PATHS } from '@davit/api'

export interface ResourceInfo {
  readonly group: string
  readonly version: string
  /** The plural. */
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  /** What follows `proxy`, as it was sent: empty, or from a slash on. */
  readonly path?: string
}

export interface RequestInfo {
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths the method in lower case. */
  readonly verb: string
  readonly path: string
  readonly resource?: ResourceInfo
}

const VERBS: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** Subresources of a namespace itself; anything else after its name is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

/** Whether another server serves a version of a group. */
export type IsRemote = (group: string, version: string) => boolean

/** Throws BadRequest when the path's percent-encoding is broken. */
export function parseRequestInfo(method: string, url: string, isRemote: IsRemote = () => false): RequestInfo {
  const question = url.indexOf('?')
  const path = question < 0 ? url : url.slice(0, question)
  const rest = restOfGroupVersion(path)
  if (!rest) return { verb: method.toLowerCase(), path }

  const proxied = proxyTarget(path, rest.segments)
  if (proxied)
    return { verb: VERBS[method] ?? method.toLowerCase(), path, resource: { group: rest.group, version: rest.version, ...proxied } }

  let { segments } = rest
  let verb = VERBS[method] ?? method.toLowerCase()
  // The old form /api/v1/watch/… is still spoken by some clients.
  if (segments[0] === 'watch' && segments.length > 1 && verb === 'get') {
    segments = segments.slice(1)
    verb = 'watch'
  }
  const target = isRemote(rest.group, rest.version) ? remoteTargetOf(segments) : targetOf(segments)
  if (!target) return { verb: method.toLowerCase(), path }

  if (!target.name) {
    if (verb === 'get') verb = isWatch(url, question) ? 'watch' : 'list'
    else if (verb === 'delete') verb = 'deletecollection'
  } else if (verb === 'get' && !target.subresource && isWatch(url, question)) verb = 'watch'
  return { verb, path, resource: { group: rest.group, version: rest.version, ...target } }
}

const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'log', 'portforward', 'proxy'])
/** They wait for nodes, or move whole archives. */
const LONG_PATHS: ReadonlySet<string> = new Set([PATHS.backup, PATHS.drain, PATHS.images])

/** Whether it goes on until somebody ends it: such a request has no deadline, and is not counted among those under way. */
export function isLongRunning({ verb, path, resource }: RequestInfo): boolean {
  if (!resource) return LONG_PATHS.has(path)
  return verb === 'watch' || (resource.subresource !== undefined && LONG_SUBRESOURCES.has(resource.subresource))
}

interface GroupVersionRest {
  group: string
  version: string
  segments: string[]
}

function restOfGroupVersion(path: string): GroupVersionRest | undefined {
  const segments = path.split('/')
  if (segments.at(-1) === '') segments.pop()
  const prefix = segments[1]
  const skip = prefix === 'api' ? 3 : prefix === 'apis' ? 4 : 0
  if (skip === 0 || segments.length <= skip) return undefined
  const decoded = segments.map(decode)
  return {
    group: prefix === 'api' ? '' : (decoded[2] ?? ''),
    version: decoded[skip - 1] ?? '',
    segments: decoded.slice(skip),
  }
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest(`Cannot decode path segment ${JSON.stringify(segment)}`)
  }
}

type TargetInfo = Pick<ResourceInfo, 'resource' | 'subresource' | 'namespace' | 'name' | 'path'>

/** What follows `proxy` is another server's business: nothing about it is judged here. */
function proxyTarget(path: string, segments: readonly string[]): TargetInfo | undefined {
  const inNamespace = segments[0] === 'namespaces' && segments.length > 4
  const [resource = '', name = '', subresource] = segments.slice(inNamespace ? 2 : 0)
  const namespace = inNamespace ? segments[1] : undefined
  if (subresource !== 'proxy' || !resource || !name || namespace === '') return undefined
  const before = 2 + (path.startsWith('/apis/') ? 2 : 1) + (inNamespace ? 2 : 0) + 3
  const below = path.split('/').slice(before).join('/')
  const rest = path.split('/').length > before ? `/${below}` : ''
  return { resource, name, subresource, path: rest, ...(namespace !== undefined && { namespace }) }
}

/** Undefined when there are more segments than any resource has, or an empty one. */
function targetOf(segments: readonly string[]): TargetInfo | undefined {
  if (segments.length === 0 || segments.some(segment => segment === '')) return undefined
  const [first, second, third] = segments as [string, string?, string?]
  const inNamespace =
    first === 'namespaces' && second !== undefined && third !== undefined && !(segments.length === 3 && NAMESPACE_SUBRESOURCES.has(third))
  if (!inNamespace) {
    if (segments.length > 3) return undefined
    return {
      resource: first,
      ...(second !== undefined && { name: second }),
      // As in Kubernetes a Namespace is judged inside itself.
      ...(first === 'namespaces' && second !== undefined && { namespace: second }),
      ...(third !== undefined && { subresource: third }),
    }
  }
  if (segments.length > 5) return undefined
  const [, , resource, name, subresource] = segments as [string, string, string, string?, string?]
  return { namespace: second, resource, ...(name !== undefined && { name }), ...(subresource !== undefined && { subresource }) }
}

/**
 * Below another server's group and version everything is a resource, as in Kubernetes: what a path means beyond that only that server
 * knows, and the right to look at paths of no resource is no right to its resources.
 */
function remoteTargetOf(segments: readonly string[]): TargetInfo | undefined {
  const end = segments.findLastIndex(segment => segment !== '') + 1
  if (end === 0) return undefined
  const [first, second, third] = segments.slice(0, end) as [string, string?, string?]
  const isNamespaced = first === 'namespaces'
  const inNamespace = isNamespaced && third !== undefined && !NAMESPACE_SUBRESOURCES.has(third)
  const [resource = '', name, subresource] = segments.slice(inNamespace ? 2 : 0, end)
  return {
    resource,
    ...(name && { name }),
    ...(isNamespaced && second && { namespace: second }),
    ...(subresource && { subresource }),
  }
}

function isWatch(url: string, question: number): boolean {
  if (question < 0 || !url.includes('watch', question)) return false
  const value = new URLSearchParams(url.slice(question + 1)).get('watch')
  return value !== null && value !== 'false' && value !== '0'
}
