import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTypeFinder } from './index.ts'

const ANSWERS: Record<string, unknown> = {
  '/api': { versions: ['v1'] },
  '/apis': {
    groups: [
      {
        name: 'example.com',
        versions: [
          { groupVersion: 'example.com/v2', version: 'v2' },
          { groupVersion: 'example.com/v1', version: 'v1' },
        ],
      },
    ],
  },
  '/api/v1': {
    resources: [
      { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['list'], categories: ['all'] },
      { name: 'pods/log', namespaced: true, kind: 'Pod' },
    ],
  },
  '/apis/example.com/v2': {
    resources: [{ name: 'boats', singularName: 'boat', shortNames: ['bt'], namespaced: false, kind: 'Boat', verbs: ['get'] }],
  },
  '/apis/example.com/v1': { resources: [{ name: 'boats', singularName: 'boat', namespaced: false, kind: 'Boat', verbs: ['get'] }] },
}

function finder() {
  const asked: string[] = []
  const request = async (_method: string, path: string) => {
    asked.push(path)
    return ANSWERS[path]
  }
  return { asked, types: createTypeFinder({ request }) }
}

for (const name of ['po', 'pod', 'pods', 'Pod', 'PODS', 'pods.v1.']) {
  test(`${name} is found without asking the server`, async () => {
    const { asked, types } = finder()
    assert.equal((await types.byName(name)).plural, 'pods')
    assert.deepEqual(asked, [])
  })
}

for (const [name, version] of [
  ['boats', 'v2'],
  ['bt', 'v2'],
  ['boats.example.com', 'v2'],
  ['boats.v1.example.com', 'v1'],
] as const) {
  test(`${name} is discovered, the preferred version first`, async () => {
    const found = await finder().types.byName(name)
    assert.deepEqual([found.kind, found.version, found.namespaced], ['Boat', version, false])
  })
}

test('deployments are found by group and version', async () => {
  const { types } = finder()
  for (const name of ['deploy', 'deployments.apps', 'deployments.v1.apps']) assert.equal((await types.byName(name)).group, 'apps')
  assert.equal((await types.byKind('apps/v1', 'Deployment'))?.plural, 'deployments')
  assert.equal(await types.byKind('foo/v1', 'Bar'), undefined)
})

test('what there is not is refused in words of the API', async () => {
  await assert.rejects(finder().types.byName('nope'), /^Error: the server doesn't have a resource type "nope"$/)
})

test('a category stands for the listable types in it', async () => {
  const { types } = finder()
  assert.deepEqual(
    (await types.byCategory('all')).map(({ plural }) => plural),
    ['pods'],
  )
  assert.deepEqual(await types.byCategory('pods'), [])
})
