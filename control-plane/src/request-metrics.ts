/**
 * Requests counted and timed for `/metrics`. Each is counted here in plain numbers, found by one key: hashing every label of every request,
 * as the library does, costs more than finding the object that was asked for.
 */
import { Counter, Histogram, type Registry } from 'prom-client'
import type { RequestRecord } from './apiserver/http/index.ts'

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

type Labels = Readonly<Record<(typeof LABELS)[number], string>>

interface Series {
  readonly labels: Labels
  readonly codes: Map<number, number>
  /** How many took at most as long as each bound, and longer than the one before it; the last: longer than all. */
  readonly buckets: number[]
  seconds: number
}

/** Gives the function to call for each request that was answered. */
export function observeRequests(registers: Registry[]): (record: RequestRecord) => void {
  const all = new Map<string, Series>()
  new Counter({
    registers,
    name: 'apiserver_request_total',
    help: 'Requests answered.',
    labelNames: [...LABELS, 'code'],
    collect() {
      this.reset()
      for (const { labels, codes } of all.values()) for (const [code, count] of codes) this.inc({ ...labels, code }, count)
    },
  })
  new Durations(registers, all)
  return record => {
    const series = seriesOf(all, record)
    series.codes.set(record.code, (series.codes.get(record.code) ?? 0) + 1)
    if (record.verb === 'watch') return
    const { seconds } = record
    let bucket = 0
    while (bucket < SECONDS.length && seconds > SECONDS[bucket]!) bucket++
    series.buckets[bucket]!++
    series.seconds += seconds
  }
}

function seriesOf(all: Map<string, Series>, record: RequestRecord): Series {
  const { group, version, resource, subresource, scope } = record
  // Methods are free text on the wire: an unknown one must not become a series.
  const verb = VERBS[record.verb] ?? 'OTHER'
  const key = `${verb} ${group}/${version}/${resource}/${subresource} ${scope}`
  const known = all.get(key)
  if (known) return known
  const labels = { verb, group, version, resource, subresource, scope }
  const made: Series = { labels, codes: new Map(), buckets: new Array(SECONDS.length + 1).fill(0), seconds: 0 }
  all.set(key, made)
  return made
}

const DURATIONS = {
  name: 'apiserver_request_duration_seconds',
  help: 'Time from a request to the end of its answer; watches and streams are not counted.',
}

class Durations extends Histogram<(typeof LABELS)[number]> {
  readonly #all: ReadonlyMap<string, Series>

  constructor(registers: Registry[], all: ReadonlyMap<string, Series>) {
    super({ ...DURATIONS, registers, labelNames: LABELS, buckets: SECONDS })
    this.#all = all
  }

  /** Both are asked: this by whoever prints text. */
  async getForPromString() {
    const timed = [...this.#all.values()].filter(({ labels }) => labels.verb !== 'WATCH')
    const values = timed.flatMap(({ labels, buckets, seconds }) => {
      let count = 0
      const upTo = buckets.map((more, index) => {
        count += more
        return { labels: { le: SECONDS[index] ?? '+Inf', ...labels }, value: count, metricName: `${DURATIONS.name}_bucket` }
      })
      return [
        ...upTo,
        { labels, value: seconds, metricName: `${DURATIONS.name}_sum` },
        { labels, value: count, metricName: `${DURATIONS.name}_count` },
      ]
    })
    return { ...DURATIONS, type: 'histogram', aggregator: 'sum' as const, values }
  }

  override get() {
    return this.getForPromString() as unknown as ReturnType<Histogram<(typeof LABELS)[number]>['get']>
  }
}
