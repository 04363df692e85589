import type { NonResourceRule, ResourceRule } from '@davit/api'
import type { RoleQuestion } from '../rbac/index.ts'
import type { User } from '../registry/index.ts'

/**
 * What somebody wants to do: on a resource, or on a path that is none. Verbs are `get`, `list`, `watch`, `create`, `update`, `patch`,
 * `delete`, `deletecollection`, those that only roles know, such as `bind`, and for paths the HTTP method in small letters.
 */
export interface Attributes extends RoleQuestion {
  /** Of a list or watch: part of what nodes may do is decided by it. */
  readonly fieldSelector?: string
}

export interface Verdict {
  readonly allowed: boolean
  /** Why, or why not, where there is more to say than who may not do what; else empty. */
  readonly reason: string
}

/** What is known of a user's rights without asking for one thing. */
export interface Rights {
  readonly resourceRules: readonly ResourceRule[]
  readonly nonResourceRules: readonly NonResourceRule[]
  /** Why there may be more. */
  readonly incomplete?: string
}

export interface Authorizer {
  /** `body`: of a write, as parsed; for nodes the name in it counts. */
  authorize(attributes: Attributes, body?: unknown): Verdict | Promise<Verdict>
  /** `namespace`: rights that hold there, too. */
  rightsOf(user: User, namespace?: string): Rights
}
