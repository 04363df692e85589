import { setTimeout } from 'node:timers/promises'
import type { Clock } from '@davit/api'
import { pino } from 'pino'
import { runDataPlane } from './run-data-plane.ts'

// Not the api's own: loading all kinds and their schemas would cost this process, which needs none, 25 MB.
const clock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, { ...(signal && { signal }) }),
}

/** The data plane as a process, `data-plane --socket PATH`: serves until it is told to stop, then ends the process. */
export async function serveDataPlane(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--socket')
  const socketPath = at === -1 ? undefined : args[at + 1]
  if (socketPath === undefined) {
    process.stderr.write('Usage: node-agent data-plane --socket PATH\n')
    process.exit(2)
  }
  const log = pino({ name: 'data-plane' })
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort()).on('SIGINT', () => stop.abort())
  try {
    await runDataPlane({ socketPath, log, clock, signal: stop.signal })
    process.exit(0)
  } catch (err) {
    log.fatal({ err }, 'The data plane cannot run')
    process.exit(1)
  }
}
