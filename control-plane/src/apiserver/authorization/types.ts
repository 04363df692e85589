import type { NonResourceRule, ResourceRule } from '@davit/api'
import type { User } from '../registry/index.ts'

/** What somebody wants to do: on a resource, or on a path that is none. */
export interface Attributes {
  readonly user: User
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for paths the HTTP method in small letters. */
  readonly verb: string
  /** Empty for the core group. */
  readonly group: string
  /** Plural; empty for a request on `path`. */
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  /** Of a list or watch: part of what nodes may do is decided by it. */
  readonly fieldSelector?: string
  /** Of a request on no resource, such as `/healthz`. */
  readonly path?: string
}

export interface Verdict {
  readonly allowed: boolean
  /** Why not, where there is more to say than who may not do what; else empty. */
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
  authorize(attributes: Attributes, body?: unknown): Promise<Verdict>
  rightsOf(user: User): Rights
}
