/** APIServices: APIs of other servers, found, shown and passed on to by the real control plane; the server is one of the test's own. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, it } from 'node:test'
import { type ApiService, apiServiceKind, customResourceDefinitionKind, type Service, serviceKind } from '@davit/api'
import { command } from '@davit/deploy'
import { type ExtensionServer, GROUP, makeExtensionServer, VERSION } from '../extension-server.ts'
import { kubectlBinary } from '../kubectl.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

const NAME = `${VERSION}.${GROUP}`
const BASE = `/apis/${GROUP}/${VERSION}`
const SERVICE = { namespace: 'default', name: 'wardle' }
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

let plane: ControlPlane
let extension: ExtensionServer
let port: number
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
  extension = await makeExtensionServer(plane.client, SERVICE)
  extension.server.listen(0, '127.0.0.1')
  await once(extension.server, 'listening')
  port = (extension.server.address() as AddressInfo).port
})
after(async () => {
  extension?.close()
  await plane?.[Symbol.asyncDispose]()
})

const apiServices = () => plane.client.resource(apiServiceKind)

/** The first state of an APIService that has its Available condition for that reason. */
async function available(name: string, reason: string): Promise<string> {
  const watch = apiServices().watch({ fieldSelector: `metadata.name=${name}`, signal: AbortSignal.timeout(20_000) })
  for await (const { type, object } of watch) {
    const condition = (object as ApiService).status?.conditions?.find(each => each.type === 'Available')
    if (type !== 'DELETED' && condition?.reason === reason) return `${condition.status} ${condition.message}`
  }
  throw new Error('The watch ended')
}

const read = async (path: string, headers: Record<string, string> = {}) => (await plane.ask({ path, headers })).json

it('has an APIService for every group version of its own, and of users', async () => {
  assert.equal(await available('v1.', 'Local'), 'True Local APIServices are always available')
  await available('v1.apps', 'Local')
  await available('v1.authorization.k8s.io', 'Local')
  const { spec } = await apiServices().get({ name: 'v1.' })
  assert.deepEqual(spec, { version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 })
  const schema = { openAPIV3Schema: { type: 'object' } }
  const version = { name: 'v1', served: true, storage: true, schema }
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' }
  const crds = plane.client.resource(customResourceDefinitionKind)
  const metadata = { name: 'things.example.com' }
  const crdSpec = { group: 'example.com', scope: 'Namespaced', names, versions: [version] }
  await crds.create({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata, spec: crdSpec } as never)
  await available('v1.example.com', 'Local')
  await crds.delete(metadata)
  const watch = apiServices().watch({ fieldSelector: 'metadata.name=v1.example.com', signal: AbortSignal.timeout(20_000) })
  for await (const { type } of watch) if (type === 'DELETED') break
})

it('says what is missing until the server is there, and then passes requests on', async () => {
  await apiServices().create({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: NAME },
    spec: {
      group: GROUP,
      version: VERSION,
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      service: { ...SERVICE, port },
      caBundle: extension.caBundle,
    },
  })
  assert.equal(await available(NAME, 'ServiceNotFound'), 'False service/wardle in "default" is not present')
  const refused = await plane.ask({ path: `${BASE}/flunders` })
  assert.deepEqual([refused.code, refused.message], [503, 'service unavailable'])
  const services = plane.client.resource(serviceKind)
  const spec = { ports: [{ port: port + 1 }] }
  await services.create({ apiVersion: 'v1', kind: 'Service', metadata: SERVICE, spec } as Service)
  assert.equal(await available(NAME, 'ServicePortError'), `False service/wardle in "default" is not listening on port ${port}`)
  await services.patch(SERVICE, { type: 'merge', body: { spec: { ports: [{ port }] } } })
  assert.match(await available(NAME, 'EndpointsNotFound'), /^False cannot find endpointslices for service\/wardle in "default"/)
  await services.patch(SERVICE, { type: 'merge', body: { spec: { type: 'ExternalName', externalName: 'localhost', clusterIP: null } } })
  assert.equal(await available(NAME, 'Passed'), 'True all checks passed')
  const object = { apiVersion: `${GROUP}/${VERSION}`, kind: 'Flunder', metadata: { name: 'one' } }
  const path = `${BASE}/namespaces/default/flunders`
  assert.equal((await plane.ask({ method: 'POST', path, body: object })).code, 201)
  assert.equal(((await read(path)).items as unknown[]).length, 1)
  assert.equal((await plane.ask({ path: `${path}/none` })).message, `flunders.${GROUP} "none" not found`)
  assert.equal((await plane.ask({ path: `${BASE}/redirect` })).code, 503)
})

