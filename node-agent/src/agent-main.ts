/** The node agent's process: reads flags, runs the agent or does what else is asked, ends in order. */
import { exit, stderr } from 'node:process'
import { systemClock } from '@davit/api'
import { pino } from 'pino'
import { cleanUp, REMOVE_VOLUMES } from './cleanup.ts'
import { readOptions } from './config-file.ts'
import { type AgentOptions, tell, UsageError } from './options.ts'
import { runAgent } from './run-agent.ts'
import { askShutdown, isGoingDown } from './shutdown/index.ts'

const EXIT = { failed: 1, usage: 2 } as const

/** Things to do besides running the agent, each with the arguments after its name; loaded only for whoever asks for one. */
const VERBS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  install: async args => (await import('./install-main.ts')).installHere(args),
  uninstall: async args => (await import('./install-main.ts')).uninstallHere(args),
  service: async args => (await import('./install-main.ts')).controlService(args),
  cleanup: cleanUpHere,
  shutdown: shutDownHere,
}

async function main(args: readonly string[]): Promise<void> {
  const verb = Object.hasOwn(VERBS, args[0] ?? '') ? VERBS[args[0] ?? ''] : undefined
  if (verb) {
    assertRoot(args)
    exit(await verb(args.slice(1)))
  }
  const read = await readOptions(args)
  if (typeof read === 'string') exit(tell(read))
  const log = logger(read.options)
  try {
    assertRoot(args)
    await run(read.options, log)
  } catch (err) {
    // The reason first: it is what a person looks for in the last line of a log.
    log.fatal({ err }, err instanceof Error ? err.message : 'The agent failed')
    exit(EXIT.failed)
  }
  exit(0)
}

function logger({ logLevel }: Pick<AgentOptions, 'logLevel'>): pino.Logger {
  return pino({ level: logLevel, base: null })
}

async function cleanUpHere(args: readonly string[]): Promise<number> {
  const read = await readOptions(
    args.filter(arg => arg !== REMOVE_VOLUMES),
    { withServer: false },
  )
  if (typeof read === 'string') return tell(read)
  await cleanUp(read.options, { log: logger(read.options), removeVolumes: args.includes(REMOVE_VOLUMES) })
  return 0
}

async function shutDownHere(args: readonly string[]): Promise<number> {
  const read = await readOptions(args, { withServer: false })
  if (typeof read === 'string') return tell(read)
  const { dataDir, node } = read.options
  await askShutdown(dataDir, { graceMs: node.shutdown.graceMs, clock: systemClock })
  return 0
}

function assertRoot(args: readonly string[]): void {
  if (process.getuid?.() !== 0 && !args.includes('--help')) throw new Error('The agent must run as root: it sets up networks and mounts')
}

async function run(options: AgentOptions, log: pino.Logger): Promise<void> {
  const stop = new AbortController()
  let shutDown: (() => Promise<void>) | undefined
  const leave = async (name: string) => {
    // The same signal comes when only the agent is restarted, or upgraded: then pods run on.
    if (shutDown && (await isGoingDown())) return shutDown()
    log.info({ signal: name }, 'Stopping; pods run on')
  }
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) exit(EXIT.failed)
      void leave(name).finally(() => stop.abort())
    })
  }
  // A promise nobody waited for is a mistake of ours, but none that should take a whole node down.
  process.on('unhandledRejection', err => log.error({ err }, 'A failure was not handled'))
  await runAgent(options, {
    log,
    signal: stop.signal,
    onReady: agent => {
      shutDown = agent.shutDown
    },
  })
  log.info({}, 'Stopped')
}

/** Sets the exit code. */
export function serveAgent(args: readonly string[]): void {
  main(args).catch((err: unknown) => {
    if (err instanceof UsageError) stderr.write('Try --help\n')
    // Last, for whoever runs this from afar shows the last line.
    stderr.write(`${err instanceof Error ? err.message : String(err)}\n`)
    exit(err instanceof UsageError ? EXIT.usage : EXIT.failed)
  })
}
