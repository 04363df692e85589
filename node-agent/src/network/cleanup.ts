import type Docker from 'dockerode'
import { listAddresses } from './bridge.ts'
import { CommandError, runCommand } from './command.ts'
import { inspectNetwork } from './docker-network.ts'
import { backendsWith, TABLES } from './iptables.ts'
import { type NetworkNames, networkNames } from './names.ts'
import { listRoutes, removeProbeRules, routeText } from './routes.ts'

/**
 * Takes out of the kernel and out of Docker all that a pod network of this name put there: rules, chains, routes, addresses,
 * links. Knows them by their marks, so it needs neither a running agent nor its settings. Docker may be away (undefined): then
 * its network stays.
 */
export async function cleanupNetwork({ docker, name }: { docker?: Docker; name?: string }): Promise<void> {
  const names = networkNames(name)
  for (const table of TABLES) {
    for (const iptables of await backendsWith(table)) {
      const saved = await iptables.save(table).catch(() => '')
      const text = removalOf(saved, names, table)
      if (text) await iptables.restore(text)
    }
  }
  await removeProbeRules(names)
  const routes = await listRoutes(names.routeProtocol)
  for (const route of routes) await quietly('ip', 'route', 'del', ...routeText(route).split(' '), 'proto', String(names.routeProtocol))
  for (const address of await ourAddresses(names)) await quietly('ip', 'addr', 'del', `${address}/32`, 'dev', 'lo')
  await quietly('ip', 'link', 'del', names.vxlan)
  if (!docker) return
  const network = await inspectNetwork(docker, names.dockerNetwork).catch(() => undefined)
  if (!network) return
  for (const [id, endpoint] of Object.entries(network.Containers ?? {})) {
    const Container = id.startsWith('ep-') ? endpoint.Name : id
    // It may have gone meanwhile; what is really in the way the removal names.
    await docker
      .getNetwork(network.Id)
      .disconnect({ Container, Force: true })
      .catch(() => {})
  }
  await docker.getNetwork(network.Id).remove()
}

/** What iptables-restore has to be told so that nothing of ours is left in a table; empty when nothing is. Pure. */
export function removalOf(saved: string, { chainPrefix, comment }: Pick<NetworkNames, 'chainPrefix' | 'comment'>, table: string): string {
  const lines = saved.split('\n')
  const chains = lines.filter(line => line.startsWith(`:${chainPrefix}`)).map(line => line.slice(1).split(' ')[0] ?? '')
  const jumps = lines.filter(line => new RegExp(`^-A (?!${chainPrefix}).* --comment "?${comment}"? `).test(line))
  if (chains.length === 0 && jumps.length === 0) return ''
  // Declared anew, a chain is empty; only then can those it led to be deleted.
  return [
    `*${table}`,
    ...chains.map(chain => `:${chain} - [0:0]`),
    ...jumps.map(line => line.replace(/^-A /, '-D ')),
    ...chains.map(chain => `-X ${chain}`),
    'COMMIT\n',
  ].join('\n')
}

async function ourAddresses({ addressLabel }: NetworkNames): Promise<string[]> {
  const links = await listAddresses()
  return links.flatMap(({ addr_info }) => addr_info.filter(({ label }) => label === addressLabel).map(({ local }) => local ?? ''))
}

async function quietly(file: string, ...args: string[]): Promise<void> {
  await runCommand(file, args).catch(err => {
    if (!(err instanceof CommandError) || err.code === undefined) throw err // Not there: as wanted. No such program: not.
  })
}
