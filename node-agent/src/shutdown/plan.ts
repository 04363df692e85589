/** In which order pods end when their machine goes down: pure. */
import type { Pod } from '@davit/api'
import { isCritical } from '../eviction/index.ts'

export interface ShutdownTimes {
  /** In all, and the part of it that is the critical pods'. */
  readonly graceMs: number
  readonly criticalMs: number
}

export interface ShutdownStep {
  readonly pods: readonly Pod[]
  /** What each pod gets at most, seconds. */
  readonly graceSeconds: number
}

/** The system's own pods, and static ones, serve the others to the end. Steps without pods take no time, and are left out. */
export function planShutdown(pods: readonly Pod[], { graceMs, criticalMs }: ShutdownTimes): ShutdownStep[] {
  const steps = [
    { pods: pods.filter(pod => !isCritical(pod)), graceSeconds: Math.floor((graceMs - criticalMs) / 1000) },
    { pods: pods.filter(isCritical), graceSeconds: Math.floor(criticalMs / 1000) },
  ]
  return steps.filter(step => step.pods.length > 0)
}
