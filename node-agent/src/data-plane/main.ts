/** The data plane as a process: `main.js --socket PATH`. */
import { systemClock } from '@davit/api'
import { pino } from 'pino'
import { runDataPlane } from './run-data-plane.ts'

const at = process.argv.indexOf('--socket')
const socketPath = at === -1 ? undefined : process.argv[at + 1]
if (socketPath === undefined) {
  process.stderr.write('Usage: data-plane --socket PATH\n')
  process.exit(2)
}

const log = pino({ name: 'data-plane' })
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort()).on('SIGINT', () => stop.abort())
try {
  await runDataPlane({ socketPath, log, clock: systemClock, signal: stop.signal })
  process.exit(0)
} catch (err) {
  log.fatal({ err }, 'The data plane cannot run')
  process.exit(1)
}
