/** How far a pull is, from the lines that Docker writes of each layer. */
import type { PullLine } from '../docker/index.ts'

export interface Progress {
  /** Of the layers whose size is known. */
  doneBytes: number
  totalBytes: number
  layers: number
  layersDone: number
}

interface Layer {
  current: number
  total: number
  stage: number
}

/** In the order in which a layer passes them. Docker's own waiting and retrying is none. */
const STAGES = [
  'Pulling fs layer',
  'Downloading',
  'Verifying Checksum',
  'Download complete',
  'Extracting',
  'Pull complete',
  'Already exists',
]
const LAYERS_MAX = 1_000
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

export class PullProgress {
  readonly #layers = new Map<string, Layer>()

  /** True when the line shows that something moved. */
  see({ id, status = '', progressDetail }: PullLine): boolean {
    const stage = STAGES.indexOf(status)
    if (id === undefined || stage < 0) return !/^(?:Retrying|Waiting)/.test(status)
    const before = this.#layers.get(id)
    if (!before && this.#layers.size >= LAYERS_MAX) return true
    const layer = before ?? { current: 0, total: 0, stage: -1 }
    this.#layers.set(id, layer)
    const { current = 0, total } = progressDetail ?? {}
    let moved = stage > layer.stage
    if (moved) layer.stage = stage
    if (status === 'Downloading') {
      // After a try anew it begins at nothing: what counts is more than ever before.
      moved ||= current > layer.current
      layer.current = Math.max(layer.current, current)
      if (total !== undefined && total > 0) layer.total = total
    } else if (status === 'Extracting') moved = true
    if (stage > 1) layer.current = layer.total
    return moved
  }

  get now(): Progress {
    const layers = [...this.#layers.values()]
    const sum = (amounts: number[]) => amounts.reduce((all, amount) => all + amount, 0)
    return {
      doneBytes: sum(layers.map(({ current, total }) => Math.min(current, total))),
      totalBytes: sum(layers.map(({ total }) => total)),
      layers: layers.length,
      layersDone: layers.filter(({ stage }) => stage >= STAGES.indexOf('Pull complete')).length,
    }
  }
}

/** Such as `45% of 262.6 MB (3 of 7 layers)`; `waiting` while nothing is known. */
export function formatProgress({ doneBytes, totalBytes, layers, layersDone }: Progress): string {
  if (layers === 0) return 'waiting'
  if (totalBytes === 0) return `${layersDone} of ${layers} layers`
  return `${Math.floor((doneBytes * 100) / totalBytes)}% of ${formatBytes(totalBytes)} (${layersDone} of ${layers} layers)`
}

/** In powers of a thousand, as Docker prints sizes: `262.6 MB`. */
export function formatBytes(bytes: number): string {
  let amount = bytes
  let unit = 0
  for (; amount >= 1000 && unit < UNITS.length - 1; unit++) amount /= 1000
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit]}`
}
