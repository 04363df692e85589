/** Everything of ours on a host carries a name made from one word, so that several clusters can share a host. */
import { createHash } from 'node:crypto'

export interface NetworkNames {
  readonly dockerNetwork: string
  readonly bridge: string
  readonly vxlan: string
  /** What every chain of ours begins with, such as `DAVIT-`. */
  readonly chainPrefix: string
  /** A comment on every jump from a chain that is not ours. */
  readonly comment: string
  /** What routes of ours are marked with (`proto N`), so that they are found again. */
  readonly routeProtocol: number
  /** Number of the table of routes that only probes follow. */
  readonly probeTable: number
  /** What addresses of ours on `lo` are labelled with. */
  readonly addressLabel: string
}

/** Every jump of any cluster of ours carries a comment that begins so. */
export const COMMENT_PREFIX = 'davit:'

/** `name` has to be short: links have at most 15 characters, chains 28. No dashes, or one cluster's chains would begin like another's. */
export function networkNames(name = 'davit'): NetworkNames {
  if (!/^[a-z][a-z0-9]{0,9}$/.test(name)) {
    throw new Error(`Cannot name the pod network "${name}": wanted at most 10 lower-case letters and digits`)
  }
  // 200 to 249: no routing daemon known to iproute2 uses these.
  const routeProtocol = 200 + (createHash('sha256').update(name).digest().readUInt16BE(0) % 50)
  return {
    dockerNetwork: name,
    bridge: `${name}0`,
    vxlan: `${name}-vx`,
    chainPrefix: `${name.toUpperCase()}-`,
    comment: `${COMMENT_PREFIX}${name}`,
    routeProtocol,
    probeTable: 478_800 + routeProtocol,
    addressLabel: `lo:${name}`,
  }
}
