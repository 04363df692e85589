/** The agent's program as its own installer: `install`, `uninstall` and `service`. Each gives the exit code. */
import { access } from 'node:fs/promises'
import { stdout } from 'node:process'
import { systemClock } from '@davit/api'
import { pino } from 'pino'
import { cleanUp, REMOVE_VOLUMES } from './cleanup.ts'
import { readOptions } from './config-file.ts'
import { findService, install, LAYOUT, uninstall } from './install/index.ts'
import { tell, UsageError } from './options.ts'
import { readToken } from './run-agent.ts'
import { claimsDirectory } from './volumes/index.ts'

const NOT_RUNNING = 3
const VERBS = ['start', 'stop', 'restart'] as const
const HERE = { 'data-dir': LAYOUT.dataDir }

export async function installHere(args: readonly string[]): Promise<number> {
  // Whoever names no file changes what is installed: data directory, labels and all else stay.
  const present = args.some(arg => arg.startsWith('--config')) ? [] : await installedConfig()
  const read = await readOptions([...present, ...args], { takesToken: true, defaults: HERE })
  if (typeof read === 'string') return tell(read)
  const { settings, options, token } = read
  await install({
    settings,
    options,
    token: async () => token ?? (await readToken(options.tokenFile)),
    clock: systemClock,
    log: pino({ level: 'silent' }),
    print: line => void stdout.write(`${line}\n`),
  })
  return 0
}

export async function uninstallHere(args: readonly string[]): Promise<number> {
  const own = args.filter(arg => arg !== REMOVE_VOLUMES)
  const read = await readOptions([...(await installedConfig()), ...own], { withServer: false, defaults: HERE })
  if (typeof read === 'string') return tell(read)
  const { options } = read
  const removeVolumes = args.includes(REMOVE_VOLUMES)
  const { kept } = await uninstall({
    dataDir: options.dataDir,
    claims: claimsDirectory(options.dataDir),
    cleanUp: () => cleanUp(options, { log: pino({ level: 'error' }, pino.destination(2)), removeVolumes }),
  })
  stdout.write('Uninstalled the agent\n')
  if (kept.length > 0)
    stdout.write(`The data of claims is still in ${kept.join(' ')}: delete it by hand, or with uninstall ${REMOVE_VOLUMES}\n`)
  return 0
}

/** Flags that read what `install` wrote; none where it did not. */
async function installedConfig(): Promise<string[]> {
  return access(LAYOUT.config).then(
    () => ['--config', LAYOUT.config],
    () => [],
  )
}

export async function controlService([verb]: readonly string[]): Promise<number> {
  const service = await findService()
  if (verb === 'status') {
    const isRunning = await service.isRunning()
    stdout.write(isRunning ? 'running\n' : 'stopped\n')
    return isRunning ? 0 : NOT_RUNNING
  }
  const asked = VERBS.find(known => known === verb)
  if (!asked) throw new UsageError(`service cannot "${verb ?? ''}": want start, stop, restart or status`)
  await service[asked]()
  return 0
}
