/** `npm run bench -- pods|density|failover|api`: measures, prints, and leaves nothing behind. */
import { parseArgs } from 'node:util'
import { benchApi } from './api/index.ts'
import { benchDensity } from './density.ts'
import { benchFailover } from './failover.ts'
import type { BenchOptions } from './options.ts'
import { benchPods } from './pods.ts'
import { machine, printReport, progress, type Report } from './report.ts'

interface Bench {
  run(options: BenchOptions): Promise<Report>
  /** By default. */
  replicas: number
  /** No bench goes on for longer than this for each run. */
  minutesPerRun: number
}

const BENCHES: Readonly<Record<string, Bench>> = {
  pods: { run: benchPods, replicas: 60, minutesPerRun: 6 },
  density: { run: benchDensity, replicas: 110, minutesPerRun: 10 },
  failover: { run: benchFailover, replicas: 12, minutesPerRun: 6 },
  api: { run: benchApi, replicas: 0, minutesPerRun: 4 },
}

const CONTENDERS: readonly string[] = ['raw', 'swarm', 'davit']

const HELP = `Usage: npm run bench -- pods|density|failover|api [flags]

  pods        60 replicas to Running on three hosts, beside raw Docker and Swarm; one pod; memory and idle processor time
  density     110 pods on one host: start, stop, memory and processor time at rest
  failover    a crashed host, to NotReady, endpoints gone and replacements Running, beside Swarm
  api         GET, LIST of 10,000 pods and an event to 1,000 watchers beside bare fastify, writes beside raw etcd, with memory

  --runs N         Runs of each, of which the median counts (3)
  --replicas N     How many replicas (60; density: 110; failover: 12)
  --only A,B       Of raw, swarm and davit only these
  --json FILE      Write the JSON line to FILE too

Needs root, Docker and etcd. See bench/README.md.
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '3' },
      replicas: { type: 'string' },
      only: { type: 'string', default: CONTENDERS.join() },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const bench = BENCHES[positionals[0] ?? '']
  if (!bench || positionals.length > 1) {
    process.stderr.write(HELP)
    return 2
  }
  const runs = count('--runs', values.runs)
  const replicas = values.replicas === undefined ? bench.replicas : count('--replicas', values.replicas)
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout((runs + 1) * bench.minutesPerRun * 60_000)])
  const report = await bench.run({ runs, replicas, only: contenders(values.only), signal })
  await printReport({ ...report, figures: { runs, ...machine(), ...report.figures } }, values.json)
  return 0
}

function count(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 1000) throw new Error(`Cannot use ${flag} "${text}": want a number from 1 to 1000`)
  return value
}

function contenders(text: string): string[] {
  const names = text.split(',')
  const wrong = names.find(name => !CONTENDERS.includes(name))
  if (wrong !== undefined) throw new Error(`Cannot use --only "${text}": want some of ${CONTENDERS.join(', ')}, got "${wrong}"`)
  return names
}

/** Aborts at the first SIGINT or SIGTERM, upon which the bench cleans up. The second ends it at once; the next bench then cleans up. */
function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130)
      progress(`Interrupted by ${name}`)
      controller.abort(new Error(`Interrupted by ${name}`))
    })
  }
  return controller.signal
}

main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
