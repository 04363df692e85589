/** All that kubectl is shown to do, in the order of the table. */
import type { VerbCase } from './case.ts'
import { cases as apply } from './cases/apply.ts'
import { cases as auth } from './cases/auth.ts'
import { cases as change } from './cases/change.ts'
import { cases as create } from './cases/create.ts'
import { cases as debug } from './cases/debug.ts'
import { cases as deletion } from './cases/delete.ts'
import { cases as discovery } from './cases/discovery.ts'
import { cases as get } from './cases/get.ts'
import { cases as kinds } from './cases/kinds.ts'
import { cases as nodes } from './cases/nodes.ts'
import { cases as rollout } from './cases/rollout.ts'
import { cases as run } from './cases/run.ts'
import { cases as streams } from './cases/streams.ts'
import { cases as wait } from './cases/wait.ts'

export const VERBS: readonly VerbCase[] = [
  kinds,
  create,
  run,
  apply,
  change,
  rollout,
  wait,
  get,
  deletion,
  streams,
  debug,
  auth,
  nodes,
  discovery,
].flat()

/** Minor versions of kubectl that it is shown with. */
export const VERSIONS: readonly number[] = [27, 29, 31, 33, 35]
