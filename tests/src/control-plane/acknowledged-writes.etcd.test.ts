/**
 * A control plane killed again and again while clients write through it: whatever was acknowledged is there afterwards, and
 * whatever was acknowledged to be gone stays gone. DAVIT_KILLS says how often it is killed (5).
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type ConfigMap, configMapKind } from '@davit/api'
import { type ControlPlane, etcdsOn, signalProcess, startControlPlane } from './control-plane.ts'
import { configMap, PATHS } from './manifests.ts'
import { randomFrom } from './random-requests.ts'
import { until } from './until.ts'

const KILLS = Number(process.env.DAVIT_KILLS ?? 5)
const SEED = Number(process.env.DAVIT_FUZZ_SEED ?? 4)
const WRITERS = 6
const KEYS_EACH = 4
/** Acknowledged writes between two kills. */
const WRITES_BETWEEN = 120

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
})
after(() => plane[Symbol.asyncDispose]())

/** What one key may hold: one value when its last write had a verdict, several when some had none. `undefined`: nothing. */
type Possible = Set<string | undefined>

/** One client, the only one to write its keys, so that it knows what they must hold. */
class Writer {
  readonly possible = new Map<string, Possible>()
  acknowledged = 0
  readonly #random: () => number
  #count = 0

  constructor(index: number) {
    this.#random = randomFrom(SEED * 1000 + index)
    for (let key = 0; key < KEYS_EACH; key++) this.possible.set(`writer-${index}-${key}`, new Set([undefined]))
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const keys = [...this.possible.keys()]
      const key = keys[Math.floor(this.#random() * keys.length)] ?? ''
      await this.#write(key, this.possible.get(key) as Possible)
    }
  }

  async #write(key: string, possible: Possible): Promise<void> {
    if (possible.size > 1) return this.#look(key, possible)
    const value = `${++this.#count}`
    const exists = !possible.has(undefined)
    const isDelete = exists && this.#random() < 0.3
    const path = exists ? `${PATHS.configMaps}/${key}` : PATHS.configMaps
    const method = isDelete ? 'DELETE' : exists ? 'PUT' : 'POST'
    const answer = await plane.ask({ method, path, ...(!isDelete && { body: configMap(key, { value }) }) }).catch(() => undefined)
    const after = isDelete ? undefined : value
    if (answer && answer.code < 300) {
      this.acknowledged++
      possible.clear()
      possible.add(after)
    } else if (!answer || answer.code === 504) possible.add(after)
    // Not found, or there already, would be a lost or a resurrected write.
    else assert.equal(answer.code, 503, `${method} ${key}: ${answer.code} ${answer.message} (seed ${SEED})`)
  }

  /** A write without a verdict is followed by a read: it was made, or it was not. */
  async #look(key: string, possible: Possible): Promise<void> {
    const answer = await plane.ask({ path: `${PATHS.configMaps}/${key}` }).catch(() => undefined)
    if (answer?.code !== 200 && answer?.code !== 404) return
    const value = answer.code === 200 ? valueIn(answer.json as unknown as ConfigMap) : undefined
    assert.ok(possible.has(value), `${key} holds ${value}, and may hold ${[...possible].join(' or ')} (seed ${SEED})`)
    possible.clear()
    possible.add(value)
  }
}

function valueIn(object: ConfigMap): string | undefined {
  return object.data?.value
}

it(`${KILLS} kills lose no acknowledged write and bring nothing back`, { timeout: 60_000 + KILLS * 20_000 }, async () => {
  const writers = Array.from({ length: WRITERS }, (_, index) => new Writer(index))
  const total = () => writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  for (let kill = 1; kill <= KILLS; kill++) {
    const stop = new AbortController()
    const before = total()
    const work = Promise.all(writers.map(writer => writer.run(stop.signal)))
    await until('writes to be acknowledged', () => total() - before > WRITES_BETWEEN)
    await plane.kill()
    // Every other time its etcd, too; else the next one adopts it.
    if (kill % 2 === 0) for (const pid of await etcdsOn(plane.dataDir)) signalProcess(pid, 'SIGKILL')
    stop.abort()
    await work
    await plane.start()
    await check(writers, `after kill ${kill}`)
  }
  assert.ok(total() > KILLS * WRITES_BETWEEN)
})

async function check(writers: readonly Writer[], when: string): Promise<void> {
  const { items } = await plane.client.resource(configMapKind).list({ namespace: 'default' })
  const held = new Map(items.map(item => [item.metadata.name, valueIn(item)]))
  for (const { possible } of writers) {
    for (const [key, values] of possible) {
      const wanted = [...values].map(value => value ?? 'nothing').join(' or ')
      assert.ok(values.has(held.get(key)), `${key} holds ${held.get(key) ?? 'nothing'} ${when}, and may hold ${wanted} (seed ${SEED})`)
    }
  }
  // What the cache was filled with is what a read past it gives.
  const direct = await plane.ask({ path: `${PATHS.configMaps}?limit=500` })
  assert.deepEqual(
    (direct.json.items as ConfigMap[]).map(item => [item.metadata.name, valueIn(item)]),
    [...held],
  )
}
