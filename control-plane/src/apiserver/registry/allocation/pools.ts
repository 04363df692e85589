import type { Clock } from '@davit/api'
import type { Storage } from '../../../storage/types.ts'
import { type AddressRange, formatAddress, parseRange } from './address-range.ts'
import { Pool } from './pool.ts'

/** Address ranges of the cluster. */
export interface Networks {
  /** IPv4 range of all pods; each node gets a /24 of it. */
  podCidr: string
  serviceCidr: string
  /** Of the cluster's DNS Service; in `serviceCidr`. */
  dnsAddress: string
  /** First and last node port. */
  nodePorts: readonly [number, number]
}

/** All that is given out once in a cluster. */
export interface Pools {
  readonly serviceRange: AddressRange
  readonly serviceCidr: string
  readonly nodePorts: readonly [number, number]
  readonly services: Pool
  readonly ports: Pool
  readonly podCidrs: Pool
}

const NODE_PREFIX_LENGTH = 24

export function createPools(storage: Storage, clock: Clock, networks: Networks): Pools {
  const { serviceCidr, podCidr, dnsAddress, nodePorts } = networks
  const serviceRange = parseRange(serviceCidr)
  const podRange = parseRange(podCidr)
  const nodeLength = Math.max(NODE_PREFIX_LENGTH, podRange.prefixLength)
  const nodeSize = 2 ** (32 - nodeLength)
  const dnsIndex = parseRange(`${dnsAddress}/32`).first - serviceRange.first
  const [portMin, portMax] = nodePorts
  return {
    serviceRange,
    serviceCidr,
    nodePorts,
    services: new Pool({
      storage,
      clock,
      prefix: '/davit/allocations/serviceips/',
      // Without the range's last address, its broadcast address.
      size: serviceRange.size - 1,
      valueAt: index => formatAddress(serviceRange.first + index),
      // The network's own address, the API's Service and DNS.
      reserved: new Set([0, 1, dnsIndex]),
    }),
    ports: new Pool({
      storage,
      clock,
      prefix: '/davit/allocations/nodeports/',
      size: portMax - portMin + 1,
      valueAt: index => String(portMin + index),
    }),
    podCidrs: new Pool({
      storage,
      clock,
      prefix: '/davit/allocations/podcidrs/',
      size: podRange.size / nodeSize,
      valueAt: index => `${formatAddress(podRange.first + index * nodeSize)}-${nodeLength}`,
    }),
  }
}
