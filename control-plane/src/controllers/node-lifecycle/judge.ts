/** Which nodes are lost: pure. Times are milliseconds of one monotonic clock. */
import type { TunnelState } from '../../apiserver/tunnel/types.ts'

/** A tunnel carries a ping each second; one that is silent for so long is as good as cut. */
export const SILENT_MS = 2_500
/** A tunnel that broke may return within this. */
const RETURN_MS = 2_000
/** An agent that said why it closes (restart, upgrade) may be away for so long. */
const ANNOUNCED_MS = 10_000
/** A node that never had a tunnel to this replica is judged by its Lease alone, as Kubernetes does. */
export const LEASE_MS = 40_000

export interface NodeSigns {
  name: string
  tunnel: TunnelState | undefined
  /** Since its Lease was last seen to be renewed, or since its Node was made. */
  leaseSilentMs: number
  /** Since we began to judge: what came before counts for nothing. */
  observedMs: number
}

export interface Verdict {
  suspects: ReadonlySet<string>
  /** False when so many fell silent at once that the fault is more likely ours than theirs. */
  mayEvict: boolean
}

/** Judges every node by its tunnel and its Lease: a sign of life through either is enough. */
export function judgeNodes(nodes: readonly NodeSigns[]): Verdict {
  const suspects = new Set(nodes.filter(isSuspect).map(node => node.name))
  const isMostly = suspects.size > 2 && suspects.size / nodes.length >= 0.55
  const isAll = nodes.length > 0 && suspects.size === nodes.length
  return { suspects, mayEvict: !isMostly && !isAll }
}

function isSuspect({ tunnel, leaseSilentMs, observedMs }: NodeSigns): boolean {
  const limitMs = patienceMs(tunnel)
  // The silence began with the last sign of life, and not before we listened.
  const silentMs = Math.min(leaseSilentMs, observedMs, tunnelSilentMs(tunnel))
  return silentMs > limitMs
}

function tunnelSilentMs(tunnel: TunnelState | undefined): number {
  if (!tunnel) return Number.POSITIVE_INFINITY
  return tunnel.connected ? tunnel.silentMs : (tunnel.closedMs ?? Number.POSITIVE_INFINITY)
}

function patienceMs(tunnel: TunnelState | undefined): number {
  if (!tunnel || (!tunnel.connected && tunnel.closedMs === undefined)) return LEASE_MS
  if (tunnel.connected) return SILENT_MS
  return tunnel.closeReason ? ANNOUNCED_MS : RETURN_MS
}
