import type { Kind } from '../kind.ts'

/** Values of one name in order; undefined is left out, `true` is written as `true`. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/**
 * Where a resource lives: `/apis/apps/v1/namespaces/web/deployments/api/status`. Without a name the collection, without a
 * namespace that of all namespaces (or of a cluster-scoped kind).
 */
export function resourcePath(
  kind: Pick<Kind, 'group' | 'version' | 'plural'>,
  target: { namespace?: string | undefined; name?: string | undefined } = {},
  subresource?: string,
): string {
  const parts = kind.group ? ['apis', kind.group, kind.version] : ['api', kind.version]
  if (target.namespace) parts.push('namespaces', target.namespace)
  parts.push(kind.plural)
  if (target.name) parts.push(target.name)
  const path = `/${parts.map(encodeURIComponent).join('/')}`
  return subresource ? `${path}/${subresource}` : path
}

/** `path?query`, or `path` alone when nothing is asked. */
export function withQuery(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const one of value) params.append(name, one)
    else params.append(name, String(value))
  }
  const text = params.toString()
  return text ? `${path}${path.includes('?') ? '&' : '?'}${text}` : path
}
