import { type Filter, PASS } from './filter.ts'

/** What the pod asks for must be free on the node, by requests against what the node reports as allocatable. */
export const nodeResourcesFit: Filter = ({ requests }, { allocatable, requested }) => {
  const reasons: string[] = []
  if (requested.pods + 1 > allocatable.pods) reasons.push('Too many pods')
  const fits = (asked: number, used: number, all: number) => asked === 0 || asked <= all - used
  if (!fits(requests.milliCpu, requested.milliCpu, allocatable.milliCpu)) reasons.push('Insufficient cpu')
  if (!fits(requests.memoryBytes, requested.memoryBytes, allocatable.memoryBytes)) reasons.push('Insufficient memory')
  if (!fits(requests.ephemeralStorageBytes, requested.ephemeralStorageBytes, allocatable.ephemeralStorageBytes)) {
    reasons.push('Insufficient ephemeral-storage')
  }
  for (const [name, asked] of Object.entries(requests.extended)) {
    if (!fits(asked, requested.extended[name] ?? 0, allocatable.extended[name] ?? 0)) reasons.push(`Insufficient ${name}`)
  }
  return reasons.length === 0 ? PASS : reasons
}
