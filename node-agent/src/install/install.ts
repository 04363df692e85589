/** Makes the agent a service of this machine, and this machine a node of a cluster. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isSea } from 'node:sea'
import { pipeline } from 'node:stream/promises'
import type { Clock, Logger } from '@davit/api'
import { stringify } from 'yaml'
import { loadOrJoin, readIdentity } from '../identity/index.ts'
import type { AgentOptions, Settings } from '../options.ts'
import { LAYOUT } from './layout.ts'
import { findService, writeWhole } from './service.ts'

export interface InstallOptions {
  readonly settings: Settings
  readonly options: AgentOptions
  /** Gives the join token; asked only when this machine has not joined yet, or what it got then is of no use any more. */
  readonly token: () => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Logger
  /** Told what was done, a line each. */
  readonly print: (line: string) => void
}

const JOIN_MS_MAX = 60_000
/** What the join needs and nothing after it does. */
const ONLY_FOR_JOINING: readonly string[] = ['token-file', 'config']

/** Joins, or joins again, writes the settings and the service, and starts it; what is right already stays untouched. Throws, saying why and what to do. */
export async function install({ settings, options, token, clock, log, print }: InstallOptions): Promise<void> {
  // Whatever keeps the service from being made is better known before the token is spent.
  const service = await findService()
  const isNewProgram = await placeExecutable()
  const isNewMember = await joinOnce({ options, token, clock, log })
  if (isNewMember) print(`Joined the cluster as node "${options.nodeName}"`)

  const config = configText(settings, options)
  const isNewConfig = (await readFile(LAYOUT.config, 'utf8').catch(() => '')) !== config
  if (isNewConfig) await writeWhole(LAYOUT.config, config, 0o600)
  const isNewService = await service.register()
  if (isNewConfig || isNewService) print(`Wrote ${LAYOUT.config} and the service (${service.init})`)

  if (!(await service.isRunning())) {
    await service.start()
    print('Started the agent')
  } else if (isNewProgram || isNewMember || isNewConfig || isNewService) {
    await service.restart()
    print('Restarted the agent')
  } else print('Everything is as it should be')
}

/** What the agent reads at each start. */
export function configText(settings: Settings, { nodeName, dataDir }: Pick<AgentOptions, 'nodeName' | 'dataDir'>): string {
  const kept = Object.entries(settings).filter(([name]) => !ONLY_FOR_JOINING.includes(name))
  // The machine may be given another hostname, but the node keeps its name.
  return `# Flags of davit-node-agent, written by its "install"\n${stringify({ ...Object.fromEntries(kept), 'node-name': nodeName, 'data-dir': dataDir })}`
}

/** An executable run from elsewhere puts itself in place. */
async function placeExecutable(): Promise<boolean> {
  const own = process.execPath
  if (!isSea() || own === LAYOUT.executable || (await hashOf(own)) === (await hashOf(LAYOUT.executable).catch(() => ''))) return false
  const part = `${LAYOUT.executable}.davit-part`
  try {
    await copyFile(own, part)
    await rename(part, LAYOUT.executable)
  } finally {
    await rm(part, { force: true })
  }
  return true
}

/** Piece by piece: it is larger than some machines have memory to spare. */
async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function joinOnce({ options, token, clock, log }: Pick<InstallOptions, 'options' | 'token' | 'clock' | 'log'>): Promise<boolean> {
  const { dataDir, servers, nodeName, caHash } = options
  const dir = join(dataDir, 'identity')
  const kept = await readIdentity(dir)
  let reason = ''
  const noting: Logger = {
    ...log,
    warn: fields => {
      const { err } = fields as { err?: Error }
      reason = err?.message ?? reason
    },
  }
  const signal = AbortSignal.timeout(JOIN_MS_MAX)
  try {
    const { certificate } = await loadOrJoin({ dir, servers, nodeName, caHash, token, again: true, clock, log: noting, signal })
    return certificate !== kept?.certificate
  } catch (err) {
    if (!signal.aborted) throw err
    throw new Error(
      `The API did not answer at ${servers.join(', ')} within ${JOIN_MS_MAX / 1000} s: ${reason}; check the network and firewalls`,
      { cause: err },
    )
  }
}
