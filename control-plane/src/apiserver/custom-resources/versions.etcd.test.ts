/** Objects of several versions that a webhook changes into each other; and watches while definitions change. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type CustomResourceDefinition,
  customResourceDefinitionKind,
  isEstablished,
  type Kind,
  type KubernetesObject,
  systemClock,
} from '@davit/api'
import { startTestRegistry, type TestRegistry } from '../registry/testing/index.ts'
import { conversionByWebhook } from './conversion.ts'
import { followDefinitions } from './follow.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const GROUP = 'example.com'
type Custom = KubernetesObject & { spec?: { host?: string; port?: string; address?: string } }

const text = { type: 'string' }
const version = (name: string, properties: object, more: object = {}) => ({
  name,
  served: true,
  storage: false,
  selectableFields: Object.keys(properties).map(field => ({ jsonPath: `.spec.${field}` })),
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  ...more,
})
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `hosts.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'hosts', kind: 'Host' },
    versions: [version('v1', { host: text, port: text }, { storage: true }), version('v2', { address: text })],
    conversion: {
      strategy: 'Webhook',
      webhook: { clientConfig: { url: 'https://convert.example.com' }, conversionReviewVersions: ['v1'] },
    },
  },
} as unknown as CustomResourceDefinition

interface Review {
  request: { uid: string; desiredAPIVersion: string; objects: Custom[] }
}

/** v1 has host and port apart, v2 has them together. */
function convertHost({ spec = {}, ...rest }: Custom, apiVersion: string): Custom {
  if (apiVersion.endsWith('/v2')) return { ...rest, apiVersion, spec: { address: `${spec.host}:${spec.port}` } }
  const [host = '', port = ''] = (spec.address ?? '').split(':')
  return { ...rest, apiVersion, spec: { host, port } }
}

