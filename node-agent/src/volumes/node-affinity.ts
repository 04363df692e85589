import { matchesNodeSelector, type PersistentVolume } from '@davit/api'

/** True when the volume may be used on a node of that name and those labels. Pure. */
export function servesNode({ spec }: PersistentVolume, { name, labels }: { name: string; labels: Record<string, string> }): boolean {
  const required = spec.nodeAffinity?.required
  return !required || matchesNodeSelector(required, { metadata: { name, labels } })
}
