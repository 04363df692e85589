/** For tests: an API that behaves as the real one does (a log of events, versions, expiry), with faults on request. */
import { setImmediate } from 'node:timers/promises'
import type { Client, ListOptions, ResourceClient, WatchEvent, WatchOptions } from '../client/client.ts'
import type { Clock } from '../clock.ts'
import { defineKind, type Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import type { Logger } from '../reconcile/run-controller.ts'
import { expired, notFound } from '../status.ts'

export interface Thing extends KubernetesObject {
  spec: { group: string; value: number }
}

export const thingKind: Kind<Thing> = defineKind<Thing>({
  group: '',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  namespaced: true,
  description: 'Something to watch',
  schema: () => {
    throw new Error('Not used')
  },
  columns: [],
})

export interface Call {
  verb: 'list' | 'watch'
  resourceVersion: string | undefined
}

export class FakeApi implements Client {
  readonly calls: Call[] = []
  /** Thrown by the next calls, first to last. */
  readonly failures: { verb: Call['verb']; error: Error }[] = []
  /** Called when a list or watch has been asked for. */
  onCall: (call: Call) => void = () => {}
  readonly #objects = new Map<string, Thing>()
  readonly #log: { version: number; event: WatchEvent<Thing> }[] = []
  readonly #watches = new Set<Watch>()
  #version = 100
  #oldest = 100
  #uids = 0

  get version(): string {
    return String(this.#version)
  }

  get openWatches(): number {
    return this.#watches.size
  }

  get objects(): Thing[] {
    return [...this.#objects.values()]
  }

  /** Writes all of `values` at one version; a value of undefined deletes. */
  write(values: Record<string, number | undefined>, group = 'a'): string {
    this.#version += 1
    for (const [name, value] of Object.entries(values)) {
      const old = this.#objects.get(name)
      if (value === undefined && !old) continue
      const metadata = { namespace: 'ns', name, uid: old?.metadata.uid ?? `uid-${++this.#uids}`, resourceVersion: this.version }
      const object: Thing = { apiVersion: 'v1', kind: 'Thing', metadata, spec: value === undefined ? old!.spec : { group, value } }
      if (value === undefined) this.#objects.delete(name)
      else this.#objects.set(name, object)
      const event: WatchEvent<Thing> = { type: value === undefined ? 'DELETED' : old ? 'MODIFIED' : 'ADDED', object }
      this.#log.push({ version: this.#version, event })
      for (const watch of this.#watches) watch.push(event)
    }
    return this.version
  }

  bookmark(): void {
    const object = { apiVersion: 'v1', kind: 'Thing', metadata: { resourceVersion: this.version } }
    for (const watch of this.#watches) watch.push({ type: 'BOOKMARK', object })
  }

  /** Forgets the events up to now. */
  compact(): void {
    this.#oldest = this.#version
    this.#log.length = 0
  }

  /** Ends all watches: cleanly, or with `error`. With `keep`, only so many of the events not yet read still arrive. */
  cut(error?: Error, keep = Number.POSITIVE_INFINITY): void {
    for (const watch of this.#watches) watch.end(error, keep)
  }

  resource<T extends KubernetesObject>(_kind: Kind<T>): ResourceClient<T> {
    const refuse = () => Promise.reject(notFound(thingKind, 'x'))
    const client: ResourceClient<Thing> = {
      get: refuse,
      create: refuse,
      update: refuse,
      patch: refuse,
      delete: refuse,
      deleteCollection: refuse,
      post: refuse,
      list: options => this.#list(options),
      watch: options => this.#watch(options),
    }
    return client as unknown as ResourceClient<T>
  }

  async #list(_options?: ListOptions) {
    this.#called({ verb: 'list', resourceVersion: undefined })
    const list = { apiVersion: 'v1', kind: 'ThingList', metadata: { resourceVersion: this.version }, items: this.objects }
    await setImmediate()
    return list
  }

  async *#watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent<Thing>> {
    this.#called({ verb: 'watch', resourceVersion: options.resourceVersion })
    const after = Number(options.resourceVersion)
    if (after < this.#oldest) throw expired()
    const watch = new Watch(options.signal)
    for (const { version, event } of this.#log) if (version > after) watch.push(event)
    this.#watches.add(watch)
    try {
      yield* watch.events()
    } finally {
      this.#watches.delete(watch)
    }
  }

  #called(call: Call): void {
    this.calls.push(call)
    this.onCall(call)
    const at = this.failures.findIndex(failure => failure.verb === call.verb)
    if (at >= 0) throw this.failures.splice(at, 1)[0]!.error
  }
}

class Watch {
  readonly #pending: WatchEvent<Thing>[] = []
  readonly #signal: AbortSignal | undefined
  #ended: { error: Error | undefined } | undefined
  #wake = () => {}

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    signal?.addEventListener('abort', () => this.#wake(), { once: true })
  }

  push(event: WatchEvent<Thing>): void {
    if (this.#ended) return
    this.#pending.push(event)
    this.#wake()
  }

  end(error: Error | undefined, keep: number): void {
    this.#pending.length = Math.min(this.#pending.length, keep)
    this.#ended = { error }
    this.#wake()
  }

  async *events(): AsyncGenerator<WatchEvent<Thing>> {
    for (;;) {
      this.#signal?.throwIfAborted()
      const event = this.#pending.shift()
      if (event) {
        yield event
      } else if (this.#ended) {
        if (this.#ended.error) throw this.#ended.error
        return
      } else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }
}

/** Time that stands still until told; sleepers wake in order. */
export class SteppedClock implements Clock {
  #now = 0
  #sleepers: { at: number; wake: () => void }[] = []
  /** Called with each sleep asked for. */
  onSleep: (ms: number) => void = () => {}

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        this.#sleepers = this.#sleepers.filter(other => other !== sleeper)
        reject(signal?.reason)
      }
      const wake = () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      const sleeper = { at: this.#now + ms, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', stop, { once: true })
      this.onSleep(ms)
    })
  }

  step(ms: number): void {
    this.#now += ms
    const due = this.#sleepers.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at)
    this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#now)
    for (const { wake } of due) wake()
  }
}

/** Keeps what was logged. */
export function listeningLog(): Logger & { lines: { level: string; message: string; fields: object }[] } {
  const lines: { level: string; message: string; fields: object }[] = []
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
