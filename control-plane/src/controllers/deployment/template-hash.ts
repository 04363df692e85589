import { createHash } from 'node:crypto'
import type { PodTemplateSpec } from '@davit/api'

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
export const HASH_LABEL = 'pod-template-hash'

/** Ten characters that name a pod template; `collisionCount` gives another name to the same template. */
export function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  const digest = createHash('sha256')
    .update(canonical(withoutHash(template)))
    .update(String(collisionCount))
    .digest()
  return [...digest.subarray(0, 10)].map(byte => ALPHABET[byte % ALPHABET.length]).join('')
}

/** Whether two templates make the same pods: equal but for the label that names the template. */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b))
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}

/** JSON with sorted keys, without what is undefined or empty. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, field]) => field !== undefined && field !== null)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`)
    .join(',')}}`
}
