/** What `/metrics` shows of flow control, under Kubernetes' names. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { FlowStats, SchemaStats } from './apiserver/flow-control/index.ts'

const BY_SCHEMA = ['flow_schema', 'priority_level'] as const
const WAIT_SECONDS = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30]

/** What is counted per request is read when it is asked for, so that requests do not pay for it. */
export function observeFlowControl(registers: Registry[], stats: FlowStats): void {
  const bySchema = (name: string, help: string, read: (schema: SchemaStats) => number) =>
    new Gauge({
      registers,
      name: `apiserver_flowcontrol_${name}`,
      help,
      labelNames: BY_SCHEMA,
      collect() {
        this.reset()
        for (const schema of stats.schemas()) this.set(labelsOf(schema), read(schema))
      },
    })
  bySchema('current_inqueue_requests', 'Requests that wait for a seat.', ({ waiting }) => waiting)
  bySchema('current_executing_requests', 'Requests that have a seat.', ({ executing }) => executing)
  new Counter({
    registers,
    name: 'apiserver_flowcontrol_dispatched_requests_total',
    help: 'Requests that were given a seat.',
    labelNames: BY_SCHEMA,
    collect() {
      this.reset()
      for (const schema of stats.schemas()) this.inc(labelsOf(schema), schema.dispatched)
    },
  })
  new Counter({
    registers,
    name: 'apiserver_flowcontrol_rejected_requests_total',
    help: 'Requests that were turned away, by why.',
    labelNames: [...BY_SCHEMA, 'reason'],
    collect() {
      this.reset()
      for (const schema of stats.schemas())
        for (const [reason, count] of Object.entries(schema.rejected)) this.inc({ ...labelsOf(schema), reason }, count)
    },
  })
  const byLevel = (name: string, help: string, read: 'seats' | 'seatsInUse') =>
    new Gauge({
      registers,
      name: `apiserver_flowcontrol_${name}`,
      help,
      labelNames: ['priority_level'],
      collect() {
        this.reset()
        for (const level of stats.levels()) this.set({ priority_level: level.name }, level[read])
      },
    })
  byLevel('nominal_limit_seats', 'Seats of a level, without those it borrows.', 'seats')
  byLevel('current_executing_seats', 'Seats in use.', 'seatsInUse')
  const waited = new Histogram({
    registers,
    name: 'apiserver_flowcontrol_request_wait_duration_seconds',
    help: 'Time in queues, of requests that had to wait.',
    labelNames: [...BY_SCHEMA, 'execute'],
    buckets: WAIT_SECONDS,
  })
  stats.onWait = (schema, level, seconds, served) =>
    waited.observe({ flow_schema: schema, priority_level: level, execute: String(served) }, seconds)
}

function labelsOf({ name, level }: SchemaStats) {
  return { flow_schema: name, priority_level: level }
}
