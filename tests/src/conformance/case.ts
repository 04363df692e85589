/** What a row of the conformance list is covered by. */
import type { ApiContext } from './api-context.ts'
import type { CaseContext } from './context.ts'

/** A test of one behaviour, on a cluster it shares with others. */
export interface Case<C extends ApiContext = CaseContext> {
  /** The row's text, word for word. */
  readonly row: string
  /** Kind it is about, `group/Kind` (`/Kind` for the core group). While the API does not serve it, there is nothing to run. */
  readonly kind?: string
  /** It disturbs others, so it runs when they are done. */
  readonly alone?: boolean
  /** It runs kubectl, which may not be there to be had. */
  readonly withKubectl?: boolean
  /** Why it does not pass yet; it is left out until then. */
  readonly unmet?: string
  readonly run: (context: C) => Promise<void>
}

/** Cases of one file of `cases/`, named after it. */
export interface Topic<C extends ApiContext = CaseContext> {
  readonly file: string
  readonly cases: readonly Case<C>[]
}
