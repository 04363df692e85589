/** Watches of ConfigMaps: what they tell, in which order, and from where they go on. */
import assert from 'node:assert/strict'
import { type ConfigMap, configMapKind, type WatchOptions } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'

const WATCH_MS_MAX = 30_000
/** Changes that concurrent watchers see, and how many watch. */
const CHANGES = 30
const WATCHERS = 10

/** What an event said, short: `ADDED one 1`. */
interface Seen {
  readonly said: string
  readonly version: string
}

/** Watches the case's ConfigMaps until `count` events came; resolves with them. */
async function watched(context: ApiContext, count: number, options: WatchOptions): Promise<Seen[]> {
  const seen: Seen[] = []
  const signal = AbortSignal.timeout(WATCH_MS_MAX)
  for await (const { type, object } of context.resource(configMapKind).watch({ namespace: context.namespace, signal, ...options })) {
    const { metadata, data } = object as ConfigMap
    seen.push({ said: `${type} ${metadata.name} ${data?.value}`, version: metadata.resourceVersion ?? '' })
    if (seen.length === count) break
  }
  return seen
}

const said = (seen: readonly Seen[]) => seen.map(each => each.said)

function moves(context: ApiContext) {
  const maps = context.resource(configMapKind)
  const target = (name: string) => ({ namespace: context.namespace, name })
  return {
    make: (name: string, label: string) =>
      maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...target(name), labels: { watch: label } }, data: { value: '0' } }),
    set: (name: string, value: string) => maps.patch(target(name), { type: 'merge', body: { data: { value } } }),
    relabel: (name: string, label: string) => maps.patch(target(name), { type: 'merge', body: { metadata: { labels: { watch: label } } } }),
    remove: (name: string) => maps.delete(target(name)),
    /** The version to watch from. */
    now: async () => (await maps.list({ namespace: context.namespace })).metadata.resourceVersion ?? '',
  }
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'Several label-filtered watchers see only their own add/update/delete events',
    run: async context => {
      const { make, set, remove, now } = moves(context)
      const resourceVersion = await now()
      const of = (labelSelector: string, count: number) => watched(context, count, { labelSelector, resourceVersion })
      const watches = Promise.all([of('watch=a', 4), of('watch=b', 3), of('watch in (a,b)', 7)])
      await make('a', 'a')
      await set('a', '1')
      await make('b', 'b')
      await set('a', '2')
      await set('b', '1')
      await remove('a')
      await remove('b')
      const a = ['ADDED a 0', 'MODIFIED a 1', 'MODIFIED a 2', 'DELETED a 2']
      const b = ['ADDED b 0', 'MODIFIED b 1', 'DELETED b 1']
      const both = ['ADDED a 0', 'MODIFIED a 1', 'ADDED b 0', 'MODIFIED a 2', 'MODIFIED b 1', 'DELETED a 2', 'DELETED b 1']
      assert.deepEqual((await watches).map(said), [a, b, both])
    },
  },
  {
    row: "An object leaving the watch's selector is reported as deleted, and as added on return",
    run: async context => {
      const { make, set, relabel, remove, now } = moves(context)
      const watch = watched(context, 6, { labelSelector: 'watch=in', resourceVersion: await now() })
      await make('one', 'in')
      await set('one', '1')
      await relabel('one', 'out')
      await set('one', '2')
      await relabel('one', 'in')
      await set('one', '3')
      await remove('one')
      const wanted = ['ADDED one 0', 'MODIFIED one 1', 'DELETED one 1', 'ADDED one 2', 'MODIFIED one 3', 'DELETED one 3']
      assert.deepEqual(said(await watch), wanted)
    },
  },
  {
    row: 'A watch started at an older resourceVersion delivers only later events',
    run: async context => {
      const { make, set, remove } = moves(context)
      const labelSelector = 'watch=late'
      await make('one', 'late')
      const { metadata } = await set('one', '1')
      await set('one', '2')
      await remove('one')
      const seen = await watched(context, 2, { labelSelector, resourceVersion: metadata.resourceVersion ?? '' })
      assert.deepEqual(said(seen), ['MODIFIED one 2', 'DELETED one 2'])
    },
  },
  {
    row: 'A watch can resume from the last resourceVersion seen without losing events',
    run: async context => {
      const { make, set, remove, now } = moves(context)
      const labelSelector = 'watch=again'
      const first = watched(context, 2, { labelSelector, resourceVersion: await now() })
      await make('one', 'again')
      await set('one', '1')
      const seen = await first
      assert.deepEqual(said(seen), ['ADDED one 0', 'MODIFIED one 1'])
      await set('one', '2')
      await remove('one')
      const later = await watched(context, 2, { labelSelector, resourceVersion: seen[1]?.version ?? '' })
      assert.deepEqual(said(later), ['MODIFIED one 2', 'DELETED one 2'])
    },
  },
  {
    row: 'Concurrent watches started at event resourceVersions observe the same order',
    run: async context => {
      const { make, set, remove, now } = moves(context)
      const labelSelector = 'watch=order'
      const first = watched(context, CHANGES, { labelSelector, resourceVersion: await now() })
      // Three writers, whose changes reach etcd in an order that nobody knows beforehand.
      const write = async (name: string) => {
        for (let round = 0; round < CHANGES / 3 / 5; round++) {
          await make(name, 'order')
          for (const value of ['1', '2', '3']) await set(name, value)
          await remove(name)
        }
      }
      await Promise.all(['a', 'b', 'c'].map(write))
      const all = await first
      const starts = all.slice(0, WATCHERS)
      const later = await Promise.all(
        starts.map(({ version: resourceVersion }, at) => watched(context, CHANGES - 1 - at, { labelSelector, resourceVersion })),
      )
      for (const [at, seen] of later.entries()) assert.deepEqual(seen, all.slice(at + 1))
    },
  },
]
