/**
 * Roles and bindings as they now are, ready to be asked: a user's bindings are found by the names of the user and its groups, so a
 * check costs what the user's own roles cost. One writer (`followRoles`), many readers.
 */
import {
  type ClusterRole,
  type KubernetesObject,
  type PolicyRule,
  type RoleBinding,
  type RoleRef,
  SERVICE_ACCOUNT_USER_PREFIX,
  type Subject,
} from '@davit/api'
import type { User } from '../registry/index.ts'
import { allows, type CompiledRule, compileRule } from './matching.ts'
import type { RoleAnswer, RoleQuestion } from './types.ts'

interface IndexedRole {
  readonly rules: readonly PolicyRule[]
  readonly compiled: readonly CompiledRule[]
}

/** What one binding gives to one subject. */
interface Grant {
  readonly binding: RoleBinding
  readonly subject: Subject
}

type Grants = ReadonlyMap<string, ReadonlySet<Grant>>

/** A user's rules, and which roles that bindings name are not there. */
export interface RulesOfUser {
  readonly rules: readonly PolicyRule[]
  readonly errors: readonly string[]
}

const NO: RoleAnswer = { allowed: false, reason: '' }
/** Of bindings that hold everywhere. */
const EVERYWHERE = ''

export class RoleIndex {
  readonly #roles = new Map<string, IndexedRole>()
  readonly #bindings = new Map<string, RoleBinding>()
  /** By namespace, then by subject. */
  readonly #grants = new Map<string, Map<string, Set<Grant>>>()

  /** Takes an object of one of the four kinds, new or changed. */
  set(object: KubernetesObject): void {
    const key = keyOf(object)
    if (isBinding(object)) {
      this.#release(this.#bindings.get(key))
      this.#bindings.set(key, object)
      for (const subject of object.subjects ?? []) this.#grantsOf(object, subject).add({ binding: object, subject })
    } else {
      const { rules = [] } = object as ClusterRole
      this.#roles.set(key, { rules, compiled: rules.map(compileRule) })
    }
  }

  delete(object: KubernetesObject): void {
    const key = keyOf(object)
    if (!isBinding(object)) return void this.#roles.delete(key)
    this.#release(this.#bindings.get(key))
    this.#bindings.delete(key)
  }

  /** Whether some role gives `question.user` what it asks for. */
  check(question: RoleQuestion): RoleAnswer {
    const missing: string[] = []
    for (const { binding, subject } of this.#grantsFor(question.user, question.namespace)) {
      const role = this.#roleOf(binding)
      if (!role) missing.push(notThere(binding.roleRef))
      else if (role.compiled.some(rule => allows(rule, question))) return { allowed: true, reason: whyAllowed(binding, subject) }
    }
    return missing.length > 0 ? { allowed: false, reason: `RBAC: ${aggregate(missing)}` } : NO
  }

  /** All rules that hold for the user in `namespace`, or in the whole cluster. */
  rulesOf(user: User, namespace?: string): RulesOfUser {
    const rules: PolicyRule[] = []
    const errors: string[] = []
    for (const { binding } of this.#grantsFor(user, namespace)) {
      const role = this.#roleOf(binding)
      if (role) rules.push(...role.rules)
      else errors.push(notThere(binding.roleRef))
    }
    return { rules, errors }
  }

  /** The rules of a role that a binding in `namespace` names; undefined when it is not there. */
  rulesOfRole(roleRef: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    return this.#roles.get(roleKey(roleRef, namespace))?.rules
  }

  #roleOf({ roleRef, metadata }: RoleBinding): IndexedRole | undefined {
    return this.#roles.get(roleKey(roleRef, metadata.namespace))
  }

  *#grantsFor({ name, groups }: User, namespace: string | undefined): Generator<Grant> {
    for (const scope of namespace ? [EVERYWHERE, namespace] : [EVERYWHERE]) {
      const grants: Grants | undefined = this.#grants.get(scope)
      if (!grants) continue
      yield* grants.get(`User ${name}`) ?? []
      for (const group of groups) yield* grants.get(`Group ${group}`) ?? []
    }
  }

  #grantsOf({ metadata: { namespace = EVERYWHERE } }: RoleBinding, subject: Subject): Set<Grant> {
    const grants = entryOf(this.#grants, namespace, () => new Map<string, Set<Grant>>())
    return entryOf(grants, subjectKey(subject, namespace), () => new Set<Grant>())
  }

  #release(binding: RoleBinding | undefined): void {
    if (!binding) return
    const { namespace = EVERYWHERE } = binding.metadata
    const grants = this.#grants.get(namespace)
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace)
      const given = grants?.get(key)
      for (const grant of given ?? []) if (grant.binding === binding) given?.delete(grant)
      if (given?.size === 0) grants?.delete(key)
    }
    if (grants?.size === 0) this.#grants.delete(namespace)
  }
}

function isBinding(object: KubernetesObject): object is RoleBinding {
  return object.kind === 'RoleBinding' || object.kind === 'ClusterRoleBinding'
}

function keyOf({ kind, metadata: { namespace, name = '' } }: KubernetesObject): string {
  return namespace ? `${kind} ${namespace}/${name}` : `${kind} ${name}`
}

function roleKey({ kind, name }: RoleRef, namespace: string | undefined): string {
  return kind === 'Role' ? `Role ${namespace ?? ''}/${name}` : `ClusterRole ${name}`
}

/** A ServiceAccount is the user it acts as; one without a namespace is of the binding's. */
function subjectKey({ kind, name, namespace }: Subject, ownNamespace: string): string {
  if (kind === 'ServiceAccount') return `User ${SERVICE_ACCOUNT_USER_PREFIX}${namespace || ownNamespace}:${name}`
  return kind === 'Group' ? `Group ${name}` : `User ${name}`
}

function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

function whyAllowed({ kind, metadata, roleRef }: RoleBinding, subject: Subject): string {
  const { name = '', namespace } = metadata
  const binding = namespace ? `${name}/${namespace}` : name
  const account = subject.kind === 'ServiceAccount' ? (subject.namespace ?? namespace) : undefined
  const who = account ? `${subject.name}/${account}` : subject.name
  return `RBAC: allowed by ${kind} ${quote(binding)} of ${roleRef.kind} ${quote(roleRef.name)} to ${subject.kind} ${quote(who)}`
}

/** In Kubernetes' words, which name the kind where others name the resource. */
export function notThere({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${quote(name)} not found`
}

function aggregate(errors: readonly string[]): string {
  const different = [...new Set(errors)]
  return different.length === 1 ? (different[0] ?? '') : `[${different.join(', ')}]`
}

function quote(text: string): string {
  return JSON.stringify(text)
}
