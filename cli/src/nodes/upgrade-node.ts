/** Another agent on a node, its containers untouched, and the way back when it does not work. */
import type { Clock, HttpClient } from '@davit/api'
import type { SshHost, UploadSource } from '../ssh/index.ts'
import type { Report } from './add-host.ts'
import { lastWords } from './agent-log.ts'
import { leaseOf, untilReady } from './ready.ts'

export interface UpgradeOptions {
  readonly client: HttpClient
  readonly clock: Clock
  readonly nodeName: string
  readonly host: SshHost
  /** The agent to run; undefined: the one before the last upgrade. */
  readonly agent: UploadSource | undefined
  /** What the agent has to call itself. */
  readonly version?: string | undefined
  /** How long it has to become Ready before the one before it takes over again. */
  readonly timeoutMs: number
}

/** The agent's executable on a node; `.previous` is the one before the last upgrade. */
export const AGENT = '/usr/local/bin/davit-node-agent'
const RESTART_MS_MAX = 60_000
const BACK_MS_MIN = 60_000

/**
 * Replaces the executable in one step and restarts the agent; if the Node is not Ready with it in time, puts the one before it back. Gives
 * what it came to. Rejects, saying in which state the node is left.
 */
export async function upgradeNode(options: UpgradeOptions, report: Report): Promise<{ from: string; to: string; isChanged: boolean }> {
  const { host, agent } = options
  const from = await versionOf(host, AGENT)
  if (agent && (await sumOf(host, AGENT)) === agent.sha256) return { from, to: from, isChanged: false }
  if (agent) {
    report.step('uploading the agent')
    await host.upload(agent, `${AGENT}.new`, {
      mode: 0o755,
      sudo: true,
      onProgress: share => report.detail(`uploading the agent: ${Math.round(share * 100)} %`),
    })
  } else
    await host.demand(
      'go back',
      `[ -x ${AGENT}.previous ] || { echo 'no agent from before an upgrade is kept' >&2; exit 1; }; cp -p ${AGENT}.previous ${AGENT}.new`,
      { sudo: true },
    )
  const to = await checkNew(options)
  report.step(`restarting the agent as ${to}`)
  try {
    await switchTo(options, { version: to, report, script: `ln -f ${AGENT} ${AGENT}.previous && mv -f ${AGENT}.new ${AGENT}` })
  } catch (err) {
    const why = (err as Error).message
    report.step(`going back to ${from}: ${why}`)
    await goBack(options, { version: from, report, why })
    throw new Error(`${to} did not work, and ${from} runs again: ${why}`, { cause: err })
  }
  return { from, to, isChanged: true }
}

/** A program that does not even start never takes the place of one that does. */
async function checkNew({ host, version }: UpgradeOptions): Promise<string> {
  try {
    const found = await versionOf(host, `${AGENT}.new`)
    if (version !== undefined && found !== version)
      throw new Error(`The agent given is ${found}, wanted ${version}: name its file with --agent`)
    return found
  } catch (err) {
    await host.run(`rm -f ${AGENT}.new`, { sudo: true })
    throw err
  }
}

async function versionOf(host: SshHost, path: string): Promise<string> {
  const said = await host.demand(`run ${path}`, `${path} --version`, { sudo: true })
  return said.trim().split(' ').at(-1) ?? ''
}

async function sumOf(host: SshHost, path: string): Promise<string> {
  return (await host.demand('read the checksum', `sha256sum ${path}`, { sudo: true })).split(' ')[0] ?? ''
}

async function switchTo(
  { client, clock, host, nodeName, timeoutMs }: UpgradeOptions,
  { version, report, script }: { version: string; report: Report; script: string },
): Promise<void> {
  const { timeMs } = await lastWords(host)
  // Whichever of the two executables works can restart the service.
  const restart = `${AGENT} service restart || ${AGENT}.previous service restart`
  await host.demand('restart the agent', `${script} && { ${restart}; }`, { sudo: true, timeoutMs: RESTART_MS_MAX })
  const afterLease = await leaseOf(client, nodeName)
  await untilReady(nodeName, {
    client,
    clock,
    afterLease,
    version,
    timeoutMs,
    async onWaiting(why) {
      const words = await lastWords(host, timeMs)
      report.detail(`waiting until it is Ready: ${why}${words.text && `; the agent says: ${words.text}`}`)
    },
  }).catch(async (err: unknown) => {
    const { text } = await lastWords(host, timeMs)
    throw new Error(`${(err as Error).message}${text && `; the agent said: ${text}`}`, { cause: err })
  })
}

async function goBack(options: UpgradeOptions, { version, report, why }: { version: string; report: Report; why: string }): Promise<void> {
  try {
    // What worked before is given time, however little the new one had.
    const patient = { ...options, timeoutMs: Math.max(options.timeoutMs, BACK_MS_MIN) }
    await switchTo(patient, { version, report, script: `ln -f ${AGENT}.previous ${AGENT}.new && mv -f ${AGENT}.new ${AGENT}` })
  } catch (err) {
    throw new Error(`The new agent did not work (${why}), and the one before it does not either: ${(err as Error).message}`, { cause: err })
  }
}
