/** Flags about what a node keeps for itself, when it is short of something, and how it goes down. */
import { parseDuration, parseMilli, parseQuantity } from '@davit/api'
import { parseThresholds, type Threshold } from './eviction/index.ts'

export const NODE_FLAGS = {
  'kube-reserved': { type: 'string' },
  'system-reserved': { type: 'string' },
  'eviction-hard': { type: 'string' },
  'eviction-soft': { type: 'string' },
  'eviction-soft-grace-period': { type: 'string' },
  'eviction-max-pod-grace-period': { type: 'string' },
  'eviction-minimum-reclaim': { type: 'string' },
  'eviction-pressure-transition-period': { type: 'string' },
  'pod-manifest-path': { type: 'string' },
  'shutdown-grace-period': { type: 'string' },
  'shutdown-grace-period-critical-pods': { type: 'string' },
} as const

export const NODE_HELP = `Kept from pods, and what happens when the node is short of something:
  --kube-reserved LIST, --system-reserved LIST
                          Amounts that pods do not get, such as cpu=200m,memory=512Mi,ephemeral-storage=1Gi. (none)
  --eviction-hard LIST    When pods are evicted at once, such as memory.available<100Mi,nodefs.available<10%. An amount, or a share of all
                          there is; 0% switches off. Signals: memory.available, nodefs.available, nodefs.inodesFree, imagefs.available,
                          imagefs.inodesFree, pid.available. (memory.available<100Mi, nodefs.available<10%, nodefs.inodesFree<5%,
                          imagefs.available<15%, imagefs.inodesFree<5%)
  --eviction-soft LIST    When pods are evicted after a time. (none)
  --eviction-soft-grace-period LIST
                          That time for each signal of --eviction-soft, such as memory.available=1m30s.
  --eviction-max-pod-grace-period SECONDS
                          Grace of pods evicted by --eviction-soft, at most. (0)
  --eviction-minimum-reclaim LIST
                          How much more than the threshold is made free, such as nodefs.available=500Mi. (none)
  --eviction-pressure-transition-period DURATION
                          How long the node says that it is short of something after it was. (5m)

Pods without the API, and the machine's end:
  --pod-manifest-path DIR Pods in files of this directory are run, whatever the API says. (none)
  --shutdown-grace-period DURATION
                          How long pods have to end when the machine goes down. (30s)
  --shutdown-grace-period-critical-pods DURATION
                          The last part of it, for the system's own pods. (10s)
`

export interface Reserved {
  milliCpu: number
  memoryBytes: number
  diskBytes: number
}

export interface NodeSettings {
  readonly reserved: Reserved
  readonly eviction: { readonly thresholds: readonly Threshold[]; readonly transitionMs: number; readonly softGraceSeconds: number }
  /** Directory of static pods; undefined: there are none. */
  readonly podManifestPath: string | undefined
  readonly shutdown: { readonly graceMs: number; readonly criticalMs: number }
}

type NodeFlag = keyof typeof NODE_FLAGS

/** `fail` throws: told the flag and what is wrong with it. */
export function nodeSettingsOf(values: { readonly [F in NodeFlag]?: string }, fail: (flag: NodeFlag, why: string) => never): NodeSettings {
  const read = <R>(flag: NodeFlag, otherwise: string, parse: (text: string) => R): R => {
    try {
      return parse(values[flag] ?? otherwise)
    } catch (err) {
      return fail(flag, err instanceof Error ? err.message : String(err))
    }
  }
  const duration = (flag: NodeFlag, otherwise: string) =>
    read(flag, otherwise, text => {
      const ms = parseDuration(text)
      if (ms < 0) throw new RangeError(`"${text}" must not be negative`)
      return ms
    })
  const reserved = (['kube-reserved', 'system-reserved'] as const).map(flag => read(flag, '', parseReserved))
  const sum = (of: keyof Reserved) => reserved.reduce((total, one) => total + one[of], 0)
  const graceMs = duration('shutdown-grace-period', '30s')
  const criticalMs = duration('shutdown-grace-period-critical-pods', '10s')
  if (criticalMs > graceMs) fail('shutdown-grace-period-critical-pods', 'must not be longer than the whole, --shutdown-grace-period')
  const { 'eviction-hard': hard } = values
  return {
    reserved: { milliCpu: sum('milliCpu'), memoryBytes: sum('memoryBytes'), diskBytes: sum('diskBytes') },
    eviction: {
      thresholds: read('eviction-hard', '', () =>
        parseThresholds({
          ...(hard !== undefined && { hard }),
          soft: values['eviction-soft'] ?? '',
          softGracePeriod: values['eviction-soft-grace-period'] ?? '',
          minimumReclaim: values['eviction-minimum-reclaim'] ?? '',
        }),
      ),
      transitionMs: duration('eviction-pressure-transition-period', '5m'),
      softGraceSeconds: read('eviction-max-pod-grace-period', '0', parseQuantity),
    },
    podManifestPath: values['pod-manifest-path'],
    shutdown: { graceMs, criticalMs },
  }
}

function parseReserved(text: string): Reserved {
  const reserved: Reserved = { milliCpu: 0, memoryBytes: 0, diskBytes: 0 }
  for (const part of text.split(',').filter(Boolean)) {
    const [name = '', amount = ''] = part.split('=')
    if (name === 'cpu') reserved.milliCpu = parseMilli(amount)
    else if (name === 'memory') reserved.memoryBytes = parseQuantity(amount)
    else if (name === 'ephemeral-storage') reserved.diskBytes = parseQuantity(amount)
    else if (name === 'pid') parseQuantity(amount)
    else throw new RangeError(`"${part}": wanted cpu=, memory=, ephemeral-storage= or pid=`)
  }
  return reserved
}
