/** Takes a node out of the cluster, and the agent off its machine. */
import { deadlineSignal, type HttpClient, isReason, nodeKind } from '@davit/api'
import { drainNode } from '../drain/index.ts'
import type { Session } from '../session/index.ts'
import { SshError, type SshHost } from '../ssh/index.ts'
import type { Report } from './add-host.ts'
import { factsScript, parseFacts } from './facts.ts'

export interface RemoveOptions {
  readonly session: Session
  /** The machine; rejects when it cannot be reached. */
  readonly connect: () => Promise<SshHost>
  /** Known already unless only the machine was named. */
  readonly nodeName: string | undefined
  readonly clusterId: string
  /** Goes on without the machine, and with pods that nothing starts elsewhere. */
  readonly force: boolean
  readonly drainMs: number
}

const UNINSTALL_MS_MAX = 180_000

/** Gives the name of the Node that is gone. Rejects with what failed; running it again goes on. */
export async function removeNode(options: RemoveOptions, report: Report): Promise<string> {
  const { session, force } = options
  report.step('connecting')
  const host = await options.connect().catch((err: unknown) => {
    if (!force || options.nodeName === undefined) throw err
    report.note(`${options.nodeName}: going on without its machine: ${(err as Error).message}`)
    return undefined
  })
  try {
    const name = options.nodeName ?? (host && (await nodeNameOf(host, options.clusterId)))
    if (name === undefined) throw new Error('The machine has no agent of this cluster: nothing to remove')
    await empty(name, options, report)
    if (host) {
      report.step('uninstalling the agent')
      for (const line of await uninstall(host)) report.note(`${name}: ${line}`)
    }
    report.step('deleting the Node')
    await session.client
      .resource(nodeKind)
      .delete({ name })
      .catch((err: unknown) => {
        if (!isReason(err, 'NotFound')) throw err
      })
    return name
  } finally {
    host?.close()
  }
}

async function nodeNameOf(host: SshHost, clusterId: string): Promise<string | undefined> {
  const { identity } = parseFacts(await host.demand('look at the machine', 'sh -s', { sudo: true, input: factsScript([]) }))
  if (identity && identity.clusterId !== clusterId)
    throw new Error(
      `The machine is node "${identity.nodeName}" of another cluster (${identity.clusterId}): remove it with that cluster's kubeconfig`,
    )
  return identity?.nodeName
}

async function empty(name: string, { session, force, drainMs }: RemoveOptions, report: Report): Promise<void> {
  if (!(await cordon(session.client, name))) return
  report.step('draining')
  try {
    await drainNode(session, name, {
      ignoreDaemonSets: true,
      deleteEmptyDirData: true,
      force,
      evicts: true,
      dryRun: 'none',
      print: text => report.detail(`draining: ${text.trim()}`),
      warn: text => report.note(`${name}: ${text.trim()}`),
      signal: deadlineSignal(drainMs),
      timeoutText: `${drainMs / 1000}s`,
    })
  } catch (err) {
    const remedy = 'the node is cordoned; give --force to lose such pods, or "davit uncordon" to keep it'
    if (!force) throw new Error(`Cannot drain it: ${(err as Error).message}; ${remedy}`, { cause: err })
    report.note(`${name}: not drained to the end: ${(err as Error).message}`)
  }
}

/** False when there is no such Node. */
async function cordon(client: HttpClient, name: string): Promise<boolean> {
  try {
    await client.resource(nodeKind).patch({ name }, { type: 'merge', body: { spec: { unschedulable: true } } })
    return true
  } catch (err) {
    if (isReason(err, 'NotFound')) return false
    throw err
  }
}

/** Leaves nothing of us but the data of claims, of which the lines it gives tell; a machine that has nothing is fine as well. */
async function uninstall(host: SshHost): Promise<string[]> {
  const script = `agent=/usr/local/bin/davit-node-agent
[ -x "$agent" ] || agent=$agent.previous
if [ ! -x "$agent" ]; then [ ! -e /var/lib/davit/node ] && exit 0; echo 'its executable is gone, but not its data: run "davit node add" again, then this' >&2; exit 1; fi
"$agent" uninstall`
  try {
    const said = await host.demand('uninstall the agent', script, { sudo: true, timeoutMs: UNINSTALL_MS_MAX })
    return said.split('\n').filter(line => line.startsWith('The data of claims'))
  } catch (err) {
    if (err instanceof SshError && err.problem === 'command')
      throw new SshError('command', `${err.message}; what is left is found by running this again`, { cause: err })
    throw err
  }
}
