/**
 * Places where a test lets the agent fail on purpose. Off unless DAVIT_FAILPOINTS names some, and then each passes its count:
 * `DAVIT_FAILPOINTS='pods.start.container-created=kill:2,pods.stop.drained=error'`.
 */
import { writeSync } from 'node:fs'
import { failpoints } from './parse.ts'

const armed = failpoints(process.env.DAVIT_FAILPOINTS ?? '')
const passes = new Map<string, number>()

/** Does nothing unless `name` is armed and passed for the N-th time: then kills this process, throws, or (to be awaited) never ends. */
export function failpoint(name: string): Promise<void> | undefined {
  if (armed.size === 0) return undefined
  const wanted = armed.get(name)
  if (!wanted) return undefined
  const pass = (passes.get(name) ?? 0) + 1
  passes.set(name, pass)
  if (pass !== wanted.pass) return undefined
  writeSync(2, `Failpoint ${name}: ${wanted.effect}\n`)
  if (wanted.effect === 'kill') process.kill(process.pid, 'SIGKILL')
  if (wanted.effect === 'error') throw new Error(`Failpoint ${name}`)
  return new Promise(() => {})
}
