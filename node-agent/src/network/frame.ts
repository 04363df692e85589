/**
 * The frame of rules that everything else hangs in: which chains of the host lead to ours, and what is the same whatever
 * Services there are. Pure; `frame-keeper.ts` puts it into the kernel and keeps it there.
 */
import type { Table } from './iptables.ts'
import type { NetworkNames } from './names.ts'
import { PROBE_PORT } from './prober.ts'

/** Set on packets that must leave with this node's address; the same bit Kubernetes uses. */
export const MASQUERADE_MARK = '0x4000/0x4000'

export interface FrameOptions {
  readonly names: NetworkNames
  /** Pods of this node, of all nodes. */
  readonly podCidr: string
  readonly clusterCidr: string
  /** Where this node answers DNS; an address on `lo`. */
  readonly dnsAddress: string
  /** Docker 28 and later drop, in the raw table, what comes from elsewhere to a container's address. */
  readonly acceptInRaw: boolean
}

export interface FrameChain {
  readonly table: Table
  readonly chain: string
  /** Undefined: another room fills it, the frame only sees that it is there. */
  readonly rules: readonly string[] | undefined
  /** Jumps from the host's chains, first in them. */
  readonly hooks: readonly { readonly parent: string; readonly match: string }[]
}

/** Chains in the order in which they can be made: one comes before those that jump to it. */
export function frame({ names, podCidr, clusterCidr, dnsAddress, acceptInRaw }: FrameOptions): FrameChain[] {
  const name = (suffix: string) => `${names.chainPrefix}${suffix}`
  const isNew = '-m conntrack --ctstate NEW'
  const untracked = [
    `-d ${dnsAddress}/32 -p udp -m udp --dport 53 -j CT --notrack`,
    `-s ${dnsAddress}/32 -p udp -m udp --sport 53 -j CT --notrack`,
  ]
  return [
    // Another room's: Services (nat), what they refuse (filter), pods that may reach themselves (nat).
    { table: 'nat', chain: name('SERVICES'), rules: undefined, hooks: hooks('PREROUTING', 'OUTPUT') },
    { table: 'nat', chain: name('HAIRPIN'), rules: undefined, hooks: [] },
    { table: 'filter', chain: name('FILTER'), rules: undefined, hooks: [{ parent: 'OUTPUT', match: isNew }] },
    {
      table: 'filter',
      chain: name('FORWARD'),
      // What conntrack calls invalid would pass without its address translated back, and the receiver answer it with a reset.
      rules: [
        `-s ${clusterCidr} -m conntrack --ctstate INVALID -j DROP`,
        `-d ${clusterCidr} -m conntrack --ctstate INVALID -j DROP`,
        `-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
        `${isNew} -j ${name('FILTER')}`,
        `-m mark --mark ${MASQUERADE_MARK} -j ACCEPT`,
        `-d ${clusterCidr} -j ACCEPT`,
        `-s ${clusterCidr} -j ACCEPT`,
      ],
      hooks: hooks('FORWARD'),
    },
    {
      table: 'filter',
      chain: name('INPUT'),
      // A host's own firewall may refuse pods; and from outside nobody has business with this node's resolver.
      rules: [
        `${isNew} -j ${name('FILTER')}`,
        `-d ${dnsAddress}/32 -i ${names.bridge} -p udp -m udp --dport 53 -j ACCEPT`,
        `-d ${dnsAddress}/32 -i ${names.bridge} -p tcp -m tcp --dport 53 -j ACCEPT`,
        `-d ${dnsAddress}/32 ! -i lo -j DROP`,
        `-s ${clusterCidr} -d ${podCidr} -p udp -m udp --dport ${PROBE_PORT} -j ACCEPT`,
        `-s ${clusterCidr} -d ${podCidr} -p udp -m udp --sport ${PROBE_PORT} -j ACCEPT`,
      ],
      hooks: hooks('INPUT'),
    },
    {
      table: 'nat',
      chain: name('MASQUERADE'),
      // Without the mark: inside a tunnel the packet passes once more, and must not be translated twice.
      rules: ['-j MARK --set-xmark 0x4000/0x0', '-j MASQUERADE'],
      hooks: [],
    },
    {
      table: 'nat',
      chain: name('POSTROUTING'),
      rules: [
        `-m mark --mark ${MASQUERADE_MARK} -j ${name('MASQUERADE')}`,
        `-m conntrack --ctstate DNAT -j ${name('HAIRPIN')}`,
        `-s ${podCidr} ! -d ${clusterCidr} -m addrtype ! --dst-type MULTICAST -j MASQUERADE`,
      ],
      hooks: hooks('POSTROUTING'),
    },
    {
      table: 'raw',
      chain: name('RAW'),
      rules: [...untracked, ...(acceptInRaw ? [`-d ${clusterCidr} -j ACCEPT`] : [])],
      hooks: hooks('PREROUTING', 'OUTPUT'),
    },
  ]
}

function hooks(...parents: string[]): { parent: string; match: string }[] {
  return parents.map(parent => ({ parent, match: '' }))
}
