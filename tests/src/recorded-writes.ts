/** Clients that write without pause and remember what they were told, so that afterwards every answer can be held against what is there. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConfigMap, configMapKind, type HttpClient, isReason } from '@davit/api'

const WRITERS = 4
const KEYS_EACH = 7
const THINK_MS = 10
const TRY_MS_MAX = 5_000
const NAMESPACE = 'default'

type Value = string | undefined

/** One client, the only one to write its keys. */
class Writer {
  /** What each key may hold: one value when its last write had a verdict, several when some had none; `undefined`: nothing. */
  readonly possible = new Map<string, Set<Value>>()
  acknowledged = 0
  /** Writes without a good answer to the second try either, and why the last one had none. */
  failed = 0
  why = ''
  longestPauseMs = 0
  /** What creations without an answer wanted: such a request may still be on its way when its client has long given up. */
  readonly #unanswered = new Map<string, Set<Value>>()
  readonly #client: HttpClient
  #count = 0

  constructor(client: HttpClient, name: string) {
    this.#client = client
    for (let key = 0; key < KEYS_EACH; key++) this.possible.set(`${name}-${key}`, new Set([undefined]))
  }

  async run(signal: AbortSignal): Promise<void> {
    const keys = [...this.possible.keys()]
    let since = performance.now()
    while (!signal.aborted) {
      const isWritten = await this.#write(keys[this.#count % keys.length] ?? '')
      const now = performance.now()
      if (isWritten) {
        this.longestPauseMs = Math.max(this.longestPauseMs, now - since)
        this.acknowledged++
        since = now
      } else this.failed++
      await delay(THINK_MS)
    }
  }

  async #write(key: string): Promise<boolean> {
    const possible = this.possible.get(key) as Set<Value>
    let isKnown = possible.size === 1
    let [present] = possible
    const isDelete = this.#count++ % 5 === 0
    let wanted: Value
    let isTried = false
    for (let tries = 1; tries <= 2; tries++) {
      try {
        if (!isKnown) present = await this.look(key)
        if (!isTried) wanted = isDelete && present !== undefined ? undefined : `${this.#count}`
        // The try without an answer may have been made after all.
        if (!isTried || present !== wanted) {
          isTried = true
          await this.#change(key, present, wanted)
        }
        possible.clear()
        possible.add(wanted)
        return true
      } catch (err) {
        if (err instanceof assert.AssertionError) throw err
        const contradicts = isReason(err, 'NotFound') || isReason(err, 'AlreadyExists') || isReason(err, 'Conflict')
        // Something acknowledged was lost, or has come back; unless a write without an answer was made late.
        if (contradicts && isKnown && this.#unanswered.get(key) === undefined) throw err
        isKnown = false
        this.why = String(err)
        if (!isTried) continue
        possible.add(wanted)
        if (wanted !== undefined) this.#unanswered.set(key, (this.#unanswered.get(key) ?? new Set<Value>()).add(wanted))
      }
    }
    return false
  }

  async #change(name: string, present: Value, wanted: Value): Promise<unknown> {
    const maps = this.#client.resource(configMapKind)
    const target = { name, namespace: NAMESPACE }
    const signal = AbortSignal.timeout(TRY_MS_MAX)
    if (wanted === undefined) return maps.delete(target, { signal })
    if (present !== undefined) return maps.patch(target, { type: 'merge', body: { data: { value: wanted } } }, { signal })
    return maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: target, data: { value: wanted } } as ConfigMap, { signal })
  }

  /** Reads a key and holds it against what it may hold. Throws ApiError when nobody answers. */
  async look(key: string): Promise<Value> {
    const possible = this.possible.get(key) as Set<Value>
    let value: Value
    try {
      const target = { name: key, namespace: NAMESPACE }
      value = (await this.#client.resource(configMapKind).get(target, { signal: AbortSignal.timeout(TRY_MS_MAX) })).data?.value
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err
    }
    const isLate = possible.has(undefined) && (this.#unanswered.get(key)?.has(value) ?? false)
    assert.ok(possible.has(value) || isLate, `${key} holds ${value}, and may hold ${[...possible].join(' or ')}`)
    return value
  }
}

export interface WriteCounts {
  readonly acknowledged: number
  readonly failed: number
  /** Why writes failed, each reason once. */
  readonly why: readonly string[]
  /** The longest any client was without an acknowledged write. */
  readonly longestPauseMs: number
}

/** Several clients at work. A write that contradicts an earlier answer ends the work, and `stop` and `counts` throw it. */
export class RecordedWrites {
  readonly #writers: readonly Writer[]
  readonly #stop = new AbortController()
  readonly #work: Promise<unknown>
  #contradiction: unknown

  constructor(clients: readonly HttpClient[], name: string) {
    this.#writers = Array.from(
      { length: WRITERS },
      (_, index) => new Writer(clients[index % clients.length] as HttpClient, `${name}-${index}`),
    )
    this.#work = Promise.all(this.#writers.map(writer => writer.run(this.#stop.signal))).catch(err => {
      this.#contradiction = err
    })
  }

  /** Since the last call of `counts`. */
  get acknowledged(): number {
    return this.#writers.reduce((total, { acknowledged }) => total + acknowledged, 0)
  }

  /** What was counted since the last call. */
  counts(): WriteCounts {
    if (this.#contradiction) throw this.#contradiction
    const sum = (of: (writer: Writer) => number) => this.#writers.reduce((total, writer) => total + of(writer), 0)
    const counts = {
      acknowledged: sum(({ acknowledged }) => acknowledged),
      failed: sum(({ failed }) => failed),
      why: [...new Set(this.#writers.flatMap(({ failed, why }) => (failed > 0 ? [why] : [])))],
      longestPauseMs: Math.round(Math.max(...this.#writers.map(({ longestPauseMs }) => longestPauseMs))),
    }
    for (const writer of this.#writers) Object.assign(writer, { acknowledged: 0, failed: 0, longestPauseMs: 0 })
    return counts
  }

  /** Ends the work, and reads every key: throws for an acknowledged write that is not there, or a deleted one that is. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#work
    if (this.#contradiction) throw this.#contradiction
    for (const writer of this.#writers) for (const key of writer.possible.keys()) await writer.look(key)
  }
}
