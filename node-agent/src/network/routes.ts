import { runCommand } from './command.ts'
import type { NetworkNames } from './names.ts'
import type { Path } from './peer-paths.ts'
import { PROBE_PORT } from './prober.ts'
import { tunnelAddress } from './vxlan.ts'

/** Another node, as far as the network needs it. */
export interface Peer {
  readonly name: string
  /** Address at which this node reaches it. */
  readonly address: string
  readonly podCidr: string
}

export interface Route {
  readonly destination: string
  /** Undefined: on the link itself. */
  readonly via?: string
  readonly device?: string
}

interface KernelRoute {
  readonly dst: string
  readonly gateway?: string
  readonly dev?: string
}

export interface RoutesWanted {
  readonly peers: readonly Peer[]
  readonly pathTo: (peer: string) => Path
  readonly isOnLink: (address: string) => boolean
  readonly serviceCidr: string
  readonly names: Pick<NetworkNames, 'bridge' | 'vxlan'>
  /** Whether there is a tunnel at all. */
  readonly hasTunnel: boolean
}

/** The routes of all traffic, and those that only probes follow: straight, or through the tunnel, by the address they go to. Pure. */
export function wantedRoutes({ peers, pathTo, isOnLink, serviceCidr, names, hasTunnel }: RoutesWanted): { main: Route[]; probes: Route[] } {
  const straight = ({ podCidr, address }: Peer): Route => ({ destination: podCidr, via: address })
  const inTunnel = ({ podCidr }: Peer): Route => ({ destination: podCidr, via: tunnelAddress(podCidr), device: names.vxlan })
  const tunnelEnds = hasTunnel ? peers.map(({ podCidr }) => ({ destination: `${tunnelAddress(podCidr)}/32`, device: names.vxlan })) : []
  return {
    main: [
      // So that the node itself has a way to Services: where it leads does not matter, the address is translated before.
      { destination: serviceCidr, device: names.bridge },
      ...tunnelEnds,
      ...peers.map(peer => (hasTunnel && pathTo(peer.name) === 'vxlan' ? inTunnel(peer) : straight(peer))),
    ],
    probes: [...tunnelEnds, ...peers.filter(({ address }) => isOnLink(address)).map(straight)],
  }
}

/** The text `ip route` takes after its verb. */
export function routeText({ destination, via, device }: Route): string {
  return [destination, via && `via ${via}`, device && `dev ${device}`, via && device && 'onlink'].filter(Boolean).join(' ')
}

/** What to change so that the routes of ours that are there become those wanted. Pure. */
export function planRoutes(wanted: readonly Route[], present: readonly Route[]): { replace: Route[]; remove: Route[] } {
  const isThere = (route: Route) =>
    present.some(
      other =>
        other.destination === route.destination && other.via === route.via && (route.device === undefined || other.device === route.device),
    )
  const destinations = new Set(wanted.map(route => route.destination))
  return {
    replace: wanted.filter(route => !isThere(route)),
    remove: present.filter(route => !destinations.has(route.destination)),
  }
}

/** Routes that carry our mark, of the main table or another one. */
export async function listRoutes(protocol: number, table = 'main'): Promise<Route[]> {
  // A table without routes does not exist, which `ip` calls an error.
  const text = await runCommand('ip', ['-j', '-4', 'route', 'show', 'table', table, 'proto', String(protocol)]).catch(() => '')
  if (!text.trim()) return []
  return (JSON.parse(text) as KernelRoute[]).map(({ dst, gateway, dev }) => ({
    destination: dst.includes('/') ? dst : `${dst}/32`,
    ...(gateway !== undefined && { via: gateway }),
    ...(dev !== undefined && { device: dev }),
  }))
}

/**
 * Makes the kernel's routes of ours those wanted. One bad route (a peer that is on no link) does not keep out the others:
 * gives what went wrong, as text, or undefined.
 */
export async function applyRoutes(wanted: readonly Route[], protocol: number, table = 'main'): Promise<string | undefined> {
  const { replace, remove } = planRoutes(wanted, await listRoutes(protocol, table))
  const lines = [
    ...remove.map(route => `route del ${routeText(route)} table ${table} proto ${protocol}`),
    ...replace.map(route => `route replace ${routeText(route)} table ${table} proto ${protocol}`),
  ]
  if (lines.length === 0) return undefined
  try {
    await runCommand('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
    return undefined
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
}

/** Sends probes and their answers by the table of their own. */
export async function ensureProbeRules({ routeProtocol, probeTable }: NetworkNames): Promise<void> {
  const rules = JSON.parse(await runCommand('ip', ['-j', '-4', 'rule', 'show'])) as { table?: string; dport?: number; sport?: number }[]
  for (const end of ['dport', 'sport'] as const) {
    if (rules.some(rule => rule.table === String(probeTable) && rule[end] === PROBE_PORT)) continue
    const match = ['ipproto', 'udp', end, String(PROBE_PORT), 'lookup', String(probeTable)]
    await runCommand('ip', ['rule', 'add', 'pref', String(PROBE_PORT), ...match, 'protocol', String(routeProtocol)])
  }
}

/** Takes away what `ensureProbeRules` made, and the routes it leads to. */
export async function removeProbeRules({ probeTable }: NetworkNames): Promise<void> {
  for (let more = true; more; ) {
    more = await runCommand('ip', ['rule', 'del', 'lookup', String(probeTable)]).then(
      () => true,
      () => false,
    )
  }
  await runCommand('ip', ['route', 'flush', 'table', String(probeTable)]).catch(() => {}) // No such table: as wanted.
}
