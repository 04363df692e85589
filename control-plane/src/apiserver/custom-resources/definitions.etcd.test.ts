/** Definitions and their objects in two replicas on one etcd. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionVersion,
  customResourceDefinitionKind,
  isEstablished,
  isReason,
  type Kind,
  type KubernetesObject,
  namespaceKind,
  systemClock,
} from '@davit/api'
import { startControllers } from '../../controllers/index.ts'
import { startTestRegistry, type TestRegistry } from '../registry/testing/index.ts'
import { followDefinitions } from './follow.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const GROUP = 'example.com'

type Replica = Awaited<ReturnType<TestRegistry['replica']>> & { awaitKind: (plural: string) => Promise<void> }
type Custom = KubernetesObject & { spec?: Record<string, unknown> }

const version = (
  name: string,
  { storage = false, served = true, properties = {} }: { storage?: boolean; served?: boolean; properties?: Record<string, object> } = {},
) =>
  ({
    name,
    served,
    storage,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  }) as CustomResourceDefinitionVersion

function definition(plural: string, versions: object[] = [version('v1', { storage: true })], names: object = {}): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural, kind: plural.charAt(0).toUpperCase() + plural.slice(1, -1), ...names },
      versions,
    },
  } as CustomResourceDefinition
}

const conditionsOf = (object: KubernetesObject) => (object as CustomResourceDefinition).status?.conditions ?? []

describe('definitions', () => {
  let cluster: TestRegistry
  let first: Replica
  let second: Replica
  const stop = new AbortController()
  const follow = (replica: Awaited<ReturnType<TestRegistry['replica']>>) => {
    const { storage, registry, client } = replica
    const followed = followDefinitions({ client, kinds: registry.kinds, storage, clock: systemClock, log, signal: stop.signal })
    return { ...replica, followed, awaitKind: (plural: string) => followed.awaitKind(GROUP, plural) }
  }
  before(async () => {
    cluster = await startTestRegistry()
    first = follow({ storage: cluster.storage, registry: cluster.registry, client: cluster.client })
    second = follow(await cluster.replica())
  })
  after(async () => {
    stop.abort()
    await cluster[Symbol.asyncDispose]()
  })

  const definitions = () => first.client.resource(customResourceDefinitionKind)
  const made = async (wanted: CustomResourceDefinition) => {
    await definitions().create(wanted)
    const name = wanted.metadata.name ?? ''
    await cluster.event(customResourceDefinitionKind, { fieldSelector: `metadata.name=${name}` }, ({ object }) =>
      isEstablished(object as CustomResourceDefinition),
    )
    await second.awaitKind(wanted.spec.names.plural)
  }
  const kindOf = ({ registry }: Replica, plural: string, version = 'v1'): Kind => {
    const kind = registry.kinds.find(GROUP, version, plural)
    assert.ok(kind, `${plural} in ${version} is not served`)
    return kind
  }
  const objects = (replica: Replica, plural: string, version = 'v1') =>
    replica.client.resource(kindOf(replica, plural, version) as Kind<Custom>)
  const custom = (kind: string, name: string, spec: object = {}, more: object = {}): Custom =>
    ({ apiVersion: `${GROUP}/v1`, kind, metadata: { name, namespace: 'default', ...more }, spec }) as Custom
  /** A definition is changed, and both replicas serve it so. */
  const changed = async (name: string, change: (definition: CustomResourceDefinition) => void, isServed: (replica: Replica) => boolean) => {
    const current = structuredClone(await definitions().get({ name }))
    change(current)
    await definitions().update(current)
    for (const replica of [first, second]) {
      await new Promise<void>(resolve => {
        const check = () => {
          if (isServed(replica)) resolve(stopListening())
        }
        const stopListening = replica.registry.kinds.onChange(check)
        check()
      })
    }
  }

  it('what is established is served by every replica, and watched', async () => {
    await made(definition('plains'))
    const resource = objects(second, 'plains')
    const { metadata } = await resource.create(custom('Plain', 'a', { gone: 1 }))
    assert.equal(metadata.generation, 1)
    const unseen = custom('Plain', 'a')
    await assert.rejects(resource.update(unseen), /metadata\.resourceVersion: Invalid value: 0x0: must be specified for an update/)
    const kind = kindOf(first, 'plains') as Kind<Custom>
    const added = await cluster.event(kind, { namespace: 'default' }, ({ type }) => type === 'ADDED')
    assert.deepEqual((added.object as Custom).spec, {})
    const from = { namespace: 'default', resourceVersion: metadata.resourceVersion ?? '' }
    const deleted = cluster.event(kind, from, ({ type }) => type === 'DELETED')
    await resource.delete({ name: 'a', namespace: 'default' })
    assert.equal((await deleted).object.metadata.name, 'a')
  })

  it('defaults hold for what is stored already, as they are now', async () => {
    await made(
      definition('defaults', [
        version('v1', { storage: true, properties: { a: { type: 'string', default: 'A' }, b: { type: 'string' } } }),
      ]),
    )
    const target = { name: 'x', namespace: 'default' }
    assert.deepEqual((await objects(first, 'defaults').create(custom('Default', 'x'))).spec, { a: 'A' })
    await changed(
      `defaults.${GROUP}`,
      ({ spec }) => {
        spec.versions = [
          version('v1', { storage: true, properties: { a: { type: 'string', default: 'A2' }, b: { type: 'string', default: 'B' } } }),
        ]
      },
      replica => JSON.stringify(replica.registry.kinds.find(GROUP, 'v1', 'defaults')?.custom?.openApi()).includes('A2'),
    )
    assert.deepEqual((await objects(second, 'defaults').get(target)).spec, { a: 'A', b: 'B' })
  })

  it('objects are served in every version, whichever they are stored in', async () => {
    await made(
      definition('moves', [
        version('v1', { storage: true, properties: { a: { type: 'string' } } }),
        version('v2', { properties: { a: { type: 'string' } } }),
      ]),
    )
    const target = { name: 'x', namespace: 'default' }
    const key = `/registry/${GROUP}/moves/default/x`
    await objects(first, 'moves').create(custom('Move', 'x', { a: '1' }))
    assert.equal((await objects(second, 'moves', 'v2').get(target)).apiVersion, `${GROUP}/v2`)
    const name = `moves.${GROUP}`
    await changed(
      name,
      ({ spec }) => {
        for (const each of spec.versions) each.storage = each.name === 'v2'
      },
      replica =>
        (replica.registry.kinds.find(GROUP, 'v1', 'moves')?.custom?.toStored(custom('Move', 'x')).apiVersion ?? '') === `${GROUP}/v2`,
    )
    assert.deepEqual((await definitions().get({ name })).status?.storedVersions, ['v1', 'v2'])
    assert.match((await first.storage.read(key))?.value ?? '', /"apiVersion":"example\.com\/v1"/)
    // Even a write that changes nothing brings it along.
    const patched = await objects(second, 'moves').patch(target, { type: 'merge', body: { spec: { a: '1' } } })
    assert.equal(patched.apiVersion, `${GROUP}/v1`)
    assert.match((await first.storage.read(key))?.value ?? '', /"apiVersion":"example\.com\/v2"/)
    await objects(first, 'moves').patch(target, { type: 'merge', body: { spec: { a: '2' } } })
    assert.deepEqual(
      (await objects(first, 'moves').list({ namespace: 'default' })).items.map(({ apiVersion, spec }) => [apiVersion, spec]),
      [[`${GROUP}/v1`, { a: '2' }]],
    )
    const gone = ({ spec }: CustomResourceDefinition) => {
      spec.versions = spec.versions.filter(each => each.name === 'v2')
    }
    await assert.rejects(
      changed(name, gone, () => true),
      /status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions/,
    )
    const unserved = ({ spec }: CustomResourceDefinition) => {
      for (const each of spec.versions) each.served = each.name === 'v2'
    }
    await changed(name, unserved, replica => !replica.registry.kinds.find(GROUP, 'v1', 'moves'))
    assert.equal((await objects(second, 'moves', 'v2').get(target)).spec?.a, '2')
  })

  it('names that another has are not served until they are free', async () => {
    await made(definition('firsts', undefined, { shortNames: ['ff'] }))
    const refused = definition('lates', undefined, { shortNames: ['ff'] })
    await definitions().create(refused)
    const selected = { fieldSelector: `metadata.name=lates.${GROUP}` }
    const { object } = await cluster.event(customResourceDefinitionKind, selected, ({ object }) => conditionsOf(object).length > 0)
    assert.deepEqual(
      conditionsOf(object).map(({ type, status, reason }) => [type, status, reason]),
      [
        ['NamesAccepted', 'False', 'ShortNamesConflict'],
        ['Established', 'False', 'NotAccepted'],
      ],
    )
    assert.equal(first.registry.kinds.find(GROUP, 'v1', 'lates'), undefined)
    await definitions().delete({ name: `firsts.${GROUP}` })
    await cluster.event(customResourceDefinitionKind, selected, ({ object }) => isEstablished(object as CustomResourceDefinition))
    await second.awaitKind('lates')
    kindOf(second, 'lates')
  })

  it('a definition that is deleted goes after its objects, and nothing new is made meanwhile', async () => {
    await made(definition('helds'))
    const resource = objects(first, 'helds')
    const held = await resource.create(custom('Held', 'x', {}, { finalizers: ['example.com/hold'] }))
    await resource.create(custom('Held', 'y'))
    const selected = { fieldSelector: `metadata.name=helds.${GROUP}` }
    await definitions().delete({ name: `helds.${GROUP}` })
    const { status, metadata } = await definitions().get({ name: `helds.${GROUP}` })
    assert.deepEqual(metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io'])
    assert.equal(status?.conditions?.find(({ type }) => type === 'Terminating')?.status, 'True')
    await assert.rejects(
      objects(second, 'helds').create(custom('Held', 'z')),
      /create not allowed while custom resource definition is terminating/,
    )
    const gone = cluster.event(customResourceDefinitionKind, selected, ({ type }) => type === 'DELETED')
    const { uid = '' } = held.metadata
    await resource.patch({ name: 'x', namespace: 'default' }, { type: 'merge', body: { metadata: { uid, finalizers: [] } } })
    await gone
    assert.deepEqual(await first.storage.readPrefix(`/registry/${GROUP}/helds/`), [])
    await definitions()
      .get({ name: `helds.${GROUP}` })
      .then(
        () => assert.fail('it is still there'),
        error => assert.ok(isReason(error, 'NotFound')),
      )
  })

  it('a namespace goes with its custom objects, and what they own goes with them', async () => {
    await made(definition('owners'))
    const running = startControllers({ client: first.client, clock: systemClock, log, signal: stop.signal }).catch(() => {})
    const metadata = { name: 'team' }
    await first.client.resource(namespaceKind).create({ apiVersion: 'v1', kind: 'Namespace', metadata })
    const resource = objects(first, 'owners')
    const inTeam = (name: string, more: object = {}) => custom('Owner', name, {}, { namespace: 'team', ...more })
    const owner = await resource.create(inTeam('owner'))
    const ownerReferences = [{ apiVersion: `${GROUP}/v1`, kind: 'Owner', name: 'owner', uid: owner.metadata.uid ?? '' }]
    await resource.create(inTeam('owned', { ownerReferences }))
    await resource.create(inTeam('other'))
    const kind = kindOf(first, 'owners') as Kind<Custom>
    const deleted = (name: string) =>
      cluster.event(
        kind,
        { namespace: 'team', resourceVersion: owner.metadata.resourceVersion ?? '' },
        ({ type, object }) => type === 'DELETED' && object.metadata.name === name,
      )
    const ownedGone = deleted('owned')
    await resource.delete({ name: 'owner', namespace: 'team' })
    await ownedGone
    const otherGone = deleted('other')
    const teamGone = cluster.event(namespaceKind, {}, ({ type, object }) => type === 'DELETED' && object.metadata.name === 'team')
    await first.client.resource(namespaceKind).delete({ name: 'team' })
    await Promise.all([otherGone, teamGone])
    stop.abort()
    await running
  })
})
