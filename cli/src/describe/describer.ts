import type { Session } from '../session/index.ts'
import type { DescriptionWriter } from './writer.ts'

export interface DescribeContext {
  readonly session: Session
  /** Milliseconds since the epoch, for ages. */
  readonly now: number
  readonly showEvents: boolean
}

/** Writes one kind's description; may ask the server for what belongs to the object. */
export type Describer<T> = (out: DescriptionWriter, object: T, context: DescribeContext) => Promise<void>
