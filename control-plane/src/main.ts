/** The program. What it is asked for is loaded only then: a health check every few seconds must not load a whole control plane. */
import { argv, exit, stderr } from 'node:process'

type Subcommand = (args: readonly string[]) => Promise<void>

const SUBCOMMANDS: Readonly<Record<string, () => Promise<Subcommand>>> = {
  'place-restored': async () => (await import('./place-restored.ts')).placeRestored,
  restore: async () => (await import('./restore.ts')).restore,
  health: async () => (await import('./health.ts')).checkHealth,
  prepare: async () => (await import('./prepare.ts')).prepareDirectories,
  'join-etcd': async () => (await import('./join-etcd.ts')).joinEtcd,
}

const [name = '', ...args] = argv.slice(2)
if (Object.hasOwn(SUBCOMMANDS, name)) void runOnce(SUBCOMMANDS[name]!)
else void import('./control-plane-main.ts').then(({ serveControlPlane }) => serveControlPlane(argv.slice(2)))

/** Does one thing and ends; what goes wrong is for the person who reads it, without a stack. */
async function runOnce(load: () => Promise<Subcommand>): Promise<void> {
  try {
    const subcommand = await load()
    await subcommand(args)
    exit(0)
  } catch (err) {
    stderr.write(`control-plane ${name}: ${(err as Error).message}\n`)
    exit(1)
  }
}
