import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ApiService, type EndpointSlice, KINDS, type Kind, type Service, systemClock } from '@davit/api'
import { createAuthority } from '@davit/api/pki'
import { missingOf, PASSED, planStatus } from './availability.ts'
import { resourcesIn } from './discovered.ts'
import { planAuthenticationConfig } from './front-proxy.ts'
import { MANAGED_LABEL, planLocalServices } from './local-services.ts'
import { remoteApiOf } from './remote-api.ts'
import { userHeaders } from './user-headers.ts'

const remote = remoteApiOf({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1.test.io' },
  spec: { group: 'test.io', version: 'v1', service: { namespace: 'a', name: 'b' } },
})!
const service = (spec: object) => ({ metadata: { name: 'b' }, spec }) as unknown as Service
const slice = (ready: boolean, port = 'https') =>
  ({ ports: [{ name: port, port: 8443 }], endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }] }) as unknown as EndpointSlice
const PORTS = { ports: [{ name: 'https', port: 443 }] }

test('what a Service lacks is told in order', () => {
  const why = (of: Service | undefined, slices: EndpointSlice[] = []) => missingOf(remote, of, slices)?.reason
  assert.equal(why(undefined), 'ServiceNotFound')
  assert.equal(why(service({ ports: [{ port: 80 }] })), 'ServicePortError')
  assert.equal(why(service(PORTS)), 'EndpointsNotFound')
  assert.equal(why(service(PORTS), [slice(false)]), 'MissingEndpoints')
  assert.equal(why(service(PORTS), [slice(true, 'other')]), 'MissingEndpoints')
  assert.equal(why(service(PORTS), [slice(false), slice(true)]), undefined)
  assert.equal(why(service({ type: 'ExternalName', externalName: 'x.example' })), undefined)
})

test('the way to APIServices themselves, and the core group, cannot be taken over', () => {
  const spec = { version: 'v1', service: { namespace: 'a', name: 'b' } }
  for (const group of ['', 'apiregistration.k8s.io'])
    assert.equal(remoteApiOf({ metadata: {}, spec: { ...spec, group } } as ApiService), undefined)
  assert.deepEqual(remote.service, { namespace: 'a', name: 'b', port: 443 })
})

test('a status is written when it changes, and its time when the verdict does', () => {
  const withStatus = (status?: ApiService['status']) => ({ metadata: {}, ...(status && { status }) }) as ApiService
  const first = planStatus(withStatus(), PASSED, 't1')
  assert.deepEqual(
    first?.conditions?.map(each => [each.status, each.reason, each.lastTransitionTime]),
    [['True', 'Passed', 't1']],
  )
  assert.equal(planStatus(withStatus(first), PASSED, 't2'), undefined)
  assert.equal(planStatus(withStatus(first), { ...PASSED, reason: 'Local' }, 't2')?.conditions?.[0]?.lastTransitionTime, 't1')
  const failed = { status: 'False', reason: 'MissingEndpoints', message: '' } as const
  assert.equal(planStatus(withStatus(first), failed, 't2')?.conditions?.[0]?.lastTransitionTime, 't2')
})

test('what this server serves has its APIServices, and what others made stays', () => {
  const custom = { group: 'example.com', version: 'v1' } as Kind
  const plan = (present: readonly ApiService[], isStart = false, kinds: readonly Kind[] = [custom]) =>
    planLocalServices({ builtIn: KINDS, custom: kinds }, present, isStart)
  const all = plan([], true)
  const made = new Map(all.map(({ kind, apiService }) => [apiService.metadata.name, kind]))
  assert.deepEqual([made.get('v1.'), made.get('v1.apps'), made.get('v1.example.com')], ['create', 'create', 'create'])
  assert.equal(made.has('v1.apiregistration.k8s.io'), false)
  const present = all.map(({ apiService }) => apiService)
  assert.deepEqual(plan(present, true), [])
  // Whoever deletes one of the built-in ones has that until the next start.
  const without = present.filter(({ metadata }) => metadata.name !== 'v1.apps' && metadata.name !== 'v1.example.com')
  assert.deepEqual(
    plan(without).map(({ apiService }) => apiService.metadata.name),
    ['v1.example.com'],
  )
  assert.deepEqual(
    plan(present, false, []).map(({ kind, apiService }) => `${kind} ${apiService.metadata.name}`),
    ['delete v1.example.com'],
  )
  const others = present.map(each => {
    const labels = { ...each.metadata.labels }
    if (each.metadata.name === 'v1.example.com') delete labels[MANAGED_LABEL]
    return { ...each, metadata: { ...each.metadata, labels } }
  })
  assert.deepEqual(plan(others, false, []), [])
})

test('headers say who a user is, whatever is in the names', () => {
  const user = { name: 'jané', uid: 'u', groups: ['a', 'b'], extra: { 'example.com/Scope%': ['x', 'y'] } }
  assert.deepEqual(userHeaders(user), {
    'X-Remote-User': 'janÃ©',
    'X-Remote-Uid': 'u',
    'X-Remote-Group': ['a', 'b'],
    'X-Remote-Extra-example.com%2FScope%25': ['x', 'y'],
  })
  assert.deepEqual(userHeaders({ name: 'x', groups: [] }), { 'X-Remote-User': 'x' })
})

test('what a server says of its resources is taken as far as it makes sense', () => {
  const say = (resources: unknown) => resourcesIn(JSON.stringify({ kind: 'APIResourceList', resources }), { group: 'g', version: 'v1' })
  const pods = { name: 'pods', kind: 'Pod', namespaced: true, verbs: ['get'] }
  const scale = { name: 'pods/scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get'] }
  assert.deepEqual(say([pods, scale, null, { name: 3 }, { name: 'x', kind: 'X' }]), [
    {
      resource: 'pods',
      responseKind: { group: 'g', version: 'v1', kind: 'Pod' },
      scope: 'Namespaced',
      singularResource: '',
      verbs: ['get'],
      subresources: [{ subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get'] }],
    },
  ])
  for (const text of ['', '[]', 'null', '{"kind":"Status"}', '{"kind":"APIResourceList"}'])
    assert.equal(resourcesIn(text, { group: 'g', version: 'v1' }), undefined)
})

test('the ConfigMap for extension servers names the authorities of all replicas', async () => {
  const now = systemClock.now()
  const [mine, other, old] = await Promise.all([1, 1, -1].map(days => createAuthority('front', { now, days })))
  const first = planAuthenticationConfig(undefined, { clients: 'ca', frontProxy: other!.certificate }, now)!
  const bundle = first.data?.['requestheader-client-ca-file'] ?? ''
  const present = { ...first, data: { ...first.data, 'requestheader-client-ca-file': bundle + old!.certificate } }
  const second = planAuthenticationConfig(present, { clients: 'ca', frontProxy: mine!.certificate }, now)!
  const both = second.data?.['requestheader-client-ca-file'] ?? ''
  const names = [mine, other, old].map(each => both.includes(each!.certificate.trim()))
  assert.deepEqual(names, [true, true, false])
  assert.equal(planAuthenticationConfig(second, { clients: 'ca', frontProxy: other!.certificate }, now), undefined)
  assert.deepEqual(JSON.parse(second.data?.['requestheader-group-headers'] ?? ''), ['X-Remote-Group'])
  assert.notEqual(planAuthenticationConfig(second, { clients: 'ca2', frontProxy: other!.certificate }, now), undefined)
})
