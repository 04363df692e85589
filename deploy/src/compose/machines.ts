import type { ClusterConfig, ControlPlaneConfig } from './config.ts'

/** A member as its machine's compose project knows it. */
export interface MachineMember extends ControlPlaneConfig {
  /** Ends the names of its services and volumes: `-1`, or nothing when it is alone on its machine. */
  readonly suffix: string
}

/** A machine with a compose project of its own. */
export interface Machine {
  /** Below the cluster's directory; empty for the directory itself. */
  readonly folder: string
  readonly address: string
  readonly members: readonly MachineMember[]
  readonly ssh?: string
}

/** The machines of a cluster: one for all control planes, or one for each. Of those that are lost there is none. */
export function machinesOf({ controlPlanes }: Pick<ClusterConfig, 'controlPlanes'>): Machine[] {
  const [first] = controlPlanes
  if (first && controlPlanes.every(({ address }) => address === first.address)) {
    const isAlone = controlPlanes.length === 1
    const members = controlPlanes
      .map((member, index) => ({ ...member, suffix: isAlone ? '' : `-${index + 1}` }))
      .filter(({ lost }) => !lost)
    return [{ folder: '', address: first.address, members, ...(first.ssh !== undefined && { ssh: first.ssh }) }]
  }
  const living = controlPlanes.filter(({ lost }) => !lost)
  return living.map(member => {
    const { name, address, ssh } = member
    return { folder: name, address, members: [{ ...member, suffix: '' }], ...(ssh !== undefined && { ssh }) }
  })
}
