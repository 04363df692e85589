/** Services, and the Endpoints and EndpointSlices that come with them. */
import assert from 'node:assert/strict'
import {
  type EndpointSlice,
  type Endpoints,
  endpointSliceKind,
  endpointsKind,
  type Kind,
  type KubernetesObject,
  type Service,
  serviceKind,
} from '@davit/api'
import { ADVERTISED } from '../api-cluster.ts'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'
import { assertCollectionDelete, assertStatus, assertWholeLife, kindLife, untilNames } from './kind-life.ts'

const API = { namespace: 'default', name: 'kubernetes' }
const SELECTS_NOTHING = { spec: { selector: { app: 'none' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }
const ADDRESS = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } })

const CONDITION = { type: 'Test', status: 'True', reason: 'Test', message: 'of a test', lastTransitionTime: '2026-01-02T03:04:05Z' }

const services = (context: ApiContext) => kindLife(context, '/Service', () => SELECTS_NOTHING)
const isOf = (service: string) => (slice: EndpointSlice) => slice.metadata.labels?.['kubernetes.io/service-name'] === service

/** Waits until what the case's namespace has of a kind is as wanted. */
function until<T extends KubernetesObject>({ cluster, namespace }: ApiContext, kind: Kind<T>, what: string, is: (own: T[]) => boolean) {
  return cluster.until(kind, `${what} in ${namespace}`, all => {
    const own = all.filter(({ metadata }) => metadata.namespace === namespace)
    return is(own) && own
  })
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'default/kubernetes service exists on the secure port',
    run: async context => {
      const { spec } = await context.resource(serviceKind).get(API)
      assertHas(spec?.ports, [{ name: 'https', port: 443, protocol: 'TCP' }])
      assert.ok(spec?.clusterIP)
    },
  },
  {
    row: 'Listing services in all namespaces finds default/kubernetes',
    run: async context => {
      const { items } = await context.resource(serviceKind).list()
      assert.ok(items.some(({ metadata }) => metadata.namespace === API.namespace && metadata.name === API.name))
    },
  },
  {
    row: 'default/kubernetes has Endpoints and EndpointSlices naming each API server',
    run: async context => {
      const { port } = context.cluster.plane
      const isThis = ({ metadata }: KubernetesObject) => metadata.namespace === API.namespace && metadata.name === API.name
      // Written once the API is served.
      const { subsets } = await context.cluster.until<Endpoints, Endpoints>(endpointsKind, 'Endpoints of the API', all => all.find(isThis))
      assertHas(subsets, [{ addresses: [{ ip: ADVERTISED }], ports: [{ name: 'https', port }] }])
      const addresses = subsets?.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))
      const slices = await context.cluster.until<EndpointSlice, EndpointSlice[]>(endpointSliceKind, 'slices of the API', all => {
        const own = all.filter(slice => slice.metadata.namespace === API.namespace && isOf(API.name)(slice))
        return own.length > 0 && own
      })
      assert.deepEqual(
        slices.flatMap(({ endpoints = [] }) => endpoints.flatMap(endpoint => endpoint.addresses)),
        addresses,
      )
      for (const slice of slices) assertHas(slice.ports, [{ name: 'https', port }])
    },
  },
  {
    row: 'Services can be selected by label and removed by collection delete',
    run: context => assertCollectionDelete(services(context)),
  },
  {
    row: 'Service status can be read, patched and updated, also seen through watch',
    run: async context => {
      // Of another's class: ours writes the status of its own.
      const life = kindLife(context, '/Service', () => ({
        spec: { type: 'LoadBalancer', loadBalancerClass: 'example.com/none', ports: [{ name: 'http', port: 80 }] },
      }))
      const { metadata } = await life.make('one')
      const seen = (async () => {
        const found: string[] = []
        const { resourceVersion = '' } = metadata
        const signal = AbortSignal.timeout(30_000)
        const options = { namespace: context.namespace, labelSelector: life.labelSelector, resourceVersion, signal }
        for await (const { type, object } of context.resource(serviceKind).watch(options)) {
          found.push(`${type} ${(object as Service).status?.loadBalancer?.ingress?.[0]?.ip}`)
          if (type === 'DELETED') return found
        }
        return found
      })()
      await assertStatus(life, 'one', { patched: ADDRESS('203.0.113.1'), updated: ADDRESS('203.0.113.2') })
      await assertStatus(life, 'one', { patched: ADDRESS('203.0.113.3'), updated: { conditions: [CONDITION] } })
      await life.resource.delete(life.target('one'))
      assert.deepEqual(await seen, [
        'MODIFIED 203.0.113.1',
        'MODIFIED 203.0.113.2',
        'MODIFIED 203.0.113.3',
        'MODIFIED 203.0.113.3',
        'DELETED 203.0.113.3',
      ])
    },
  },
  {
    row: 'Endpoints and EndpointSlices are created with a selector Service and removed with it',
    run: async context => {
      const life = services(context)
      const { metadata } = await life.make('web')
      const [slice] = await until(context, endpointSliceKind, 'a slice', own => own.some(isOf('web')))
      assertHas(slice?.metadata.ownerReferences, [{ kind: 'Service', name: 'web', uid: metadata.uid, controller: true }])
      await until(context, endpointsKind, 'Endpoints', own => own.some(each => each.metadata.name === 'web'))
      await life.resource.delete(life.target('web'))
      await until(context, endpointSliceKind, 'no slice', own => own.length === 0)
      await until(context, endpointsKind, 'no Endpoints', own => own.length === 0)
    },
  },
  {
    row: 'Endpoints controller makes and removes empty Endpoints for a Service matching no pods',
    run: async context => {
      const life = services(context)
      await life.make('web')
      const [endpoints] = await until<Endpoints>(context, endpointsKind, 'Endpoints', own => own.length === 1)
      assert.deepEqual([endpoints?.metadata.name, endpoints?.subsets ?? []], ['web', []])
      await life.resource.delete(life.target('web'))
      await until(context, endpointsKind, 'no Endpoints', own => own.length === 0)
    },
  },
  {
    row: 'Hand-made Endpoints are mirrored to EndpointSlices on create, update and delete',
    run: async context => {
      const metadata = { name: 'byhand', namespace: context.namespace }
      await context
        .resource(serviceKind)
        .create({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'http', port: 80 }] } })
      const resource = context.resource(endpointsKind)
      const subsets = (ip: string, port: number) => [{ addresses: [{ ip }], ports: [{ name: 'http', port }] }]
      const made = await resource.create({ apiVersion: 'v1', kind: 'Endpoints', metadata, subsets: subsets('203.0.113.1', 8080) })
      const untilMirrored = (ip: string, port: number) =>
        until<EndpointSlice>(
          context,
          endpointSliceKind,
          `one slice with ${ip}:${port}`,
          own =>
            own.length === 1 &&
            isOf('byhand')(own[0] as EndpointSlice) &&
            own[0]?.endpoints.map(({ addresses }) => addresses.join()).join() === ip &&
            own[0]?.ports?.[0]?.port === port,
        )
      await untilMirrored('203.0.113.1', 8080)
      await resource.update({ ...made, subsets: subsets('203.0.113.2', 8081) })
      await untilMirrored('203.0.113.2', 8081)
      await resource.delete(metadata)
      await until(context, endpointSliceKind, 'no slice', own => own.length === 0)
    },
  },
  {
    row: 'Endpoints can be created, listed, updated, patched and removed by collection delete, seen through watch',
    run: async context => {
      const life = kindLife(context, '/Endpoints', () => ({ subsets: [{ addresses: [{ ip: '203.0.113.1' }], ports: [{ port: 80 }] }] }))
      await assertWholeLife(life)
      await life.make('kept')
      // A Service that comes and goes shows that the controller has looked, and left alone what no Service of a selector has.
      const other = services(context)
      await other.make('other')
      await life.resource.patch(life.target('kept'), { type: 'merge', body: { metadata: { labels: { patched: 'yes' } } } })
      await until(context, endpointsKind, 'Endpoints of the Service', own => own.some(({ metadata }) => metadata.name === 'other'))
      await other.resource.delete(other.target('other'))
      await until(context, endpointsKind, 'no Endpoints of the Service', own => own.every(({ metadata }) => metadata.name !== 'other'))
      await untilNames(life, ['kept'])
    },
  },
]
