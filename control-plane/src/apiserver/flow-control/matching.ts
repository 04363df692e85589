/** Which FlowSchema takes a request. Rules are taken apart once, when they change. */
import {
  type FlowSchema,
  type FlowSubject,
  type NonResourcePolicyRule,
  type PolicyRulesWithSubjects,
  type ResourcePolicyRule,
  SERVICE_ACCOUNT_USER_PREFIX,
} from '@davit/api'
import type { FlowRequest } from './types.ts'

const ALL = '*'

/** Undefined instead of a set: everything. */
type Names = ReadonlySet<string> | undefined

interface Rule {
  readonly users: Names
  readonly groups: Names
  /** Beginnings of the names of all ServiceAccounts of a namespace. */
  readonly accountPrefixes: readonly string[]
  readonly resources: readonly ResourceRule[]
  readonly others: readonly OtherRule[]
}

interface ResourceRule {
  readonly verbs: Names
  readonly groups: Names
  readonly resources: Names
  readonly namespaces: Names
  readonly clusterScope: boolean
}

interface OtherRule {
  readonly verbs: Names
  readonly paths: Names
  readonly pathPrefixes: readonly string[]
}

export type Matcher = (request: FlowRequest) => boolean

/** In the order in which they are asked: Kubernetes' precedence, then name. */
export function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  const difference = (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0)
  return difference || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1)
}

export function matcherOf({ spec: { rules = [] } = {} }: FlowSchema): Matcher {
  const compiled = rules.map(compile)
  return request => compiled.some(rule => matches(rule, request))
}

function compile({ subjects = [], resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects): Rule {
  const accounts = subjects.flatMap(({ kind, serviceAccount }) => (kind === 'ServiceAccount' && serviceAccount ? [serviceAccount] : []))
  const single = accounts
    .filter(({ name }) => name !== ALL)
    .map(({ namespace, name }) => `${SERVICE_ACCOUNT_USER_PREFIX}${namespace}:${name}`)
  return {
    users: namesOf([...namedBy(subjects, 'User', 'user'), ...single]),
    groups: namesOf(namedBy(subjects, 'Group', 'group')),
    accountPrefixes: accounts.filter(({ name }) => name === ALL).map(({ namespace }) => `${SERVICE_ACCOUNT_USER_PREFIX}${namespace}:`),
    resources: resourceRules.map(compileResource),
    others: nonResourceRules.map(compileOther),
  }
}

function namedBy(subjects: readonly FlowSubject[], kind: string, field: 'user' | 'group'): string[] {
  return subjects.flatMap(subject => (subject.kind === kind ? [subject[field]?.name ?? ''] : []))
}

function compileResource({ verbs, apiGroups, resources, namespaces, clusterScope = false }: ResourcePolicyRule): ResourceRule {
  return { verbs: namesOf(verbs), groups: namesOf(apiGroups), resources: namesOf(resources), namespaces: namesOf(namespaces), clusterScope }
}

function compileOther({ verbs, nonResourceURLs = [] }: NonResourcePolicyRule): OtherRule {
  const pathPrefixes = nonResourceURLs.filter(url => url.endsWith(ALL)).map(url => url.slice(0, -1))
  return { verbs: namesOf(verbs), paths: namesOf(nonResourceURLs), pathPrefixes }
}

function namesOf(names: readonly string[] = []): Names {
  return names.includes(ALL) ? undefined : new Set(names)
}

function matches(rule: Rule, request: FlowRequest): boolean {
  const { resource } = request
  if (!isSubject(rule, request.user)) return false
  if (resource) return rule.resources.some(each => coversResource(each, request.verb, resource))
  return rule.others.some(each => coversPath(each, request))
}

function isSubject({ users, groups, accountPrefixes }: Rule, { name, groups: own }: FlowRequest['user']): boolean {
  return has(users, name) || groups === undefined || own.some(group => groups.has(group)) || startsWithOne(name, accountPrefixes)
}

function coversResource(rule: ResourceRule, verb: string, target: NonNullable<FlowRequest['resource']>): boolean {
  const { group, resource, subresource, namespace } = target
  if (!has(rule.verbs, verb) || !has(rule.groups, group)) return false
  if (!has(rule.resources, subresource ? `${resource}/${subresource}` : resource)) return false
  return namespace === undefined ? rule.clusterScope : has(rule.namespaces, namespace)
}

function coversPath({ verbs, paths, pathPrefixes }: OtherRule, { verb, path }: FlowRequest): boolean {
  return has(verbs, verb) && (has(paths, path) || startsWithOne(path, pathPrefixes))
}

function has(names: Names, name: string): boolean {
  return names === undefined || names.has(name)
}

function startsWithOne(text: string, prefixes: readonly string[]): boolean {
  return prefixes.some(prefix => text.startsWith(prefix))
}
