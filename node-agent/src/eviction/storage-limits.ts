/** Limits on what pods write to their node's disk: pure. */
import { type Container, formatQuantity, isSidecar, type Pod, parseQuantity, type Quantity } from '@davit/api'
import { ephemeralUsage, type PodUsage } from '../stats/index.ts'
import { writtenBytes } from './rank.ts'

/** Whether anything of the pod's disk use is limited, so that it must be measured. */
export function hasStorageLimit({ spec }: Pod): boolean {
  return (
    (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined && parseQuantity(emptyDir.sizeLimit) > 0) ||
    [...spec.containers, ...(spec.initContainers ?? [])].some(container => limitOf(container) !== undefined)
  )
}

/** Why the pod must go, in Kubernetes' words with a space behind; undefined when it keeps its limits. */
export function storageExcess(usage: PodUsage): string | undefined {
  return emptyDirExcess(usage) ?? podExcess(usage) ?? containerExcess(usage)
}

function emptyDirExcess({ pod, volumes }: PodUsage): string | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit
    const used = volumes.find(volume => volume.name === name)?.usedBytes
    if (limit === undefined || used === undefined || parseQuantity(limit) <= 0) continue
    if (used > parseQuantity(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${shown(limit)}". `
  }
  return undefined
}

/** The containers' limits together bind the whole pod only when each has one. */
function podExcess(usage: PodUsage): string | undefined {
  const { containers, initContainers = [] } = usage.pod.spec
  const limits = [...containers, ...initContainers.filter(isSidecar)].map(limitOf)
  if (limits.some(limit => limit === undefined)) return undefined
  const total = limits.reduce<number>((sum, limit) => sum + parseQuantity(limit ?? 0), 0)
  if (ephemeralUsage(usage).usedBytes <= total) return undefined
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(total, 'BinarySI')}. `
}

function containerExcess({ pod, containers }: PodUsage): string | undefined {
  for (const spec of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const limit = limitOf(spec)
    const usage = containers.find(({ name }) => name === spec.name)
    if (limit === undefined || !usage) continue
    if (writtenBytes(usage) > parseQuantity(limit))
      return `Container ${spec.name} exceeded its local ephemeral storage limit "${shown(limit)}". `
  }
  return undefined
}

const limitOf = ({ resources }: Container): Quantity | undefined => resources?.limits?.['ephemeral-storage']
const shown = (quantity: Quantity) => formatQuantity(quantity)
