/** The contract of the network room: pod addresses and reachability (design decision 7). */
export interface PodNetwork {
  /** Name of the Docker network that pods with an address of their own are attached to. */
  readonly dockerNetwork: string
  readonly gateway: string
  /** Why pods cannot be reached now; undefined when all is well. */
  readonly problem: string | undefined
  /** Gives `podUid` an address of the node's CIDR, least recently used first; the same one when asked again. Throws when none is free. */
  allocate(podUid: string): string
  /** Notes an address found on a running container after a restart of the agent. */
  adopt(podUid: string, address: string): void
  release(podUid: string): void
  /**
   * To be called when a container or sandbox that holds `address` has started: hairpin on its port and a permanent neighbour entry
   * follow at once, those of pods that start together, together.
   */
  attached(address: string, macAddress: string): void
  /** Removes a stale endpoint that still holds `address` (Docker: "Address already in use"). */
  freeStaleEndpoint(address: string): Promise<void>
}

/** The contract of the proxy room: Services in the kernel (design decision 8). */
export interface ServiceProxy {
  /** Resolves once every data plane of this node stands at that EndpointSlice version. */
  reached(resourceVersion: string, signal: AbortSignal): Promise<void>
  readonly problem: string | undefined
}
