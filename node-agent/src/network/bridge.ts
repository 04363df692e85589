/** The pod bridge as a link: what Docker does not set on it. All through netlink, as /sys may belong to another namespace. */
import { access, writeFile } from 'node:fs/promises'
import { runCommand } from './command.ts'

interface BridgePort {
  readonly ifname: string
  readonly master?: string
  readonly hairpin?: boolean
}

interface LinkInfo {
  readonly ifname: string
  readonly mtu: number
  readonly linkinfo?: {
    readonly info_data?: { readonly nf_call_iptables?: number; readonly id?: number; readonly local?: string; readonly port?: number }
  }
}

/**
 * Frames between two pods of one bridge have to pass iptables, or the reply to a Service's client comes from an address it
 * never spoke to. Asked for on our own bridge only: the switch for all bridges is other people's.
 */
export async function filterBridgedTraffic(bridge: string): Promise<void> {
  // Fails where it is built in or already there; whether it works is seen below.
  await runCommand('modprobe', ['br_netfilter']).catch(() => {})
  await runCommand('ip', ['link', 'set', bridge, 'type', 'bridge', 'nf_call_iptables', '1'])
  const link = await linkOf(bridge)
  if (link?.linkinfo?.info_data?.nf_call_iptables !== 1 || !(await exists('/proc/sys/net/bridge'))) {
    throw new Error(`Cannot filter traffic on "${bridge}": this kernel has no br_netfilter; load the module`)
  }
}

/** Undefined when there is no such link. */
export async function linkOf(name: string): Promise<LinkInfo | undefined> {
  const text = await runCommand('ip', ['-d', '-j', 'link', 'show', 'dev', name]).catch(() => '')
  return text.trim() ? (JSON.parse(text) as LinkInfo[])[0] : undefined
}

export interface Uplink {
  readonly name: string
  readonly mtu: number
  /** Range of addresses on that link, such as `10.0.0.5/24`. */
  readonly range: string
}

interface LinkAddresses {
  readonly ifname: string
  readonly mtu: number
  readonly addr_info: readonly { readonly local?: string; readonly prefixlen?: number; readonly label?: string }[]
}

/** All links and their IPv4 addresses. */
export async function listAddresses(): Promise<LinkAddresses[]> {
  return JSON.parse(await runCommand('ip', ['-j', '-4', 'addr', 'show'])) as LinkAddresses[]
}

/** The link that holds `address`; undefined when none does. */
export async function uplinkOf(address: string): Promise<Uplink | undefined> {
  for (const { ifname, mtu, addr_info } of await listAddresses()) {
    const own = addr_info.find(({ local }) => local === address)
    if (own) return { name: ifname, mtu, range: `${address}/${own.prefixlen ?? 32}` }
  }
  return undefined
}

/** Forwarding on; and no redirects, which would use up the budget of the ICMP messages that refuse connections. */
export async function setSysctls(bridge: string): Promise<void> {
  await setSysctl('net/ipv4/ip_forward', '1')
  await setSysctl('net/ipv4/conf/all/send_redirects', '0')
  await setSysctl(`net/ipv4/conf/${bridge}/send_redirects`, '0')
}

async function setSysctl(path: string, value: string): Promise<void> {
  await writeFile(`/proc/sys/${path}`, value)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Lets frames leave through the port they came from, on every port of `bridge`: a pod that reaches itself through a Service needs it. */
export async function setHairpin(bridge: string): Promise<void> {
  const lines = (await portsWithoutHairpin(bridge)).map(port => `link set dev ${port} hairpin on`)
  // `-force`: a port may be gone by now, which must not keep the others from theirs.
  if (lines.length > 0) await runCommand('bridge', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` }).catch(() => {})
}

async function portsWithoutHairpin(bridge: string): Promise<string[]> {
  const ports = JSON.parse(await runCommand('bridge', ['-j', '-d', 'link', 'show'])) as BridgePort[]
  return ports.filter(port => port.master === bridge && port.hairpin !== true).map(({ ifname }) => ifname)
}

/** Both of what the two functions around this do, for new ports and with one process less. */
export async function attachPorts(bridge: string, neighbours: ReadonlyMap<string, string>): Promise<void> {
  const ports = await portsWithoutHairpin(bridge)
  const lines = [...neighbourLines(bridge, neighbours), ...ports.map(port => `link set dev ${port} type bridge_slave hairpin on`)]
  // `-force`: a port may be gone by now, which must not keep the others from theirs.
  if (lines.length > 0) await runCommand('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` }).catch(() => {})
}

/** Entries that never have to be asked for: after a pod's restart the first packet finds it at once. */
export async function setNeighbours(bridge: string, neighbours: ReadonlyMap<string, string>): Promise<void> {
  if (neighbours.size === 0) return
  await runCommand('ip', ['-batch', '-'], { input: `${neighbourLines(bridge, neighbours).join('\n')}\n` })
}

function neighbourLines(bridge: string, neighbours: ReadonlyMap<string, string>): string[] {
  return [...neighbours].map(([address, mac]) => `neigh replace ${address} lladdr ${mac} dev ${bridge} nud permanent`)
}

export async function removeNeighbour(bridge: string, address: string): Promise<void> {
  await runCommand('ip', ['neigh', 'del', address, 'dev', bridge]).catch(() => {}) // Not there: as wanted.
}
