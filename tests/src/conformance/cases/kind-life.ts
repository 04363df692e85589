/** What can be done with objects of any kind: the moves that the cases of kinds share. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { apiVersionOf, KINDS, type Kind, type KubernetesObject, type ResourceClient, resourcePath } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'

const WATCH_MS_MAX = 30_000

/** An object of any kind, without what every object has. */
export type Body = Record<string, unknown>

/** The kind named `group/Kind`; undefined while the API does not serve it. */
export function servedKind(name: string): Kind | undefined {
  const [group = '', kind] = name.split('/')
  return KINDS.find(each => each.group === group && each.kind === kind)
}

/** As `servedKind`, where it must be served. */
export function kindNamed(name: string): Kind {
  const kind = servedKind(name)
  assert.ok(kind, `The API serves no ${name}`)
  return kind
}

export interface KindLife {
  context: ApiContext
  kind: Kind
  resource: ResourceClient<KubernetesObject>
  /** Selects the objects of this case. */
  labelSelector: string
  make(name: string): Promise<KubernetesObject>
  target(name: string): { name: string; namespace?: string }
  names(): Promise<string[]>
}

/**
 * The moves for objects of a kind made from `body`. Objects outside of namespaces are told apart by their names: where those must say
 * something, `fullName` makes them.
 */
export function kindLife(
  context: ApiContext,
  kindName: string,
  body: (name: string) => Body,
  fullName?: (name: string) => string,
): KindLife {
  const kind = kindNamed(kindName)
  const resource = context.resource(kind)
  const labelSelector = `case=${context.namespace}`
  const named = fullName ?? ((name: string) => (kind.namespaced ? name : `${context.namespace}-${name}`))
  const target = (name: string) => ({ name: named(name), ...(kind.namespaced && { namespace: context.namespace }) })
  return {
    context,
    kind,
    resource,
    labelSelector,
    target,
    make: name => {
      const metadata = { ...target(name), labels: { case: context.namespace, name } }
      return resource.create({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, ...body(named(name)) } as KubernetesObject)
    },
    async names() {
      const { items } = await resource.list({ labelSelector, ...(kind.namespaced && { namespace: context.namespace }) })
      return items.map(({ metadata }) => metadata.labels?.name ?? '').sort()
    },
  }
}

/** A time for what tests write. */
export const NOW = '2026-01-02T03:04:05Z'

/** A status with one condition. */
export const condition = (type: string, reason: string): Body => ({
  conditions: [{ type, status: 'False', reason, message: 'of a test', lastTransitionTime: NOW }],
})

/** Discovery names the group, its version and the resource with all verbs. */
export async function assertDiscoverable({ context, kind }: KindLife): Promise<void> {
  const read = async (path: string) => JSON.parse(await text((await context.client.raw({ method: 'GET', path })).body)) as Body
  const groups = (await read('/apis')).groups as { name: string; versions: { version: string }[] }[]
  assert.ok(groups.find(({ name }) => name === kind.group)?.versions.some(({ version }) => version === kind.version))
  const resources = (await read(`/apis/${apiVersionOf(kind)}`)).resources as { name: string; verbs: string[] }[]
  const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
  assert.deepEqual(resources.find(({ name }) => name === kind.plural)?.verbs.toSorted(), verbs)
}

/** Everything an object's life has: each verb once, and a watch that tells of it. */
export async function assertWholeLife(life: KindLife): Promise<void> {
  const { context, resource, labelSelector, target } = life
  const namespace = life.kind.namespaced ? { namespace: context.namespace } : {}
  const { metadata } = await resource.list({ labelSelector, ...namespace })
  const watch = watched(life, metadata.resourceVersion ?? '')

  const created = await life.make('one')
  assert.ok(created.metadata.uid)
  assert.deepEqual((await resource.get(target('one'))).metadata.uid, created.metadata.uid)
  // Across all namespaces, too.
  assert.equal((await resource.list({ labelSelector })).items.length, 1)

  const patched = await resource.patch(target('one'), { type: 'merge', body: { metadata: { labels: { patched: 'yes' } } } })
  assert.equal(patched.metadata.labels?.patched, 'yes')
  const updated = await updateMetadata(life, 'one', { updated: 'yes' })
  assert.deepEqual([updated.metadata.annotations?.updated, updated.metadata.labels?.patched], ['yes', 'yes'])
  assert.notEqual(updated.metadata.resourceVersion, created.metadata.resourceVersion)

  await resource.delete(target('one'))
  await untilNames(life, [])
  const types = await watch
  assert.equal(types[0], 'ADDED')
  assert.equal(types.at(-1), 'DELETED')
  assert.ok(types.filter(type => type === 'MODIFIED').length >= 2)

  await assertCollectionDelete(life)
}

