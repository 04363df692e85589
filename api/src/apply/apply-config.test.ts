import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Applied, applyConfig, conflictCause, conflictMessage, fieldsStillApplied } from './apply-config.ts'
import { compareObjects } from './compare.ts'
import type { ManagedFieldsEntry } from './entries.ts'
import { type FieldSet, NO_FIELDS, setOf } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'
import { onlyVersion, recordUpdate } from './record-update.ts'
import { WIDGET } from './widget.ts'

const VERSION = 'test/v1'
const convert = onlyVersion(VERSION, WIDGET)

interface World {
  object: object
  entries: readonly ManagedFieldsEntry[]
}
const NOTHING: World = { object: {}, entries: [] }

const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([name, field]) => [name, withoutNulls(field)]),
  )
}

interface Options {
  force?: boolean | FieldSet
  time?: string
  ignored?: FieldSet
}

function tryApply(
  world: World,
  manager: string,
  config: object,
  { force = false, time = '1', ignored = NO_FIELDS }: Options = {},
): Applied {
  return applyConfig({
    entries: world.entries,
    by: { manager, operation: 'Apply', apiVersion: VERSION },
    time,
    node: WIDGET,
    live: world.object,
    config,
    convert,
    force,
    ignored,
    finish: merged => withoutNulls(merged) as object,
  })
}

function apply(world: World, manager: string, config: object, options: Options = {}): World {
  const applied = tryApply(world, manager, config, options)
  if (applied.conflicts) throw new Error(conflictMessage(applied.conflicts))
  return applied
}

function update(world: World, manager: string, object: object, time = '1'): World {
  const by = { manager, operation: 'Update', apiVersion: VERSION } as const
  const entries = recordUpdate({ entries: world.entries, by, time, node: WIDGET, before: world.object, after: object, convert })
  return { object, entries }
}

const fieldsBy = ({ entries }: World, manager: string) => entries.find(entry => entry.manager === manager)?.fieldsV1

test('creating owns every field; objects that are always there are nobody’s', () => {
  const world = update(NOTHING, 'kubectl', {
    apiVersion: VERSION,
    kind: 'Widget',
    metadata: { name: 'w', uid: 'u', generation: 1, labels: { a: '1' }, finalizers: ['x/y'], ownerReferences: [{ uid: '1', name: 'o' }] },
    spec: {
      replicas: 1,
      selector: { labels: { a: '1' } },
      nodes: { n: '1' },
      groups: ['g'],
      parts: [{ name: 'p', image: 'i', args: ['a'], ports: [{ port: 80, name: 'http' }] }],
      free: { a: { b: [1] }, c: {} },
    },
    status: {},
  })
  const own = { '.': {} }
  assert.deepEqual(fieldsBy(world, 'kubectl'), {
    'f:metadata': {
      'f:labels': { ...own, 'f:a': {} },
      'f:finalizers': { ...own, 'v:"x/y"': {} },
      'f:ownerReferences': { ...own, 'k:{"uid":"1"}': {} },
    },
    'f:spec': {
      'f:replicas': {},
      'f:selector': {},
      'f:nodes': {},
      'f:groups': { ...own, 'v:"g"': {} },
      'f:parts': {
        ...own,
        'k:{"name":"p"}': {
          ...own,
          'f:name': {},
          'f:image': {},
          'f:args': {},
          'f:ports': { ...own, 'k:{"port":80,"protocol":"TCP"}': { ...own, 'f:port': {}, 'f:name': {} } },
        },
      },
      'f:free': { ...own, 'f:a': { ...own, 'f:b': {} }, 'f:c': {} },
    },
  })
})

