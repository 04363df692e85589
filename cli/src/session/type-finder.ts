import { KINDS } from '@davit/api'
import type { Api } from './api.ts'
import { discoverTypes } from './discovery.ts'
import { type ResourceType, typeOfKind } from './resource-type.ts'

export interface TypeFinder {
  /** By what a user types: `po`, `pods`, `Pod`, `deployments.apps`, `deployments.v1.apps`. Throws when the server has no such type. */
  byName(name: string): Promise<ResourceType>
  /** Of an object's own apiVersion and kind; undefined when the server does not serve it. */
  byKind(apiVersion: string, kind: string): Promise<ResourceType | undefined>
  /** Those of a category such as `all`; empty when there is none of that name. */
  byCategory(category: string): Promise<ResourceType[]>
  /** All the server serves. */
  all(): Promise<ResourceType[]>
}

/** Kinds this program knows are found without asking the server; others by one discovery a process. */
export function createTypeFinder(api: Pick<Api, 'request'>): TypeFinder {
  const known = KINDS.map(typeOfKind)
  let discovered: Promise<ResourceType[]> | undefined
  const all = () => {
    discovered ??= discoverTypes(api as Api)
    return discovered
  }
  return {
    all,
    async byName(name) {
      const found = matchName(known, name) ?? matchName(await all(), name)
      if (!found) throw new Error(`the server doesn't have a resource type "${name}"`)
      return found
    },
    async byKind(apiVersion, kind) {
      const isIt = (type: ResourceType) =>
        type.kind === kind && apiVersion === (type.group ? `${type.group}/${type.version}` : type.version)
      return known.find(isIt) ?? (await all()).find(isIt)
    },
    async byCategory(category) {
      if (!isCategoryLike(category) || matchName(known, category)) return []
      const types = await all()
      return types.filter(({ categories, verbs }) => categories.includes(category) && (verbs ?? ['list']).includes('list'))
    },
  }
}

/** Names with a dot name a group, so they are no category. */
function isCategoryLike(name: string): boolean {
  return !name.includes('.')
}

/** The first type `name` stands for: its plural, singular, short name or kind, with group and version if it has dots. */
function matchName(types: readonly ResourceType[], name: string): ResourceType | undefined {
  const [resource = '', ...rest] = name.toLowerCase().split('.')
  const isNamed = ({ plural, singular, shortNames, kind }: ResourceType) =>
    plural === resource || singular === resource || shortNames.includes(resource) || kind.toLowerCase() === resource
  const group = rest.join('.')
  const [version, ...groupAfterVersion] = rest
  return (
    types.find(type => isNamed(type) && (rest.length === 0 || type.group === group)) ??
    types.find(type => isNamed(type) && type.version === version && type.group === groupAfterVersion.join('.'))
  )
}
