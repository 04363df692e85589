/** What `/metrics` shows, under Kubernetes' names where it has one. */
import type { Clock } from '@davit/api'
import { lifeOf } from '@davit/api/pki'
import { Gauge, Registry } from 'prom-client'
import type { FlowStats } from './apiserver/flow-control/index.ts'
import type { ServerMetrics } from './apiserver/http/index.ts'
import { observeFlowControl } from './flow-metrics.ts'
import type { HeldCertificate } from './pki/index.ts'
import { observeProcess } from './process-metrics.ts'
import { readGauges } from './read-gauges.ts'
import { observeRequests } from './request-metrics.ts'
import type { EtcdStorage } from './storage/index.ts'

/** One set a process. `storage`: of a process that is an API server. */
export function createMetrics(): ServerMetrics & {
  observeStorage(storage: EtcdStorage): void
  observeFlowControl(stats: FlowStats): void
  observeCertificates(held: () => readonly HeldCertificate[], clock: Clock): void
} {
  const register = new Registry()
  const registers = [register]
  observeProcess(registers)
  const longRunning = new Gauge({
    registers,
    name: 'apiserver_longrunning_requests',
    help: 'Open watches and streams.',
    labelNames: ['verb', 'resource'],
  })

  return {
    observeRequest: observeRequests(registers),
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

function observeStorage(registers: Registry[], storage: EtcdStorage): void {
  const gauge = readGauges(registers)
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
