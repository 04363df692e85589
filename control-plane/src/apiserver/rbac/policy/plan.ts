/** How the roles and bindings of every cluster come to be what this version has: nothing that people added is taken away. */
import { isDeepStrictEqual } from 'node:util'
import type { ClusterRole, ClusterRoleBinding, KubernetesObject, ObjectMeta, Role, Subject } from '@davit/api'
import { missingRules } from '../covers.ts'
import { AUTO_UPDATE } from './make.ts'

export type Step<T> = { kind: 'nothing' } | { kind: 'create' | 'update' | 'replace'; object: T }

const NOTHING = { kind: 'nothing' } as const

/** A role keeps what it has and is given what it lacks. */
export function planRole<T extends ClusterRole | Role>(found: T | undefined, wanted: T): Step<T> {
  if (!found) return { kind: 'create', object: wanted }
  if (isProtected(found)) return NOTHING
  const object = { ...found, metadata: mergedMetadata(found, wanted), ...rulesFor(found, wanted) }
  return isDeepStrictEqual(object, found) ? NOTHING : { kind: 'update', object }
}

function rulesFor(found: ClusterRole, wanted: ClusterRole): Partial<ClusterRole> {
  const { aggregationRule } = wanted
  if (!aggregationRule) {
    const missing = missingRules(found.rules ?? [], wanted.rules ?? [])
    return missing.length > 0 ? { rules: [...(found.rules ?? []), ...missing] } : {}
  }
  // Its rules are the aggregation's to write.
  const present = found.aggregationRule?.clusterRoleSelectors ?? []
  const missing = (aggregationRule.clusterRoleSelectors ?? []).filter(
    selector => !present.some(known => isDeepStrictEqual(known, selector)),
  )
  return missing.length > 0 ? { aggregationRule: { clusterRoleSelectors: [...present, ...missing] } } : {}
}

/** A binding to another role cannot be changed, only replaced. */
export function planBinding(found: ClusterRoleBinding | undefined, wanted: ClusterRoleBinding): Step<ClusterRoleBinding> {
  if (!found) return { kind: 'create', object: wanted }
  if (isProtected(found)) return NOTHING
  if (!isDeepStrictEqual(found.roleRef, wanted.roleRef)) return { kind: 'replace', object: wanted }
  const present = found.subjects ?? []
  const missing = (wanted.subjects ?? []).filter(subject => !present.some(known => isSameSubject(known, subject)))
  const subjects = missing.length > 0 ? { subjects: [...present, ...missing] } : {}
  const object = { ...found, metadata: mergedMetadata(found, wanted), ...subjects }
  return isDeepStrictEqual(object, found) ? NOTHING : { kind: 'update', object }
}

function isProtected({ metadata }: KubernetesObject): boolean {
  return metadata.annotations?.[AUTO_UPDATE] === 'false'
}

/** What is there counts more. */
function mergedMetadata({ metadata }: KubernetesObject, { metadata: wanted }: KubernetesObject): ObjectMeta {
  return {
    ...metadata,
    ...(wanted.labels && { labels: { ...wanted.labels, ...metadata.labels } }),
    ...(wanted.annotations && { annotations: { ...wanted.annotations, ...metadata.annotations } }),
  }
}

function isSameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '')
}
