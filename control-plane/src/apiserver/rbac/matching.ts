/** Whether a rule of a role covers a request. Rules are taken apart once, when their role comes or changes. */
import type { PolicyRule } from '@davit/api'
import type { RoleQuestion } from './types.ts'

const ALL = '*'

/** Undefined instead of a set: everything. */
type Names = ReadonlySet<string> | undefined

export interface CompiledRule {
  readonly verbs: Names
  readonly groups: Names
  readonly resources: Names
  /** Undefined: of whatever name. Never undefined and meant to be none. */
  readonly names: Names
  readonly paths: Names
  /** Beginnings of paths. */
  readonly pathPrefixes: readonly string[]
}

export function compileRule({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): CompiledRule {
  return {
    verbs: namesOf(verbs),
    groups: namesOf(apiGroups),
    resources: namesOf(resources),
    names: resourceNames.length === 0 ? undefined : new Set(resourceNames),
    paths: namesOf(nonResourceURLs),
    pathPrefixes: nonResourceURLs.filter(url => url.endsWith(ALL)).map(withoutStars),
  }
}

function namesOf(names: readonly string[] = []): Names {
  return names.includes(ALL) ? undefined : new Set(names)
}

function withoutStars(url: string): string {
  return url.replace(/\*+$/, '')
}

/** Whether `rule` allows it. */
export function allows(rule: CompiledRule, { verb, group, resource, subresource, name = '', path }: RoleQuestion): boolean {
  if (!has(rule.verbs, verb)) return false
  if (path !== undefined) return has(rule.paths, path) || rule.pathPrefixes.some(prefix => path.startsWith(prefix))
  return has(rule.groups, group) && hasResource(rule.resources, resource, subresource) && has(rule.names, name)
}

function has(names: Names, name: string): boolean {
  return names === undefined || names.has(name)
}

/** `pods/log` is covered by itself and by `*`/`log`; `pods` covers nothing but pods. */
export function hasResource(resources: Names, resource: string, subresource: string | undefined): boolean {
  if (resources === undefined) return true
  if (!subresource) return resources.has(resource)
  return resources.has(`${resource}/${subresource}`) || resources.has(`*/${subresource}`)
}
