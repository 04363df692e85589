import type { Taint } from './node-types.ts'
import type { Toleration } from './pod.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const

/** Reads `KEY[=VALUE]:EFFECT`. Throws in kubectl's words. */
export function parseTaint(spec: string): Taint {
  const [, key = '', value, word = ''] = /^([^=:]+)(?:=([^:]*))?:(.+)$/.exec(spec) ?? []
  if (!key) throw new Error(`invalid taint spec: ${spec}`)
  const effect = EFFECTS.find(known => known === word)
  if (!effect) throw new Error(`invalid taint effect: ${word}, unsupported taint effect`)
  return { key, ...(value && { value }), effect }
}

/** Whether the toleration is for this taint, however long it lasts. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  return toleration.key !== undefined && (toleration.value ?? '') === (taint.value ?? '')
}