it('tells the server for whom it asks, and hands on no credentials', async () => {
  const headers = {
    'impersonate-user': 'jané',
    'impersonate-group': ['devs', 'system:authenticated'],
    'impersonate-extra-example.com%2Fscope': ['a', 'b'],
    'x-remote-user': 'system:admin',
  }
  const rules = [{ apiGroups: [GROUP], resources: ['flunders'], verbs: ['get', 'list'] }]
  await plane.ask({
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    body: { metadata: { name: 'flunders' }, rules },
  })
  assert.equal((await plane.ask({ path: `${BASE}/flunders?x=y`, headers })).code, 403)
  const subjects = [{ kind: 'Group', name: 'devs', apiGroup: 'rbac.authorization.k8s.io' }]
  const roleRef = { kind: 'ClusterRole', name: 'flunders', apiGroup: 'rbac.authorization.k8s.io' }
  const body = { metadata: { name: 'flunders' }, subjects, roleRef }
  await plane.ask({ method: 'POST', path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', body })
  assert.equal((await plane.ask({ path: `${BASE}/flunders?x=y`, headers })).code, 200)
  const { user, path, groups, extra, authorization } = extension.asked.findLast(each => each.path.includes('x=y'))!
  assert.equal(Buffer.from(user, 'latin1').toString(), 'jané')
  assert.deepEqual([path, groups, authorization], [`${BASE}/flunders?x=y`, ['devs', 'system:authenticated'], undefined])
  assert.deepEqual(extra, { 'x-remote-extra-example.com%2fscope': ['a', 'b'] })
})

it('shows what the server serves in discovery of both forms and in OpenAPI', async () => {
  const { groups } = (await read('/apis')) as { groups: { name: string; preferredVersion: object }[] }
  assert.deepEqual(groups.find(({ name }) => name === GROUP)?.preferredVersion, { groupVersion: `${GROUP}/${VERSION}`, version: VERSION })
  assert.equal((await read(`/apis/${GROUP}`)).kind, 'APIGroup')
  assert.equal((await read(BASE)).kind, 'APIResourceList')
  type Item = { metadata: { name: string }; versions: { freshness: string; resources: { resource: string; subresources: unknown[] }[] }[] }
  const items = async () => ((await read('/apis', { accept: AGGREGATED })) as { items: Item[] }).items
  const [shown] = (await items()).find(({ metadata }) => metadata.name === GROUP)?.versions ?? []
  assert.deepEqual([shown?.freshness, shown?.resources[0]?.resource, shown?.resources[0]?.subresources.length], ['Current', 'flunders', 1])
  const { paths } = (await read('/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> }
  const url = paths[BASE.slice(1)]?.serverRelativeURL ?? ''
  assert.equal(url, `/openapi/v3${BASE}?hash=ABC123`)
  assert.ok((await read(url)).components)
  const { definitions, paths: inV2 } = (await read('/openapi/v2')) as { definitions: object; paths: object }
  assert.ok('com.example.wardle.v1alpha1.Flunder' in definitions && 'io.k8s.api.core.v1.Pod' in definitions)
  assert.ok(`${BASE}/namespaces/{namespace}/flunders` in inV2)
  // kubectl finds the kind by them, under its short name, and explains it.
  const binary = await kubectlBinary(33).catch(() => undefined)
  if (!binary) return
  const kubectl = async (...args: string[]) =>
    (await command(binary, ['--kubeconfig', plane.kubeconfig, ...args], { env: { PATH: process.env.PATH, HOME: plane.dataDir } })).stdout
  assert.equal((await kubectl('get', 'fl', '-o', 'name')).trim(), `flunder.${GROUP}/one`)
  assert.match(await kubectl('explain', 'flunder.spec.reference'), /What it refers to\./)
  assert.match(await kubectl('get', 'apiservice', NAME), /default\/wardle +True/)
})

it('streams a watch of the other server, and ends it with the client', async () => {
  const path = `${BASE}/namespaces/default/flunders`
  const answer = await plane.client.raw({ method: 'GET', path, query: { watch: 'true' } })
  assert.equal(answer.status, 200)
  await plane.ask({ method: 'DELETE', path: `${path}/one` })
  const [chunk] = (await once(answer.body, 'data')) as [Buffer]
  assert.match(String(chunk), /"type":"DELETED"/)
  answer.body.destroy()
})

it('marks what it knows as stale while the server is not well, and refuses requests', async () => {
  extension.isWell = false
  await apiServices().patch({ name: NAME }, { type: 'merge', body: { spec: { versionPriority: 201 } } })
  assert.match(
    await available(NAME, 'FailedDiscoveryCheck'),
    /^False failing or missing response from https:\/\/wardle\.default\.svc:\d+\/apis/,
  )
  assert.equal((await plane.ask({ path: `${BASE}/flunders` })).code, 503)
  type Item = { metadata: { name: string }; versions: { freshness: string }[] }
  const { items } = (await read('/apis', { accept: AGGREGATED })) as { items: Item[] }
  assert.equal(items.find(({ metadata }) => metadata.name === GROUP)?.versions[0]?.freshness, 'Stale')
  extension.isWell = true
  await available(NAME, 'Passed')
})

it('believes no server that cannot show a certificate for its Service', async () => {
  await apiServices().patch({ name: NAME }, { type: 'merge', body: { spec: { service: { name: 'other' } } } })
  const metadata = { namespace: 'default', name: 'other' }
  const spec = { type: 'ExternalName', externalName: 'localhost' }
  await plane.client.resource(serviceKind).create({ apiVersion: 'v1', kind: 'Service', metadata, spec } as Service)
  assert.match(await available(NAME, 'FailedDiscoveryCheck'), /altnames/)
  await apiServices().patch({ name: NAME }, { type: 'merge', body: { spec: { caBundle: null, insecureSkipTLSVerify: true } } })
  await available(NAME, 'Passed')
})

it('forgets the API with its APIService', async () => {
  await apiServices().delete({ name: NAME })
  const watch = apiServices().watch({ signal: AbortSignal.timeout(20_000) })
  for await (const { type, object } of watch) {
    assert.notEqual(type, 'ERROR')
    if (object.metadata.name === 'v1.apps') break
  }
  while ((await plane.ask({ path: BASE })).code !== 404) await new Promise(setImmediate)
  const { groups } = (await read('/apis')) as { groups: { name: string }[] }
  assert.ok(!groups.some(({ name }) => name === GROUP))
})