test('an applier owns what it gives, not what holds it', () => {
  const config = { spec: { replicas: 1, parts: [{ name: 'p', ports: [{ port: 80 }] }], data: { a: '1' }, selector: {}, groups: ['g'] } }
  const item = { '.': {}, 'f:port': {} }
  assert.deepEqual(fieldsBy(apply(NOTHING, 'me', config), 'me'), {
    'f:spec': {
      'f:replicas': {},
      'f:parts': { 'k:{"name":"p"}': { '.': {}, 'f:name': {}, 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': item } } },
      'f:data': { 'f:a': {} },
      'f:selector': {},
      'f:groups': { 'v:"g"': {} },
    },
  })
})

test('an update takes fields from others, and the same kind of update by one manager is one entry', () => {
  let world = update(NOTHING, 'a', { spec: { replicas: 1, data: { x: '1' } } }, '1')
  world = update(world, 'b', { spec: { replicas: 2, data: { x: '1' } } }, '2')
  world = update(world, 'b', { spec: { replicas: 2, data: { x: '1', y: '1' } } }, '3')
  assert.deepEqual(
    world.entries.map(({ manager, time }) => [manager, time]),
    [
      ['a', '1'],
      ['b', '3'],
    ],
  )
  assert.deepEqual(fieldsBy(world, 'a'), { 'f:spec': { 'f:data': { '.': {}, 'f:x': {} } } })
  assert.deepEqual(fieldsBy(world, 'b'), { 'f:spec': { 'f:replicas': {}, 'f:data': { 'f:y': {} } } })
  world = update(world, 'b', { spec: { data: { y: '1' } } }, '4')
  assert.deepEqual(fieldsBy(world, 'b'), { 'f:spec': { 'f:data': { 'f:y': {} } } })
  assert.equal(world.entries.find(({ manager }) => manager === 'b')?.time, '3', 'a field that goes is no reason for a new time')
  assert.equal(update(world, 'c', world.object).entries, world.entries)
  assert.deepEqual(update(world, 'b', {}).entries, [])
})

test('an apply that would change what another owns conflicts, field by field, until it is forced', () => {
  const world = update(NOTHING, 'kubectl-client-side-apply', { spec: { replicas: 1, data: { x: '1' } } })
  const one = tryApply(world, 'me', { spec: { replicas: 2 } }).conflicts ?? []
  assert.equal(
    conflictMessage(one),
    'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using test/v1: .spec.replicas',
  )
  assert.deepEqual(one.map(conflictCause), [
    { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-client-side-apply" using test/v1', field: '.spec.replicas' },
  ])
  const more = apply(update(world, 'b', { spec: { replicas: 3, data: { x: '1' } } }), 'c', { spec: { groups: ['g'] } })
  const several = tryApply(more, 'me', { spec: { replicas: 4, data: { x: '2' }, groups: ['h'] } }).conflicts ?? []
  assert.equal(
    conflictMessage(several),
    'Apply failed with 2 conflicts: conflicts with "b" using test/v1:\n- .spec.replicas\nconflicts with "kubectl-client-side-apply" using test/v1:\n- .spec.data.x',
  )
  const forced = apply(more, 'me', { spec: { replicas: 4 } }, { force: true })
  assert.deepEqual(fieldsBy(forced, 'me'), setOf('f:spec', 'f:replicas'))
  assert.equal(fieldsBy(forced, 'b'), undefined)
  const back = tryApply(forced, 'b', { spec: { replicas: 3 } }).conflicts
  assert.equal(conflictMessage(back ?? []), 'Apply failed with 1 conflict: conflict with "me": .spec.replicas')
})

test('the same value may have several owners, and stays until the last of them lets it go', () => {
  let world = apply(NOTHING, 'a', { spec: { replicas: 1, data: { x: '1', y: '1' } } })
  world = apply(world, 'b', { spec: { replicas: 1 } })
  world = apply(world, 'a', { spec: { data: { y: '1' } } })
  assert.deepEqual(world.object, { spec: { replicas: 1, data: { y: '1' } } })
  world = apply(world, 'b', {})
  assert.deepEqual(world.object, { spec: { data: { y: '1' } } })
  assert.equal(world.entries.length, 1)
})

test('a field that another has updated or added below is kept when its applier lets go', () => {
  let world = apply(NOTHING, 'a', { spec: { parts: [{ name: 'p', image: '1' }, { name: 'q' }], data: { x: '1' } } })
  world = update(world, 'b', { spec: { parts: [{ name: 'p', image: '1', args: ['z'] }, { name: 'q' }], data: { x: '1', y: '2' } } })
  world = apply(world, 'a', { spec: { parts: [{ name: 'q' }] } })
  // The element itself was the applier's alone, so it goes with all that is in it; the map was not.
  assert.deepEqual(world.object, { spec: { parts: [{ name: 'q' }], data: { y: '2' } } })
  assert.deepEqual(fieldsBy(world, 'b'), setOf('f:spec', 'f:data', 'f:y'))
})

test('lists by key keep the order of the configuration among what was there', () => {
  const names = (world: World) => (world.object as { spec: { parts: { name: string }[] } }).spec.parts.map(({ name }) => name).join('')
  const parts = (text: string) => ({ spec: { parts: [...text].map(name => ({ name })) } })
  const table: [string, string, string][] = [
    ['ab', 'c', 'abc'],
    ['abc', 'xb', 'axbc'],
    ['ab', 'ba', 'ba'],
    ['abd', 'ba', 'bda'],
    ['abcd', 'dxa', 'bcdxa'],
  ]
  for (const [live, config, wanted] of table) {
    const world = update(NOTHING, 'u', parts(live))
    assert.equal(names(apply(world, 'me', parts(config))), wanted, `${live} and ${config}`)
  }
})

test('a key that is left out has its default', () => {
  const world = update(NOTHING, 'u', {
    spec: {
      parts: [
        {
          name: 'p',
          ports: [
            { port: 80, protocol: 'TCP' },
            { port: 80, protocol: 'UDP' },
          ],
        },
      ],
    },
  })
  const applied = apply(world, 'me', { spec: { parts: [{ name: 'p', ports: [{ port: 80, name: 'x' }] }] } })
  assert.deepEqual(applied.object, {
    spec: {
      parts: [
        {
          name: 'p',
          ports: [
            { port: 80, protocol: 'TCP', name: 'x' },
            { port: 80, protocol: 'UDP' },
          ],
        },
      ],
    },
  })
})

test('atomic lists and maps are one field', () => {
  const world = update(NOTHING, 'u', { spec: { nodes: { a: '1' }, parts: [{ name: 'p', args: ['1'] }] } })
  const conflicts = tryApply(world, 'me', { spec: { nodes: { b: '1' }, parts: [{ name: 'p', args: ['2'] }] } }).conflicts ?? []
  assert.deepEqual(
    conflicts.map(conflict => conflictCause(conflict).field),
    ['.spec.nodes', '.spec.parts[name="p"].args'],
  )
  const forced = apply(world, 'me', { spec: { nodes: { b: '1' } } }, { force: true })
  assert.deepEqual(forced.object, { spec: { nodes: { b: '1' }, parts: [{ name: 'p', args: ['1'] }] } })
})

test('a null takes a field away and owns that it is away', () => {
  const world = update(NOTHING, 'u', { spec: { replicas: 1, data: { x: '1' } } })
  const applied = apply(world, 'me', { spec: { replicas: null } }, { force: true })
  assert.deepEqual(applied.object, { spec: { data: { x: '1' } } })
  assert.deepEqual(fieldsBy(applied, 'me'), setOf('f:spec', 'f:replicas'))
})

test('fields that this way of writing leaves alone are not owned by it', () => {
  const world = apply(NOTHING, 'me', { spec: { replicas: 1 }, status: { replicas: 2 } }, { ignored: setOf('f:status') })
  assert.deepEqual(fieldsBy(world, 'me'), setOf('f:spec', 'f:replicas'))
})

test('fields still as client-side apply left them are handed over', () => {
  const applied = { spec: { replicas: 1, data: { x: '1', y: '1' } } }
  const live = { spec: { replicas: 5, data: { x: '1' } } }
  assert.deepEqual(fieldsStillApplied(WIDGET, applied, live), setOf('f:spec', 'f:data', 'f:x'))
  const world = update(NOTHING, 'kubectl-client-side-apply', live)
  const force = fieldsStillApplied(WIDGET, applied, live)
  assert.deepEqual(apply(world, 'kubectl', { spec: { data: { x: '2' } } }, { force }).object, { spec: { replicas: 5, data: { x: '2' } } })
  const { conflicts } = tryApply(world, 'kubectl', { spec: { replicas: 2, data: { x: '2' } } }, { force })
  assert.deepEqual(
    conflicts?.map(conflict => conflictCause(conflict).field),
    ['.spec.replicas'],
  )
})

test('more than ten managers that update become ten', () => {
  let world = NOTHING
  for (let n = 0; n < 14; n++) {
    const { data = {} } = (world.object as { spec?: { data?: object } }).spec ?? {}
    world = update(world, `m${n}`, { spec: { data: { ...data, [`k${n}`]: '1' } } }, `2026-01-01T00:00:${10 + n}Z`)
  }
  assert.equal(world.entries.length, 10)
  const ancient = fieldsBy(world, 'ancient-changes')?.['f:spec']?.['f:data']
  assert.deepEqual(Object.keys(ancient ?? {}), ['.', 'f:k0', 'f:k1', 'f:k2', 'f:k3', 'f:k4'])
})

const texts = fc.constantFrom('1', '2')
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const part = fc.record({ name: fc.constantFrom('p', 'q', 'r'), image: optional(texts), args: optional(fc.array(texts, { maxLength: 2 })) })
const spec = fc.record({
  replicas: optional(fc.integer({ min: 1, max: 2 })),
  selector: optional(fc.record({ labels: optional(fc.dictionary(texts, texts)) })),
  nodes: optional(fc.dictionary(texts, texts, { minKeys: 1 })),
  groups: optional(fc.uniqueArray(texts, { minLength: 1 })),
  parts: optional(fc.uniqueArray(part, { minLength: 1, selector: ({ name }) => name })),
  data: optional(fc.dictionary(texts, texts, { minKeys: 1 })),
  free: optional(fc.dictionary(texts, fc.oneof(texts, fc.dictionary(texts, texts, { minKeys: 1 })), { minKeys: 1 })),
})
const object = spec.map(made => JSON.parse(JSON.stringify({ spec: made })) as object)
const manager = fc.constantFrom('a', 'b')
const step = fc.record({ applies: fc.boolean(), manager, object })
const history = fc.array(step, { maxLength: 5 })
const worldAfter = (steps: { applies: boolean; manager: string; object: object }[]) =>
  steps.reduce(
    (world, { applies, manager, object }) => (applies ? apply(world, manager, object, { force: true }) : update(world, manager, object)),
    NOTHING,
  )

test('applying twice changes nothing', () => {
  fc.assert(
    fc.property(history, object, (steps, config) => {
      const once = apply(worldAfter(steps), 'me', config, { force: true, time: '1' })
      const twice = apply(once, 'me', config, { time: '2' })
      assert.deepEqual(twice.object, once.object)
      assert.equal(twice.entries, once.entries)
    }),
  )
})

test('what was applied is there, and owned', () => {
  fc.assert(
    fc.property(history, object, (steps, config) => {
      const world = apply(worldAfter(steps), 'me', config, { force: true })
      const change = compareObjects(WIDGET, config, world.object)
      assert.deepEqual(change?.removed ?? {}, {})
      const wanted = fieldsOf(WIDGET, config)
      assert.deepEqual(fieldsBy(world, 'me') ?? {}, wanted)
    }),
  )
})

test('conflicts are symmetrical: whoever forced is in the other’s way exactly where they differ', () => {
  fc.assert(
    fc.property(object, object, (mine, theirs) => {
      const world = apply(NOTHING, 'theirs', theirs)
      const forced = apply(world, 'mine', mine, { force: true })
      const back = tryApply(forced, 'theirs', theirs).conflicts?.map(conflict => conflictCause(conflict).field) ?? []
      const there = tryApply(world, 'mine', mine).conflicts?.map(conflict => conflictCause(conflict).field) ?? []
      assert.deepEqual(back.sort(), there.sort())
    }),
  )
})

test('applying nothing removes what nobody else owns, and gives the rest back as it was', () => {
  fc.assert(
    fc.property(object, object, (theirs, mine) => {
      const world = apply(NOTHING, 'theirs', theirs)
      const applied = tryApply(world, 'mine', mine)
      if (applied.conflicts) return
      const left = apply(applied, 'mine', {})
      const change = compareObjects(WIDGET, world.object, left.object)
      assert.deepEqual(change?.changed ?? {}, {}, 'nothing of mine is left')
      assert.deepEqual(change?.removed ?? {}, {}, 'nothing of theirs is gone')
      assert.equal(fieldsBy(left, 'mine'), undefined)
    }),
  )
})

test('no two updates own the same field, and none owns one that is not there', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ manager, object }), { maxLength: 6 }), steps => {
      const world = worldAfter(steps.map(each => ({ ...each, applies: false })))
      const all = compareObjects(WIDGET, {}, world.object)?.changed ?? NO_FIELDS
      const count = (set: FieldSet): number =>
        Object.entries(set).reduce((sum, [, node]) => sum + count(node) + (Object.keys(node).length === 0 ? 1 : 0), 0)
      assert.equal(
        world.entries.reduce((sum, { fieldsV1 }) => sum + count(fieldsV1), 0),
        count(all),
      )
    }),
  )
})