/** Those that a selector picks go, and no others. */
export async function assertCollectionDelete(life: KindLife): Promise<void> {
  await Promise.all(['two', 'three', 'four'].map(name => life.make(name)))
  assert.deepEqual(await life.names(), ['four', 'three', 'two'])
  const namespace = life.kind.namespaced ? { namespace: life.context.namespace } : {}
  await life.resource.deleteCollection({ labelSelector: `${life.labelSelector},name in (two,three)`, ...namespace })
  await untilNames(life, ['four'])
  await life.resource.deleteCollection({ labelSelector: life.labelSelector, ...namespace })
  await untilNames(life, [])
}

/** `status` is read, patched and replaced through its subresource; `statuses` are what it is patched and replaced with. */
export async function assertStatus(
  life: KindLife,
  name: string,
  statuses: { patched: Body; updated: Body },
  subresource = 'status',
): Promise<void> {
  const { resource, target } = life
  const has = (object: KubernetesObject, status: Body) => assertHas((object as { status?: Body }).status, status)
  const read = async () => {
    const path = resourcePath(life.kind, target(name), subresource)
    return JSON.parse(await text((await life.context.client.raw({ method: 'GET', path })).body)) as KubernetesObject
  }
  const path = { type: 'merge', body: { status: statuses.patched } } as const
  has(await resource.patch(target(name), path, { subresource }), statuses.patched)
  has(await resource.get(target(name)), statuses.patched)
  has(await read(), statuses.patched)
  for (let attempt = 1; ; attempt++) {
    const object = structuredClone(await resource.get(target(name))) as KubernetesObject & { status?: Body }
    object.status = { ...object.status, ...statuses.updated }
    try {
      has(await resource.update(object, { subresource }), statuses.updated)
      return
    } catch (error) {
      // A controller may have written between.
      if ((error as { reason?: string }).reason !== 'Conflict' || attempt === 5) throw error
    }
  }
}

/** Replaces an object with itself and an annotation more; a controller may write between, so it may take a few reads. */
export async function updateMetadata(
  { resource, target }: KindLife,
  name: string,
  annotations: Record<string, string>,
): Promise<KubernetesObject> {
  for (let attempt = 1; ; attempt++) {
    const object = structuredClone(await resource.get(target(name)))
    object.metadata.annotations = { ...object.metadata.annotations, ...annotations }
    try {
      return await resource.update(object)
    } catch (error) {
      if ((error as { reason?: string }).reason !== 'Conflict' || attempt === 5) throw error
    }
  }
}

/** Finalizers may hold an object for a moment. */
export async function untilNames(life: KindLife, wanted: readonly string[]): Promise<void> {
  await life.context.eventually(
    `${life.kind.plural} ${wanted}`,
    () => life.names(),
    names => names.join() === wanted.join(),
  )
}

/** Types of the events of this case's objects after `resourceVersion`, up to the first DELETED. */
async function watched({ context, kind, resource, labelSelector }: KindLife, resourceVersion: string): Promise<string[]> {
  const types: string[] = []
  const signal = AbortSignal.timeout(WATCH_MS_MAX)
  const namespace = kind.namespaced ? { namespace: context.namespace } : {}
  for await (const { type } of resource.watch({ labelSelector, resourceVersion, signal, ...namespace })) {
    types.push(type)
    if (type === 'DELETED') break
  }
  return types
}
