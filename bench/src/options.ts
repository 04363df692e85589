export interface BenchOptions {
  runs: number
  replicas: number
  /** Of `raw`, `swarm` and `davit` those to measure. */
  only: readonly string[]
  signal: AbortSignal
}
