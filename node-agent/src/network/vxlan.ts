/**
 * A tunnel to peers that no direct route reaches. Every node has the link, also where nobody needs it: who sends through the
 * tunnel must find a receiver, and each side judges for itself.
 */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { formatAddress, parseCidr } from '../ip/index.ts'
import { linkOf } from './bridge.ts'
import { runCommand } from './command.ts'
import type { Peer } from './routes.ts'

export interface VxlanOptions {
  readonly link: string
  readonly clusterId: string
  readonly nodeAddress: string
  readonly podCidr: string
  /** Link that carries the tunnel, and its MTU. */
  readonly uplink: { readonly name: string; readonly mtu: number }
}

const PORT = 4789
/** What the outer headers take. */
export const VXLAN_OVERHEAD = 50

/** A node's own address inside the tunnel: the one its range of pods begins with, which no pod gets. */
export function tunnelAddress(podCidr: string): string {
  return formatAddress(parseCidr(podCidr).base)
}

/** The tunnel's MAC of a node, which all others can work out from its range. */
export function tunnelMac(podCidr: string): string {
  const bytes = tunnelAddress(podCidr).split('.').map(Number)
  return [0x02, 0xda, ...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(':')
}

/** The same on all nodes of a cluster, another for most other clusters, and none of those Docker's overlay networks take first. */
export function networkIdentifier(clusterId: string): number {
  return 0x800000 + (createHash('sha256').update(clusterId).digest().readUIntBE(0, 3) & 0x7fffff)
}

/** Makes the link, again when it differs; true when it made one. Throws when this kernel has no VXLAN. */
export async function ensureVxlan({ link, clusterId, nodeAddress, podCidr, uplink }: VxlanOptions): Promise<boolean> {
  const id = networkIdentifier(clusterId)
  const found = (await linkOf(link))?.linkinfo?.info_data
  const isRight = found?.id === id && found.local === nodeAddress && found.port === PORT
  if (!isRight) {
    if (found) await runCommand('ip', ['link', 'del', link])
    const mtu = String(uplink.mtu - VXLAN_OVERHEAD)
    const type = ['type', 'vxlan', 'id', String(id), 'dstport', String(PORT), 'local', nodeAddress, 'dev', uplink.name, 'nolearning']
    await runCommand('ip', ['link', 'add', link, 'address', tunnelMac(podCidr), 'mtu', mtu, ...type])
  }
  await runCommand('ip', ['addr', 'replace', `${tunnelAddress(podCidr)}/32`, 'dev', link])
  await runCommand('ip', ['link', 'set', link, 'up'])
  // Each side chooses its way for itself, so answers may come by another one. Loose, not strict: 2.
  for (const name of [link, uplink.name]) await writeFile(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, '2')
  return !isRight
}

/** Tells the link where its peers are; permanent entries, as nobody learns or asks. */
export async function setTunnelPeers(link: string, peers: readonly Peer[]): Promise<void> {
  if (peers.length === 0) return
  const forwarding = peers.map(({ podCidr, address }) => `fdb replace ${tunnelMac(podCidr)} dev ${link} dst ${address}`)
  const neighbours = peers.map(
    ({ podCidr }) => `neigh replace ${tunnelAddress(podCidr)} lladdr ${tunnelMac(podCidr)} dev ${link} nud permanent`,
  )
  await runCommand('bridge', ['-batch', '-'], { input: `${forwarding.join('\n')}\n` })
  await runCommand('ip', ['-batch', '-'], { input: `${neighbours.join('\n')}\n` })
}
