import type { Pod } from '@davit/api'
import type { HostPort } from '../proxy/index.ts'

/** Keeps the node's ports for the pods that ask for them. */
export interface HostPortClaims {
  /** Takes all, or none and throws. */
  claim(podUid: string, ports: readonly HostPort[]): Promise<void>
  release(podUid: string): void
}

/** The host ports a pod asks for; none on the host network, where its processes listen themselves. */
export function hostPortsOf({ spec }: Pod, podAddress: string): HostPort[] {
  if (spec.hostNetwork) return []
  return [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol = 'TCP', containerPort }) =>
      hostPort
        ? [
            {
              hostPort,
              protocol: protocol.toLowerCase() as HostPort['protocol'],
              podAddress,
              containerPort,
              ...(hostIP && hostIP !== '0.0.0.0' && { hostIp: hostIP }),
            },
          ]
        : [],
    ),
  )
}
