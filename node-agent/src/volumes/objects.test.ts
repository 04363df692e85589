import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiError, type Client, type ConfigMap, systemClock, type WatchEvent } from '@davit/api'
import { createObjectSource } from './objects.ts'

const map = (resourceVersion: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name: 'app', uid: 'one', resourceVersion },
  data,
})
const NOT_FOUND = apiError('NotFound', 'configmaps "app" not found')

/** An API whose answers and events come when a test says so. */
function slowApi() {
  const answers: { give: (object: ConfigMap) => void; refuse: (err: Error) => void }[] = []
  const waiting: ((event: WatchEvent<ConfigMap>) => void)[] = []
  const resource = () => ({
    get: () => new Promise<ConfigMap>((give, refuse) => answers.push({ give, refuse })),
    list: async () => ({ apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '1' }, items: [] }),
    async *watch() {
      for (;;) yield await new Promise<WatchEvent<ConfigMap>>(resolve => waiting.push(resolve))
    },
  })
  return {
    client: { resource } as unknown as Client,
    answers,
    async tell(event: WatchEvent<ConfigMap>) {
      while (waiting.length === 0) await new Promise(resolve => setImmediate(resolve))
      waiting.shift()?.(event)
    },
  }
}

/** A source that was asked for a ConfigMap, of which a watch tells `seen` while the answer is on its way. */
async function askedMeanwhile(seen: ConfigMap) {
  const stop = new AbortController()
  const api = slowApi()
  const objects = createObjectSource(api.client, { clock: systemClock, signal: stop.signal })
  objects.hold('pod', [{ kind: 'ConfigMap', namespace: 'default', name: 'app' }])
  const told = new Promise<void>(resolve => objects.onChange(() => resolve()))
  const asked = objects.configMap('default', 'app')
  await api.tell({ type: 'ADDED', object: seen })
  await told
  return { objects, asked, answer: api.answers[0], stop: () => stop.abort() }
}

describe('createObjectSource()', () => {
  it('takes what a watch has told over an answer that was on its way before', async () => {
    const { objects, asked, answer, stop } = await askedMeanwhile(map('5', { a: 'new' }))
    answer?.refuse(NOT_FOUND)
    assert.deepEqual((await asked)?.data, { a: 'new' })
    assert.deepEqual((await objects.configMap('default', 'app'))?.data, { a: 'new' })
    stop()
  })

  it('takes an answer that is newer than what a watch has told', async () => {
    const { asked, answer, stop } = await askedMeanwhile(map('5', { a: 'old' }))
    answer?.give(map('6', { a: 'newer' }))
    assert.deepEqual((await asked)?.data, { a: 'newer' })
    stop()
  })
})
