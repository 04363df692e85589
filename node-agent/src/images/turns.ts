/** Lets at most `width` in at once, the others in the order they came; who gives up waiting leaves the queue. */
export function createTurns(width: number): (signal: AbortSignal) => Promise<() => void> {
  const waiting = new Set<() => void>()
  let free = width
  const leave = () => {
    const [next] = waiting
    if (next) next()
    else free++
  }
  return signal =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const enter = () => {
        waiting.delete(enter)
        signal.removeEventListener('abort', giveUp)
        let left = false
        resolve(() => {
          if (!left) leave()
          left = true
        })
      }
      const giveUp = () => {
        waiting.delete(enter)
        reject(signal.reason)
      }
      if (free > 0) {
        free--
        return enter()
      }
      waiting.add(enter)
      signal.addEventListener('abort', giveUp, { once: true })
    })
}
