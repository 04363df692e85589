import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cleanUpNode, dockerAnswers, stopAgent, stopControlPlane } from './cluster.ts'
import type { Home } from './home.ts'
import { type DockerHost, removeHost, removeHostBridge, unmountBelow } from './hosts.ts'
import { LOCAL_DOCKER_SOCKET, stopLocalDocker } from './local-docker.ts'
import { runningProcesses, stopProcess } from './processes.ts'
import { knownHosts, readClusterState } from './up.ts'

export interface DownOptions {
  home: Home
  /** Remove what was stored too: the cluster's objects, certificates, volumes and images. */
  purge?: boolean
  report?: (line: string) => void
}

/**
 * Stops everything `up` started in this home and leaves no process, namespace, bridge, route, mount or rule. Carries on past
 * a step that fails, and throws at the end when one did.
 */
export async function bringDown({ home, purge = false, report = () => {} }: DownOptions): Promise<void> {
  const state = await readClusterState(home)
  const failures: Error[] = []
  const step = async (line: string, work: () => Promise<unknown>) => {
    report(line)
    await work().catch(error => failures.push(error as Error))
  }
  if (state) {
    const hosts = await knownHosts(home, state.network)
    const nodes: { name: string; socket: string; host?: DockerHost }[] =
      state.nodes > 0
        ? hosts.map(host => ({ name: host.name, socket: host.socket, host }))
        : [{ name: 'node-1', socket: LOCAL_DOCKER_SOCKET }]
    await step('Stopping the node agents', () => Promise.all(nodes.map(node => stopAgent(home, node.name))))
    const reachable: typeof nodes = []
    for (const node of nodes) if (await dockerAnswers(node.socket)) reachable.push(node)
    await step('Removing pods, networks and rules', () =>
      Promise.all(
        reachable.map(node => cleanUpNode({ home, nodeName: node.name, dockerSocket: node.socket, ...(node.host && { host: node.host }) })),
      ),
    )
    await step('Stopping the control plane', () => stopControlPlane(home))
    if (state.nodes > 0) {
      const options = { network: state.network, dir: home.hosts, logs: home.logs, run: home.run, purge }
      await step('Stopping the Docker hosts', async () => {
        for (const host of hosts) await removeHost(host, options)
        await removeHostBridge(state.network)
      })
    } else {
      await step('Stopping Docker, where it was started for this cluster', () => stopLocalDocker(home))
    }
  }
  // Whatever an interrupted `up` left behind.
  for (const { name } of await runningProcesses(home.run)) await step(`Stopping ${name}`, () => stopProcess(join(home.run, `${name}.pid`)))
  await unmountBelow(home.dir)
  if (purge) {
    report(`Removing ${home.dir}`)
    for (const entry of await readdir(home.dir).catch(() => [])) await rm(join(home.dir, entry), { recursive: true, force: true })
    await rm(home.dir, { recursive: true, force: true })
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(failure => failure.message).join('; '))
}

/** What of the cluster in this home runs now, by name. */
export async function runningParts(home: Home): Promise<{ name: string; pid: number }[]> {
  return runningProcesses(home.run)
}
