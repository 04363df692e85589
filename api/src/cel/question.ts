/** What is asked; of a path, or of a resource. Of the request's user, where no service account is named. */
export interface Question {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
  readonly verb: string
  readonly path?: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
}

export interface Verdict {
  readonly allowed: boolean
  readonly reason?: string
  /** Why nothing could be said. */
  readonly error?: string
}
