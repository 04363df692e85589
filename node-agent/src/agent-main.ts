/** The node agent's process: reads flags, runs the agent, ends it in order. */
import { exit, stderr, stdout } from 'node:process'
import { DAVIT_VERSION } from '@davit/api'
import { pino } from 'pino'
import { cleanUp } from './cleanup.ts'
import { type AgentOptions, HELP, parseOptions, UsageError } from './options.ts'
import { runAgent } from './run-agent.ts'

const EXIT = { failed: 1, usage: 2 } as const

async function main(args: readonly string[]): Promise<void> {
  const isCleanup = args[0] === 'cleanup'
  const options = parseOptions(isCleanup ? args.slice(1) : args, { withServer: !isCleanup })
  if (options === 'help') return void stdout.write(HELP)
  if (options === 'version') return void stdout.write(`davit node-agent ${DAVIT_VERSION}\n`)
  const log = pino({ level: options.logLevel, base: null })
  try {
    if (process.getuid?.() !== 0) throw new Error('The agent must run as root: it sets up networks and mounts')
    if (isCleanup) await cleanUp(options, log)
    else await run(options, log)
  } catch (err) {
    // The reason first: it is what a person looks for in the last line of a log.
    log.fatal({ err }, err instanceof Error ? err.message : 'The agent failed')
    exit(EXIT.failed)
  }
  exit(0)
}

async function run(options: AgentOptions, log: pino.Logger): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) exit(EXIT.failed)
      log.info({ signal: name }, 'Stopping; pods run on')
      stop.abort()
    })
  }
  // A promise nobody waited for is a mistake of ours, but none that should take a whole node down.
  process.on('unhandledRejection', err => log.error({ err }, 'A failure was not handled'))
  await runAgent(options, { log, signal: stop.signal })
  log.info({}, 'Stopped')
}

/** Runs the agent, or does what else the flags ask for; sets the exit code. */
export function serveAgent(args: readonly string[]): void {
  main(args).catch((err: unknown) => {
    stderr.write(`${err instanceof Error ? err.message : String(err)}\n`)
    if (err instanceof UsageError) stderr.write('Try --help\n')
    exit(err instanceof UsageError ? EXIT.usage : EXIT.failed)
  })
}