describe('versions of users’ kinds', () => {
  let cluster: TestRegistry
  const stop = new AbortController()
  let asked: string[] = []
  let isBroken = false
  const convert = conversionByWebhook(async (_, body) => {
    if (isBroken) throw new Error('Post "https://convert.example.com": connection refused')
    const { request } = body as Review
    asked.push(`${request.objects.map(({ metadata }) => metadata.name)} to ${request.desiredAPIVersion}`)
    const convertedObjects = request.objects.map(object => convertHost(object, request.desiredAPIVersion))
    return { ...body, response: { uid: request.uid, result: { status: 'Success' }, convertedObjects } }
  })
  before(async () => {
    cluster = await startTestRegistry({ convert })
    const { client, storage, registry } = cluster
    const followed = followDefinitions({ client, kinds: registry.kinds, storage, clock: systemClock, log, signal: stop.signal })
    await client.resource(customResourceDefinitionKind).create(definition)
    await cluster.event(customResourceDefinitionKind, {}, ({ object }) => isEstablished(object as CustomResourceDefinition))
    await followed.awaitKind(GROUP, 'hosts')
  })
  after(async () => {
    stop.abort()
    await cluster[Symbol.asyncDispose]()
  })

  const kindOf = (name: string) => cluster.registry.kinds.find(GROUP, name, 'hosts') as Kind<Custom>
  const hosts = (name: string) => cluster.client.resource(kindOf(name))
  const target = (name: string) => ({ name, namespace: 'default' })
  const host = (name: string, spec: object, apiVersion = `${GROUP}/v2`) =>
    ({ apiVersion, kind: 'Host', metadata: target(name), spec }) as Custom
  const addresses = async (options: object) =>
    (await hosts('v2').list({ namespace: 'default', ...options })).items.map(({ spec }) => spec?.address)

  it('objects are stored in one version and read in another', async () => {
    await hosts('v2').create(host('a', { address: 'a:1' }))
    assert.match((await cluster.storage.read(`/registry/${GROUP}/hosts/default/a`))?.value ?? '', /v1".*"spec":\{"host":"a","port":"1"\}/)
    assert.deepEqual((await hosts('v1').get(target('a'))).spec, { host: 'a', port: '1' })
    assert.deepEqual((await hosts('v2').get(target('a'))).spec, { address: 'a:1' })
    asked = []
    assert.deepEqual((await hosts('v2').get(target('a'))).spec, { address: 'a:1' })
    assert.deepEqual(asked, [])
    const patched = await hosts('v2').patch(target('a'), { type: 'merge', body: { spec: { address: 'b:2' } } })
    assert.deepEqual(patched.spec, { address: 'b:2' })
    assert.deepEqual((await hosts('v1').get(target('a'))).spec, { host: 'b', port: '2' })
  })

  it('lists are narrowed and cut by what the version sees', async () => {
    for (const name of ['c', 'd', 'e']) await hosts('v1').create(host(name, { host: name, port: '1' }, `${GROUP}/v1`))
    asked = []
    assert.deepEqual(await addresses({}), ['b:2', 'c:1', 'd:1', 'e:1'])
    assert.equal(asked.length, 1)
    assert.deepEqual(await addresses({ fieldSelector: 'spec.address=d:1' }), ['d:1'])
    const first = await hosts('v2').list({ namespace: 'default', limit: 2, fieldSelector: 'spec.address!=c:1' })
    assert.deepEqual(
      first.items.map(({ metadata }) => metadata.name),
      ['a', 'd'],
    )
    // Of the past, as it was.
    await hosts('v1').patch(target('e'), { type: 'merge', body: { spec: { port: '9' } } })
    const rest = await addresses({ limit: 2, continue: first.metadata.continue, fieldSelector: 'spec.address!=c:1' })
    assert.deepEqual(rest, ['e:1'])
    assert.deepEqual(await addresses({ fieldSelector: 'spec.address=e:9' }), ['e:9'])
  })

  it('a watch tells what its version sees, and what begins and ceases to match', async () => {
    const { metadata } = await hosts('v2').list({ namespace: 'default' })
    const seen: string[] = []
    const watch = (async () => {
      const from = { namespace: 'default', resourceVersion: metadata.resourceVersion ?? '', fieldSelector: 'spec.address=w:1' }
      for await (const { type, object } of hosts('v2').watch({ ...from, signal: AbortSignal.timeout(10_000) })) {
        seen.push(`${type} ${object.metadata.name} ${(object as Custom).spec?.address}`)
        if (seen.length === 4) return
      }
    })()
    await hosts('v1').create(host('w', { host: 'w', port: '1' }, `${GROUP}/v1`))
    await hosts('v2').patch(target('w'), { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
    await hosts('v1').patch(target('w'), { type: 'merge', body: { spec: { port: '2' } } })
    await hosts('v1').patch(target('w'), { type: 'merge', body: { spec: { port: '1' } } })
    await watch
    assert.deepEqual(seen, ['ADDED w w:1', 'MODIFIED w w:1', 'DELETED w w:1', 'ADDED w w:1'])
  })

  it('without the webhook what is stored in the version can be had, and nothing else', async () => {
    await hosts('v1').create(host('z', { host: 'z', port: '1' }, `${GROUP}/v1`))
    isBroken = true
    const words = /^conversion webhook for example\.com\/v1, Kind=Host failed: Post "https:\/\/convert\.example\.com": connection refused$/
    await assert.rejects(hosts('v2').get(target('z')), (error: Error) => words.test(error.message))
    await assert.rejects(hosts('v2').list({ namespace: 'default' }), (error: Error) => words.test(error.message))
    assert.deepEqual((await hosts('v1').get(target('z'))).spec, { host: 'z', port: '1' })
    isBroken = false
    assert.deepEqual((await hosts('v2').get(target('z'))).spec, { address: 'z:1' })
  })

  it('a watch ends when its kind changes, and goes on from where it was with what holds now', async () => {
    const { metadata } = await hosts('v2').list({ namespace: 'default' })
    const watched = async (resourceVersion: string, until: number) => {
      const seen: Custom[] = []
      for await (const { object } of hosts('v2').watch({ namespace: 'default', resourceVersion, signal: AbortSignal.timeout(10_000) })) {
        seen.push(object as Custom)
        if (seen.length === until) break
      }
      return seen
    }
    const ended = watched(metadata.resourceVersion ?? '', 2)
    const first = await hosts('v2').create(host('f', { address: 'f:1' }))
    const current = structuredClone(await cluster.client.resource(customResourceDefinitionKind).get({ name: `hosts.${GROUP}` }))
    const before = kindOf('v2')
    const properties = { address: text, zone: { type: 'string', default: 'here' } }
    current.spec.versions = [version('v1', { host: text, port: text }, { storage: true }), version('v2', properties)] as never
    await cluster.client.resource(customResourceDefinitionKind).update(current)
    assert.deepEqual(
      (await ended).map(({ spec }) => spec),
      [{ address: 'f:1' }],
    )
    assert.notEqual(kindOf('v2'), before)
    const next = watched(first.metadata.resourceVersion ?? '', 1)
    await hosts('v2').create(host('g', { address: 'g:1' }))
    assert.deepEqual(
      (await next).map(({ spec }) => spec),
      [{ address: 'g:1', zone: 'here' }],
    )
  })
})
