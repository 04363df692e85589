import type { User } from '../registry/index.ts'

/** What is asked of roles: something about a resource, or about a path that is none. */
export interface RoleQuestion {
  readonly user: User
  readonly verb: string
  readonly group: string
  /** Plural; empty for a request on `path`. */
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly path?: string
}

export interface RoleAnswer {
  readonly allowed: boolean
  /** Which binding allows it, or which roles a binding names that are not there; as Kubernetes says it. Else empty. */
  readonly reason: string
}
