/** The collector's plans carried out on random worlds, one object at a time in any order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubernetesObject, OwnerReference } from '@davit/api'
import fc from 'fast-check'
import { type Action, FOREGROUND, isDeletingForeground, ORPHAN, planCollection } from './plan.ts'

const STEPS_MAX = 2_000
type World = Map<string, KubernetesObject>
type Policy = 'Foreground' | 'Background' | 'Orphan'

/** `owners[i]` are the indices of object i's owners; circles are allowed, owning oneself is not. */
const graphs = fc
  .integer({ min: 1, max: 7 })
  .chain(count => fc.array(fc.uniqueArray(fc.nat(count - 1), { maxLength: 3 }), { minLength: count, maxLength: count }))
  .map(graph => graph.map((owners, self) => owners.filter(owner => owner !== self)))

function worldOf(graph: readonly (readonly number[])[], blocks: boolean): World {
  const reference = (uid: string): OwnerReference => ({ apiVersion: 'v1', kind: 'Pod', name: uid, uid, blockOwnerDeletion: blocks })
  return new Map(
    graph.map((owners, index) => {
      const uid = String(index)
      const ownerReferences = owners.map(owner => reference(String(owner)))
      return [uid, { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, uid, ownerReferences } }]
    }),
  )
}

/** As the API server does it. */
function remove(world: World, { metadata }: KubernetesObject, policy: Policy): void {
  const { uid = '' } = metadata
  const finalizers = { Foreground: [FOREGROUND], Orphan: [ORPHAN], Background: [] }[policy]
  if (finalizers.length === 0) world.delete(uid)
  else change(world, uid, { finalizers, deletionTimestamp: '2026-01-01T00:00:00Z' })
}

function change(world: World, uid: string, metadata: KubernetesObject['metadata']): void {
  const object = world.get(uid)
  if (!object) return
  const next = { ...object, metadata: { ...object.metadata, ...metadata } }
  if (next.metadata.deletionTimestamp && next.metadata.finalizers?.length === 0) world.delete(uid)
  else world.set(uid, next)
}

function perform(world: World, { metadata: { uid = '' } }: KubernetesObject, action: Action): void {
  const object = world.get(uid) as KubernetesObject
  const { ownerReferences = [], finalizers = [] } = object.metadata
  const without = ({ metadata }: KubernetesObject, uids: readonly string[]) =>
    (metadata.ownerReferences ?? []).filter(each => !uids.includes(each.uid))
  switch (action.kind) {
    case 'delete':
      remove(world, object, action.propagationPolicy)
      break
    case 'drop-owners':
      change(world, uid, { ownerReferences: without(object, action.uids) })
      break
    case 'unblock-owners':
      change(world, uid, { ownerReferences: ownerReferences.map(each => ({ ...each, blockOwnerDeletion: false })) })
      break
    case 'orphan-dependents':
      for (const each of action.dependents) change(world, each.metadata.uid ?? '', { ownerReferences: without(each, [uid]) })
      change(world, uid, { finalizers: finalizers.filter(each => each !== ORPHAN) })
      break
    case 'remove-finalizer':
      change(world, uid, { finalizers: finalizers.filter(each => each !== action.finalizer) })
      break
    default:
      action satisfies never
  }
}

function planFor(world: World, object: KubernetesObject): Action[] {
  const dependents = [...world.values()].filter(each => each.metadata.ownerReferences?.some(({ uid }) => uid === object.metadata.uid))
  return planCollection({
    object,
    dependents,
    owner: ({ uid }) => {
      const owner = world.get(uid)
      return owner ? (isDeletingForeground(owner) ? 'deleting-foreground' : 'present') : 'absent'
    },
  })
}

/** Carries out plans in the order that `pick` gives, until none has anything to do. */
function settle(world: World, pick: (count: number) => number): void {
  for (let step = 0; step < STEPS_MAX; step++) {
    const open = [...world.values()].filter(object => planFor(world, object).length > 0)
    const object = open[pick(open.length)]
    if (!object) return
    for (const action of planFor(world, object)) perform(world, object, action)
  }
  assert.fail('It does not come to rest')
}

/** Those that lose every owner they have when the first object goes. */
function doomed(graph: readonly (readonly number[])[]): Set<number> {
  const found = new Set([0])
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const [index, owners] of graph.entries()) if (owners.length > 0 && owners.every(owner => found.has(owner))) found.add(index)
  }
  return found
}

const picks = fc.infiniteStream(fc.nat(100))

for (const policy of ['Foreground', 'Background'] as const) {
  test(`${policy} deletion takes what has no other owner, spares the rest and leaves nothing half deleted`, () => {
    fc.assert(
      fc.property(graphs, fc.boolean(), picks, (graph, blocks, stream) => {
        const world = worldOf(graph, blocks)
        remove(world, world.get('0') as KubernetesObject, policy)
        settle(world, count => (stream.next().value as number) % Math.max(count, 1))
        const gone = doomed(graph)
        const wanted = graph.flatMap((_, index) => (gone.has(index) ? [] : [String(index)]))
        assert.deepEqual([...world.keys()], wanted)
        for (const { metadata } of world.values()) assert.equal(metadata.deletionTimestamp, undefined)
      }),
    )
  })
}

test('Orphan deletion takes nothing else', () => {
  fc.assert(
    fc.property(graphs, fc.boolean(), picks, (graph, blocks, stream) => {
      const world = worldOf(graph, blocks)
      remove(world, world.get('0') as KubernetesObject, 'Orphan')
      settle(world, count => (stream.next().value as number) % Math.max(count, 1))
      assert.deepEqual([...world.keys()], graph.map((_, index) => String(index)).slice(1))
    }),
  )
})
