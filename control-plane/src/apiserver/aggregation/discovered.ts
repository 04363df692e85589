/** From what a server answers at its group and version to aggregated discovery's form. Pure. */
import type { RemoteResource } from './types.ts'

interface PlainResource {
  readonly name: string
  readonly singularName?: string
  readonly namespaced?: boolean
  readonly group?: string
  readonly version?: string
  readonly kind: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
}

/** Undefined for what is no APIResourceList. */
export function resourcesIn(text: string, { group, version }: { group: string; version: string }): RemoteResource[] | undefined {
  const list = parsed(text)
  if (!list) return undefined
  const kindOf = (each: PlainResource) => ({ group: each.group || group, version: each.version || version, kind: each.kind })
  const resources = list.filter(({ name }) => !name.includes('/'))
  return resources.map(each => {
    const subresources = list.filter(({ name }) => name.startsWith(`${each.name}/`))
    return {
      resource: each.name,
      responseKind: kindOf(each),
      scope: each.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: each.singularName ?? '',
      verbs: each.verbs,
      ...(each.shortNames && { shortNames: each.shortNames }),
      ...(each.categories && { categories: each.categories }),
      ...(subresources.length > 0 && {
        subresources: subresources.map(sub => ({
          subresource: sub.name.slice(each.name.length + 1),
          responseKind: kindOf(sub),
          verbs: sub.verbs,
        })),
      }),
    }
  })
}

function parsed(text: string): PlainResource[] | undefined {
  try {
    const list = JSON.parse(text) as { kind?: unknown; resources?: unknown } | null
    if (list?.kind !== 'APIResourceList' || !Array.isArray(list.resources)) return undefined
    return list.resources.filter(isResource)
  } catch {
    return undefined
  }
}

function isResource(value: unknown): value is PlainResource {
  const { name, kind, verbs } = (value ?? {}) as Partial<PlainResource>
  return typeof name === 'string' && typeof kind === 'string' && Array.isArray(verbs)
}
