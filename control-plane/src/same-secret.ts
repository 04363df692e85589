import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether two secrets are the same; how long it takes to tell says nothing of either. */
export function isSameSecret(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
