import type { Change, Clock, EndpointSlice, Informer, Logger, Service } from '@davit/api'
import { findIptables, type KernelTables, networkNames, type ServiceProxy } from '../network/index.ts'
import { HostPorts } from './host-ports.ts'
import { KernelRules } from './kernel.ts'
import { serviceKeyOf } from './objects.ts'
import { localAddresses, type ProxyNode, type ServicePort, servicePorts } from './rules.ts'
import { Ruleset } from './ruleset.ts'
import { endpointsGone, forgetUnanswered } from './tcp-flows.ts'
import { type Forget, flowsToForget, forget } from './udp-flows.ts'

/** Another place that traffic passes: told of each Service that changed, and asked whether it has caught up. */
export interface ServiceSink {
  /** `service` is undefined when it is gone. */
  serviceChanged(key: string, service: Service | undefined, slices: readonly EndpointSlice[]): void
  /** Sends what changed; resolves when it serves by it. */
  flush(signal: AbortSignal): Promise<void>
}

export interface ProxyOptions {
  readonly services: Informer<Service>
  readonly endpointSlices: Informer<EndpointSlice>
  readonly nodeName: string
  /** Addresses of this node at which LoadBalancer Services are served. */
  readonly nodeAddresses: readonly string[]
  readonly clusterCidr: string
  readonly serviceCidr: string
  readonly dnsAddress: string
  /** As given to `startPodNetwork`. */
  readonly name?: string
  readonly dataPlane?: ServiceSink
  /** Default: this host's. */
  readonly iptables?: KernelTables
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface RunningProxy extends ServiceProxy {
  /** Ports of this node that lead to its pods. */
  readonly hostPorts: HostPorts
  /** Compares everything with the kernel soon; to be called when somebody flushed rules. */
  recheck(): void
  /** Settles once nothing of it runs any more, after the signal. */
  readonly stopped: Promise<void>
}

/** Changes that come closer together than this go into the kernel together. */
const INTERVAL_MS = 50
const RECHECK_INTERVAL_MS = 30_000
/** A full comparison may take this part of the time. */
const RECHECK_SHARE = 0.01
/** Services compiled before others get a turn. */
const YIELD_EVERY = 200
const RETRY_MS = { min: 200, max: 10_000 }

/** Keeps the kernel's rules at what Services and EndpointSlices say. Returns at once; rules come once both informers have synced. */
export function startProxy(options: ProxyOptions): RunningProxy {
  const { services, endpointSlices, clock, log, signal, clusterCidr, serviceCidr, dnsAddress, dataPlane } = options
  const { chainPrefix } = networkNames(options.name)
  const node: ProxyNode = { name: options.nodeName, addresses: options.nodeAddresses, dnsAddress }
  const ruleset = new Ruleset({ chainPrefix, clusterCidr, serviceCidr })
  const slicesOf = new Map<string, Map<string, EndpointSlice>>()
  const portsOf = new Map<string, readonly ServicePort[]>()
  const dirty = new Set<string>()
  const waiting = new Set<{ at: number; resolve: () => void }>()
  let changes = 1
  let applied = 0
  let full = true
  let flows: Forget[] = []
  let gone = new Set<string>()
  let problem: string | undefined
  let wake = () => {}

  const changed = () => {
    changes++
    wake()
  }
  const hostPorts = new HostPorts(ports => {
    ruleset.setHostPorts(ports)
    changed()
  })
  const touch = (key: string | undefined) => {
    if (key === undefined) return
    dirty.add(key)
    changed()
  }
  const onSlice = (key: string, slice: EndpointSlice | undefined, service: string | undefined) => {
    if (service === undefined) return
    const slices = slicesOf.get(service) ?? new Map<string, EndpointSlice>()
    if (slice) slices.set(key, slice)
    else slices.delete(key)
    if (slices.size > 0) slicesOf.set(service, slices)
    else slicesOf.delete(service)
    touch(service)
  }
  const stopListening = [
    services.onChange(({ key }: Change<Service>) => touch(key)),
    endpointSlices.onChange(({ type, key, object, old }: Change<EndpointSlice>) => {
      const service = serviceKeyOf(object)
      const before = old && serviceKeyOf(old)
      if (before !== service) onSlice(key, undefined, before)
      onSlice(key, type === 'deleted' ? undefined : object, service)
    }),
  ]

  /** Brings what changed into the ruleset; lets others run now and then when it is much. */
  async function compile(): Promise<void> {
    const keys = [...dirty]
    dirty.clear()
    for (const [index, key] of keys.entries()) {
      if (index % YIELD_EVERY === YIELD_EVERY - 1) await yieldToOthers()
      const service = services.cache.get(key)
      const slices = [...(slicesOf.get(key)?.values() ?? [])]
      const ports = service ? servicePorts(service, slices, node) : []
      ruleset.set(key, ports, service ? localAddresses(service, slices, node) : [])
      const before = portsOf.get(key) ?? []
      flows.push(...flowsToForget(before, ports))
      for (const endpoint of endpointsGone(before, ports)) gone.add(endpoint)
      if (ports.length > 0) portsOf.set(key, ports)
      else portsOf.delete(key)
      dataPlane?.serviceChanged(key, service, slices)
    }
  }

  async function sync(kernel: KernelRules): Promise<void> {
    const upTo = changes
    await compile()
    const startedAt = clock.monotonic()
    const wasFull = full
    // Until it has ended well, the next one has to look at everything.
    full = true
    const written = wasFull ? await kernel.applyAll() : await kernel.applyChanges()
    full = false
    const stale = flows
    flows = []
    await forget(stale, log)
    const unanswered = gone
    gone = new Set()
    await forgetUnanswered(unanswered, log)
    await dataPlane?.flush(signal)
    log.debug({ chains: written.length, full: wasFull, ms: Math.round(clock.monotonic() - startedAt) }, 'Service rules are in the kernel')
    applied = upTo
    for (const waiter of waiting) {
      if (waiter.at > applied) continue
      waiting.delete(waiter)
      waiter.resolve()
    }
  }

  async function run(): Promise<void> {
    await Promise.all([services.synced, endpointSlices.synced])
    let kernel: KernelRules | undefined
    let failures = 0
    let nextFullAt = 0
    while (!signal.aborted) {
      const now = clock.monotonic()
      if (now >= nextFullAt) full = true
      if (applied >= changes && !full) {
        await wakeUp(nextFullAt - now)
        continue
      }
      const wasFull = full
      try {
        kernel ??= new KernelRules(options.iptables ?? (await findIptables()), ruleset, chainPrefix)
        await sync(kernel)
        const end = clock.monotonic()
        if (wasFull) nextFullAt = end + Math.max(RECHECK_INTERVAL_MS, (end - now) / RECHECK_SHARE)
        if (problem !== undefined) log.info({}, 'Service rules are well again')
        problem = undefined
        failures = 0
        await clock.sleep(Math.max(0, INTERVAL_MS - (end - now)), signal)
      } catch (err) {
        if (signal.aborted) return
        problem = err instanceof Error ? err.message : String(err)
        log.error({ err }, 'Cannot bring service rules into the kernel')
        await clock.sleep(Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** failures++), signal).catch(() => {})
      }
    }
  }

