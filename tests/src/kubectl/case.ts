/** What kubectl is shown to do: cases in tables, each a few commands and what they must print. */
import assert from 'node:assert/strict'
import type { RunOptions, VerbContext } from './context.ts'

export interface VerbCase {
  /** The verb as one types it: `create configmap`, `rollout undo`. Cases of one verb make one row of docs/kubectl.md. */
  readonly verb: string
  /** What is shown of it. */
  readonly what: string
  /** First kubectl 1.`since` that can be asked for it. */
  readonly since?: number
  /** Last kubectl 1.`until` that can. */
  readonly until?: number
  /** It disturbs others on the cluster, so it runs when they are done. */
  readonly alone?: boolean
  /** What works only as far as the API goes, and why: for the table. */
  readonly partly?: string
  /** Written into the case's own folder, where kubectl runs. */
  readonly files?: Readonly<Record<string, string>>
  /** Run in order. */
  readonly steps?: readonly Step[]
  /** Run after the steps. */
  readonly run?: (context: VerbContext) => Promise<void>
}

/**
 * A command line without `kubectl`, as in a shell with single quotes, what it prints (on both outputs), and how. `{v}` is the version's
 * minor number, `{ns}` the case's namespace.
 */
export type Step = readonly [line: string, says: RegExp | string, options?: RunOptions]

/** Whether kubectl 1.`version` knows what the case asks for. */
export function isFor({ since = 0, until = Number.POSITIVE_INFINITY }: VerbCase, version: number): boolean {
  return version >= since && version <= until
}

/** Runs the case; throws when something is not as said. */
export async function runCase({ files = {}, steps = [], run }: VerbCase, context: VerbContext): Promise<void> {
  for (const [name, text] of Object.entries(files)) await context.write(name, text)
  for (const [line, says, options] of steps) await step(context, line, says, options)
  await run?.(context)
}

async function step(context: VerbContext, line: string, says: RegExp | string, options: RunOptions = {}): Promise<void> {
  const { stdout, stderr } = await context.run(line, options)
  const printed = stdout + stderr
  if (typeof says === 'string') assert.equal(printed.trimEnd(), context.fill(says), `kubectl ${line}`)
  else if (!says.test(printed)) assert.fail(`kubectl ${line} printed no ${says} but ${printed}`)
}
