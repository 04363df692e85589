/** What long tests say of themselves while they run. */

export function say(text: string): void {
  console.log(`    ${text}`)
}

/** `1.5 s` */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** How long ago a time of `performance.now()` was. */
export function secondsSince(since: number): string {
  return seconds(performance.now() - since)
}

/** Says how long it took. */
export async function timed<T>(what: string, run: () => Promise<T>): Promise<T> {
  const since = performance.now()
  const result = await run()
  say(`${what}: ${secondsSince(since)}`)
  return result
}
