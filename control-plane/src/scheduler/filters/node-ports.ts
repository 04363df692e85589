import type { ContainerPort, Pod } from '@davit/api'
import { type Filter, PASS } from './filter.ts'

const REASON = ["node(s) didn't have free ports for the requested pod ports"]

/** A host port can be held once for each protocol and address. */
export const nodePorts: Filter = ({ pod }, { pods }) => {
  const wanted = hostPorts(pod)
  if (wanted.length === 0) return PASS
  for (const other of pods.values()) {
    if (other.metadata.uid === pod.metadata.uid) continue
    if (hostPorts(other).some(held => wanted.some(port => clash(held, port)))) return REASON
  }
  return PASS
}

function hostPorts({ spec }: Pod): ContainerPort[] {
  return spec.containers.flatMap(container => (container.ports ?? []).filter(port => port.hostPort))
}

const ANY: readonly (string | undefined)[] = [undefined, '', '0.0.0.0']

function clash(a: ContainerPort, b: ContainerPort): boolean {
  if (a.hostPort !== b.hostPort || (a.protocol ?? 'TCP') !== (b.protocol ?? 'TCP')) return false
  return a.hostIP === b.hostIP || ANY.includes(a.hostIP) || ANY.includes(b.hostIP)
}
