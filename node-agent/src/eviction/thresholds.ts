/** When a node is short of something: thresholds as Kubernetes writes them. https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ */
import { formatQuantity, parseDuration, parseQuantity } from '@davit/api'

/** In the order in which shortages are dealt with: memory first, for it is what kills. */
export const SIGNALS = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const
export type Signal = (typeof SIGNALS)[number]

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure'

export const CONDITION_OF: Readonly<Record<Signal, PressureCondition>> = {
  'memory.available': 'MemoryPressure',
  'nodefs.available': 'DiskPressure',
  'nodefs.inodesFree': 'DiskPressure',
  'imagefs.available': 'DiskPressure',
  'imagefs.inodesFree': 'DiskPressure',
  'pid.available': 'PIDPressure',
}

/** What a signal is about, in the words of messages. */
export const RESOURCE_OF: Readonly<Record<Signal, 'memory' | 'ephemeral-storage' | 'inodes' | 'pids'>> = {
  'memory.available': 'memory',
  'nodefs.available': 'ephemeral-storage',
  'nodefs.inodesFree': 'inodes',
  'imagefs.available': 'ephemeral-storage',
  'imagefs.inodesFree': 'inodes',
  'pid.available': 'pids',
}

/** An amount, or a share of what there is. */
export type Amount = { quantity: number } | { share: number }

export interface Threshold {
  readonly signal: Signal
  readonly value: Amount
  /** How long it must be passed before pods go; 0 for a hard threshold. */
  readonly graceMs: number
  readonly isHard: boolean
  /** How much more than the threshold is to be free again once it was passed. */
  readonly minReclaim?: Amount
}

export interface EvictionFlags {
  hard?: string
  soft?: string
  softGracePeriod?: string
  minimumReclaim?: string
}

/** Kubernetes' defaults on Linux. */
export const EVICTION_HARD_DEFAULT =
  'memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%'

/** Throws RangeError, in words that follow the name of a flag. */
export function parseThresholds({
  hard = EVICTION_HARD_DEFAULT,
  soft = '',
  softGracePeriod = '',
  minimumReclaim = '',
}: EvictionFlags): Threshold[] {
  const graces = new Map(pairs(softGracePeriod, '=').map(([signal, text]) => [signal, parseDuration(text)]))
  const reclaims = new Map(pairs(minimumReclaim, '=').map(([signal, text]) => [signal, parseAmount(text)]))
  const withReclaim = (signal: Signal) => {
    const minReclaim = reclaims.get(signal)
    return minReclaim === undefined ? {} : { minReclaim }
  }
  const hards = pairs(hard, '<').map(([signal, text]) => ({
    signal,
    value: parseAmount(text),
    graceMs: 0,
    isHard: true,
    ...withReclaim(signal),
  }))
  const softs = pairs(soft, '<').map(([signal, text]) => {
    const graceMs = graces.get(signal)
    if (graceMs === undefined) throw new RangeError(`grace period must be specified for the soft eviction threshold ${signal}`)
    return { signal, value: parseAmount(text), graceMs, isHard: false, ...withReclaim(signal) }
  })
  return [...hards, ...softs].filter(({ value }) => !isNever(value))
}

function pairs(text: string, operator: '<' | '='): [Signal, string][] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const at = part.indexOf(operator)
      const signal = SIGNALS.find(known => known === part.slice(0, at).trim())
      if (at < 0 || !signal)
        throw new RangeError(`${JSON.stringify(part)}: wanted SIGNAL${operator}VALUE, where SIGNAL is one of ${SIGNALS.join(', ')}`)
      return [signal, part.slice(at + 1).trim()]
    })
}

function parseAmount(text: string): Amount {
  if (text.endsWith('%')) {
    const share = Number(text.slice(0, -1)) / 100
    if (!(share >= 0 && share <= 1)) throw new RangeError(`eviction percentage threshold must be between 0% and 100%: ${text}`)
    return { share }
  }
  const quantity = parseQuantity(text)
  if (quantity < 0) throw new RangeError(`eviction threshold must be positive: ${text}`)
  return { quantity }
}

/** As in Kubernetes 0% and 100% switch a threshold off. */
function isNever(value: Amount): boolean {
  return 'share' in value && (value.share === 0 || value.share === 1)
}

/** The amount itself, given how much there is in all. */
export function amountOf(value: Amount, capacity: number): number {
  return 'share' in value ? Math.floor(capacity * value.share) : value.quantity
}

/** As messages show it: shares of bytes as bytes. */
export function shownAmount(signal: Signal, amount: number): string {
  const isBytes = RESOURCE_OF[signal] === 'memory' || RESOURCE_OF[signal] === 'ephemeral-storage'
  return formatQuantity(amount, isBytes ? 'BinarySI' : 'DecimalSI')
}

/** What hard thresholds keep from pods, in bytes: memory, and the disk of their volumes. */
export function keptByThresholds(thresholds: readonly Threshold[], capacity: { memoryBytes: number; diskBytes: number }) {
  const hard = (signal: Signal, all: number) => {
    const found = thresholds.find(threshold => threshold.isHard && threshold.signal === signal)
    return found ? amountOf(found.value, all) : 0
  }
  return { memoryBytes: hard('memory.available', capacity.memoryBytes), diskBytes: hard('nodefs.available', capacity.diskBytes) }
}