  /** Until something changes, `ms` have passed, or the signal. */
  function wakeUp(ms: number): Promise<void> {
    const timer = new AbortController()
    const woken = new Promise<void>(resolve => {
      wake = resolve
    })
    return Promise.race([woken, clock.sleep(ms, AbortSignal.any([signal, timer.signal])).catch(() => {})]).finally(() => {
      wake = () => {}
      timer.abort()
    })
  }

  const stopped = run()
    .catch(err => {
      if (signal.aborted) return
      problem = err instanceof Error ? err.message : String(err)
      log.error({ err }, 'The proxy has stopped')
    })
    .finally(() => {
      hostPorts.close()
      for (const stop of stopListening) stop()
    })

  return {
    stopped,
    hostPorts,
    get problem() {
      return problem
    },
    recheck() {
      full = true
      wake()
    },
    async reached(resourceVersion, waitSignal) {
      await endpointSlices.reached(resourceVersion, waitSignal)
      // Whoever told the cache may tell us a moment later.
      await yieldToOthers()
      if (applied >= changes) return
      await new Promise<void>((resolve, reject) => {
        const waiter = { at: changes, resolve: done }
        function done() {
          waitSignal.removeEventListener('abort', stop)
          resolve()
        }
        function stop() {
          waiting.delete(waiter)
          reject(waitSignal.reason)
        }
        if (waitSignal.aborted) return stop()
        waiting.add(waiter)
        waitSignal.addEventListener('abort', stop, { once: true })
      })
    },
  }
}

function yieldToOthers(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
