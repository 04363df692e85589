import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KINDS } from '@davit/api'
import { groupDiscoveryList } from './aggregated.ts'
import { apiGroupList, apiResourceList } from './plain.ts'
import { compareVersions, groupVersions, withRemotes } from './resources.ts'

const all = groupVersions(KINDS)

describe('discovery', () => {
  it('names the group of an eviction and of a scale, without which drain deletes and scale fails', () => {
    const core = apiResourceList(all[0]!) as { groupVersion: string; resources: Record<string, unknown>[] }
    assert.equal(core.groupVersion, 'v1')
    const eviction = core.resources.find(({ name }) => name === 'pods/eviction')
    assert.deepEqual(eviction, {
      name: 'pods/eviction',
      singularName: '',
      namespaced: true,
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
      verbs: ['create'],
    })
    const apps = apiResourceList(all.find(({ group }) => group === 'apps')!) as typeof core
    const scale = apps.resources.find(({ name }) => name === 'deployments/scale')
    assert.deepEqual([scale?.group, scale?.version, scale?.kind], ['autoscaling', 'v1', 'Scale'])
  })

  it('says the same in both forms', () => {
    const plain = all.flatMap(entry =>
      (apiResourceList(entry) as { resources: { name: string }[] }).resources.map(({ name }) => `${entry.group}/${name}`),
    )
    const lists = [true, false].map(core => groupDiscoveryList(all, { version: 'v2', core })) as {
      items: {
        metadata: { name?: string }
        versions: {
          resources: { resource: string; responseKind: unknown; subresources?: { subresource: string; responseKind: unknown }[] }[]
        }[]
      }[]
    }[]
    const aggregated = lists.flatMap(({ items }) =>
      items.flatMap(({ metadata, versions }) =>
        versions.flatMap(({ resources }) =>
          resources.flatMap(({ resource, responseKind, subresources = [] }) => {
            assert.ok(responseKind)
            return [resource, ...subresources.map(sub => `${resource}/${sub.subresource}`)].map(name => `${metadata.name ?? ''}/${name}`)
          }),
        ),
      ),
    )
    assert.deepEqual(aggregated.sort(), plain.sort())
  })

  it('prefers the latest stable version of a group', () => {
    const versions = ['foo10', 'v1alpha1', 'foo1', 'v1', 'v1beta1', 'v2', 'v10', 'v1beta2']
    assert.deepEqual(versions.toSorted(compareVersions), ['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v1alpha1', 'foo1', 'foo10'])
    const kind = KINDS.find(({ group }) => group === 'apps')!
    const served = groupVersions([kind, { ...kind, version: 'v2' }, ...KINDS.filter(({ group }) => group === '')])
    assert.deepEqual(
      served.map(({ group, version }) => `${group}/${version}`),
      ['/v1', 'apps/v2', 'apps/v1'],
    )
  })

  it("shows others' groups where their priority puts them, and their versions instead of its own", () => {
    const remote = (group: string, version: string, groupPriority: number, versionPriority = 10) => ({
      ...{ group, version, groupPriority, versionPriority, resources: [], isFresh: group !== 'low.io' },
    })
    const remotes = [
      remote('low.io', 'v1', 10),
      remote('high.io', 'v1', 17_790),
      remote('high.io', 'v2alpha1', 17_790, 20),
      remote('apps', 'v1', 17_800),
    ]
    const shown = withRemotes(all, remotes)
    const names = shown.map(({ group, version }) => `${group}/${version}`)
    assert.equal(names[0], '/v1')
    assert.deepEqual(names.slice(-1), ['low.io/v1'])
    const high = names.indexOf('high.io/v2alpha1')
    assert.deepEqual([names[high + 1], high > names.indexOf('/v1')], ['high.io/v1', true])
    assert.equal(names.filter(name => name === 'apps/v1').length, 1)
    const { items } = groupDiscoveryList(shown, { version: 'v2', core: false }) as {
      items: { metadata: { name: string }; versions: { freshness: string }[] }[]
    }
    assert.deepEqual(
      items.find(({ metadata }) => metadata.name === 'low.io')?.versions.map(({ freshness }) => freshness),
      ['Stale'],
    )
  })

  it('keeps the core group out of the list of groups', () => {
    const { groups } = apiGroupList(all) as { groups: { name: string; preferredVersion: { groupVersion: string } }[] }
    assert.ok(groups.length > 0 && groups.every(({ name }) => name !== ''))
    assert.equal(groups.find(({ name }) => name === 'apps')?.preferredVersion.groupVersion, 'apps/v1')
  })
})
