/** Whether rules are held: what a user may give to others is what its own rules cover, right by right. */
import { setImmediate } from 'node:timers/promises'
import type { PolicyRule } from '@davit/api'
import { type CompiledRule, compileRule, hasResource } from './matching.ts'

/** One right: one verb on one resource, name or path. */
interface Right {
  readonly verb: string
  readonly group?: string
  readonly resource?: string
  /** Undefined: of whatever name. */
  readonly name?: string
  readonly path?: string
}

/** More rights than this nobody lists by hand, and judging them would take a replica's time from others. */
export const RIGHTS_MAX = 50_000

/** How many rights the rules list. */
export function countRights(rules: readonly PolicyRule[]): number {
  return rules.reduce((sum, { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }) => {
    const onResources = apiGroups.length * resources.length * Math.max(1, resourceNames.length)
    return sum + verbs.length * (onResources + nonResourceURLs.length)
  }, 0)
}

/** What of `wanted` the rules `held` do not cover, right by right, in order; it may be taken from slowly. */
function* missingRights(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Generator<Right | undefined> {
  const compiled = held.map(compileRule)
  for (const rule of wanted) {
    for (const right of rightsOf(rule)) yield compiled.some(owned => covers(owned, right)) ? undefined : right
  }
}

/** The rules for which some right of `wanted` is not covered by `held`, made small: one for each resource with all its verbs. */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return compact([...missingRights(held, wanted)].filter(right => right !== undefined))
}

const RIGHTS_AT_ONCE = 1000

/** The same, giving way to others now and then. */
export async function missingRulesSlowly(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Promise<PolicyRule[]> {
  const missing: Right[] = []
  let judged = 0
  for (const right of missingRights(held, wanted)) {
    if (right) missing.push(right)
    if (++judged % RIGHTS_AT_ONCE === 0) await setImmediate()
  }
  return compact(missing)
}

function* rightsOf({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): Generator<Right> {
  const names = resourceNames.length > 0 ? resourceNames : [undefined]
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const name of names) for (const verb of verbs) yield { verb, group, resource, ...(name !== undefined && { name }) }
    }
  }
  for (const path of nonResourceURLs) for (const verb of verbs) yield { verb, path }
}

/** `*` in a right is a name like any other here: only a rule that has it covers it. */
function covers({ verbs, groups, resources, names, paths, pathPrefixes }: CompiledRule, right: Right): boolean {
  if (verbs !== undefined && !verbs.has(right.verb)) return false
  const { group, resource, name, path } = right
  if (path !== undefined) return paths === undefined || paths.has(path) || pathPrefixes.some(prefix => path.startsWith(prefix))
  if (group === undefined || resource === undefined) return false
  if (groups !== undefined && !groups.has(group)) return false
  if (names !== undefined && (name === undefined || !names.has(name))) return false
  const slash = resource.indexOf('/')
  return slash < 0
    ? hasResource(resources, resource, undefined)
    : hasResource(resources, resource.slice(0, slash), resource.slice(slash + 1))
}

/** Rules that list `rights`: one for each resource of whatever name, with all its verbs, and one for every other right. */
function compact(rights: readonly Right[]): PolicyRule[] {
  const byResource = new Map<string, PolicyRule>()
  const rules: PolicyRule[] = []
  for (const { verb, group = '', resource = '', name, path } of rights) {
    if (path !== undefined) rules.push({ verbs: [verb], nonResourceURLs: [path] })
    else if (name !== undefined) rules.push({ verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [name] })
    else {
      const key = JSON.stringify([group, resource])
      const known = byResource.get(key)
      if (!known) {
        const rule = { verbs: [verb], apiGroups: [group], resources: [resource] }
        byResource.set(key, rule)
        rules.push(rule)
      } else if (!known.verbs.includes(verb)) known.verbs.push(verb)
    }
  }
  return rules
}

/** As Kubernetes writes a rule into a refusal. */
export function formatRule({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): string {
  const parts: [string, readonly string[]][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ]
  return `{${parts.flatMap(([name, values]) => (values.length > 0 ? [`${name}:${formatList(values)}`] : [])).join(', ')}}`
}

/** `["a" "b"]`, as Go quotes a list. */
export function formatList(values: readonly string[]): string {
  return `[${values.map(value => JSON.stringify(value)).join(' ')}]`
}
