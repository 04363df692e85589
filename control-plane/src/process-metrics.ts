/**
 * What the process itself takes, under the names Prometheus' clients have for it. Read when asked for: the library's own set times every
 * garbage collection and looks a hundred times a second how late the event loop is, which a process at rest is seen to do nothing but.
 */
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'
import { readGauges } from './read-gauges.ts'

/** Milliseconds between two looks at how late the event loop is. */
const LOOK_EVERY_MS = 500

export function observeProcess(registers: Registry[]): void {
  const startedAt = Math.round(Date.now() / 1000 - process.uptime())
  new Counter({
    registers,
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  const gauge = readGauges(registers)
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => startedAt)
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss())
  gauge('process_open_fds', 'Number of open file descriptors.', () => readdirSync('/proc/self/fd').length - 1)
  gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', () => process.memoryUsage().heapTotal)
  gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', () => process.memoryUsage().heapUsed)
  gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', () => process.memoryUsage().external)
  observeEventLoop(registers)
}

function observeEventLoop(registers: Registry[]): void {
  const delay = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS })
  delay.enable()
  new Gauge({
    registers,
    name: 'davit_event_loop_delay_seconds',
    help: 'How late the event loop was, since the last scrape.',
    labelNames: ['quantile'],
    collect() {
      // The histogram holds times between two looks.
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOK_EVERY_MS / 1000)
      for (const quantile of [0.5, 0.99]) this.set({ quantile }, late(delay.percentile(quantile * 100)))
      this.set({ quantile: 1 }, late(delay.max))
      delay.reset()
    },
  })
}
