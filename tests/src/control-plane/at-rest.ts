/** What a control plane holds when nothing is asked of it. */
import type { ControlPlane } from './control-plane.ts'
import { until } from './until.ts'

export interface Held {
  readonly files: number
  readonly heapMegabytes: number
  readonly residentMegabytes: number
}

const MEGABYTE = 1024 * 1024
const SETTLE_MS_MAX = 60_000

/**
 * What it holds once no watch and no request is left of those before, by its own metrics. `isEnough`: looks again, for garbage is
 * collected when there is need, not when a test asks; gives what it saw last when that does not come.
 */
export async function heldAtRest(plane: ControlPlane, isEnough: (held: Held) => boolean = () => true): Promise<Held> {
  let held: Held | undefined
  const look = async () => {
    const { text } = await plane.ask({ path: '/metrics' })
    const sum = (name: string) =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((total, [, value]) => total + Number(value), 0)
    held = {
      files: sum('process_open_fds'),
      heapMegabytes: Math.round(sum('nodejs_heap_size_used_bytes') / MEGABYTE),
      residentMegabytes: Math.round(sum('process_resident_memory_bytes') / MEGABYTE),
    }
    // The one request under way is this.
    return sum('apiserver_longrunning_requests') === 0 && sum('apiserver_flowcontrol_current_executing_requests') <= 1 && isEnough(held)
  }
  await until('a control plane at rest', look, SETTLE_MS_MAX).catch(error => {
    if (!held) throw error
  })
  if (!held) throw new Error('Cannot tell what the control plane holds')
  return held
}
