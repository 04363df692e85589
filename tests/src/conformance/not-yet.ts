/** Behaviours that no test shows, and why: what the cluster lacks. Whoever adds it writes the case and takes the row from here. */

export interface NotYet {
  /** In a word. */
  readonly reason: string
  /** What is missing, `group/Kind`, where it is a kind: once the API serves it, that is no reason any more. */
  readonly kind?: string
  /** The rows' texts, word for word. */
  readonly rows: readonly string[]
}

export const NOT_YET: readonly NotYet[] = [{ reason: 'CronJob: stored, starts no Jobs yet', rows: ['A suspended CronJob starts no jobs'] }]
