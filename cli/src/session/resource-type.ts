import type { Kind } from '@davit/api'

/** A kind as far as requests need it: from the kinds this program knows, or from the server's discovery. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  /** Verbs the server offers; undefined: all the usual ones. */
  readonly verbs?: readonly string[]
}

/** A known kind as a type. */
export function typeOfKind(kind: Kind): ResourceType {
  const { group, version, plural, singular, shortNames, categories, namespaced } = kind
  return { group, version, kind: kind.kind, plural, singular, shortNames, categories, namespaced }
}

/** `deployment.apps`, or `pod`: how kubectl names what it acted on. */
export function typeLabel({ group, kind }: Pick<ResourceType, 'group' | 'kind'>): string {
  return group ? `${kind.toLowerCase()}.${group}` : kind.toLowerCase()
}

/** `deployment.apps/web` */
export function objectLabel(type: Pick<ResourceType, 'group' | 'kind'>, name: string): string {
  return `${typeLabel(type)}/${name}`
}

export function isSameType(one: ResourceType, other: ResourceType): boolean {
  return one.group === other.group && one.version === other.version && one.plural === other.plural
}
