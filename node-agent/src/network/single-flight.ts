/** Runs `step` one at a time. Who calls while it runs gets a run that begins afterwards, shared with all who call meanwhile. */
export function singleFlight(step: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const call = (): Promise<void> => {
    if (!running) {
      running = step().finally(() => {
        running = undefined
      })
      return running
    }
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined
        return call()
      })
    return next
  }
  return call
}
