/** What `/metrics` shows, under Kubernetes' names where it has one. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '@davit/api'
import { lifeOf } from '@davit/api/pki'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { FlowStats } from './apiserver/flow-control/index.ts'
import type { RequestRecord, ServerMetrics } from './apiserver/http/index.ts'
import { observeFlowControl } from './flow-metrics.ts'
import type { HeldCertificate } from './pki/index.ts'
import type { EtcdStorage } from './storage/index.ts'

const VERBS: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
  post: 'POST',
  put: 'PUT',
  head: 'HEAD',
}
const LABELS = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** One set a process. `storage`: of a process that is an API server. */
export function createMetrics(): ServerMetrics & {
  observeStorage(storage: EtcdStorage): void
  observeFlowControl(stats: FlowStats): void
  observeCertificates(held: () => readonly HeldCertificate[], clock: Clock): void
} {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })
  observeEventLoop(registers)
  const total = new Counter({ registers, name: 'apiserver_request_total', help: 'Requests answered.', labelNames: [...LABELS, 'code'] })
  const duration = new Histogram({
    registers,
    name: 'apiserver_request_duration_seconds',
    help: 'Time from a request to the end of its answer; watches and streams are not counted.',
    labelNames: LABELS,
    buckets: SECONDS,
  })
  const longRunning = new Gauge({
    registers,
    name: 'apiserver_longrunning_requests',
    help: 'Open watches and streams.',
    labelNames: ['verb', 'resource'],
  })

  return {
    observeRequest: record => {
      const labels = labelsOf(record)
      total.inc({ ...labels, code: record.code })
      if (record.verb !== 'watch') duration.observe(labels, record.seconds)
    },
    openLongRunning: (verb, resource) => {
      longRunning.inc({ verb, resource })
      let isOpen = true
      return () => {
        if (isOpen) longRunning.dec({ verb, resource })
        isOpen = false
      }
    },
    observeStorage: storage => observeStorage(registers, storage),
    observeFlowControl: stats => observeFlowControl(registers, stats),
    observeCertificates: (held, clock) => observeCertificates(registers, held, clock),
    render: async () => ({ contentType: register.contentType, text: await register.metrics() }),
  }
}

function labelsOf({ verb, group, version, resource, subresource, scope }: RequestRecord) {
  // Methods are free text on the wire: an unknown one must not become a series.
  return { verb: VERBS[verb] ?? 'OTHER', group, version, resource, subresource, scope }
}

function observeEventLoop(registers: Registry[]): void {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  new Gauge({
    registers,
    name: 'davit_event_loop_delay_seconds',
    help: 'How late the event loop was, since the last scrape.',
    labelNames: ['quantile'],
    collect() {
      for (const quantile of [0.5, 0.99]) this.set({ quantile }, delay.percentile(quantile * 100) / 1e9)
      this.set({ quantile: 1 }, delay.max / 1e9)
      delay.reset()
    },
  })
}

function observeStorage(registers: Registry[], storage: EtcdStorage): void {
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      registers,
      name,
      help,
      collect() {
        this.set(read())
      },
    })
  }
  gauge('davit_storage_cache_revision', 'etcd revision the watch cache stands at.', () => storage.health.revision)
  gauge('davit_storage_cache_age_seconds', 'Time since the watch cache last heard from etcd.', () => storage.health.ageMs / 1000)
  // They only ever rise, but storage counts them itself.
  gauge(
    'davit_storage_audit_repairs_total',
    'Objects the self-audit found to differ from etcd and repaired.',
    () => storage.counters.auditRepairs,
  )
  gauge('davit_storage_watch_resumes_total', 'Times the watch on etcd was taken up again.', () => storage.counters.watchResumes)
  gauge('davit_storage_listings_total', 'Times the whole key space was read.', () => storage.counters.listings)
}

function observeCertificates(registers: Registry[], held: () => readonly HeldCertificate[], clock: Clock): void {
  new Gauge({
    registers,
    name: 'davit_certificate_expiry_seconds',
    help: 'Time until a certificate ends; of several CAs the one that signs.',
    labelNames: ['name'],
    collect() {
      // Backwards, so that the first of a name stays.
      for (const { name, certificate } of held().toReversed()) this.set({ name }, (lifeOf(certificate).to - clock.now()) / 1000)
    },
  })
}
