/** LimitRanges: what pods get that do not say what they need, and which are refused. */
import assert from 'node:assert/strict'
import { type LimitRange, limitRangeKind, type Pod, type ResourceRequirements } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'

const WATCH_MS_MAX = 30_000

/** In the order in which Kubernetes names them in refusals. */
const amounts = (cpu: string, storage: string, memory: string) => ({ cpu, 'ephemeral-storage': storage, memory })

async function assertRange(context: ApiContext, next: () => Promise<{ type: string; spec: LimitRange['spec'] }>): Promise<void> {
  const ranges = context.resource(limitRangeKind)
  const own = { namespace: context.namespace, name: 'range' }
  const item = {
    type: 'Container',
    min: amounts('50m', '100Gi', '100Mi'),
    max: amounts('500m', '500Gi', '500Mi'),
    default: amounts('500m', '500Gi', '500Mi'),
    defaultRequest: amounts('100m', '200Gi', '200Mi'),
  }
  const spec = { limits: [item] }
  await ranges.create({ apiVersion: 'v1', kind: 'LimitRange', metadata: context.named('range'), spec })
  assert.deepEqual(await next(), { type: 'ADDED', spec })
  assert.deepEqual((await ranges.get(own)).spec, spec)

  const make = (name: string, resources?: ResourceRequirements) =>
    context.create(name, { containers: [{ name: 'main', image: 'busybox:1.36', ...(resources && { resources }) }] })
  const resourcesOf = ({ spec }: Pod) => spec.containers[0]?.resources
  const silent = await make('silent')
  assert.deepEqual(resourcesOf(silent), { limits: item.default, requests: item.defaultRequest })
  const set = 'cpu, ephemeral-storage, memory'
  assert.equal(
    silent.metadata.annotations?.['kubernetes.io/limit-ranger'],
    `LimitRanger plugin set: ${set} request for container main; ${set} limit for container main`,
  )
  // A limit without a request is the request, too, and comes before the range's.
  const partial = await make('partial', { limits: { cpu: '300m' }, requests: { 'ephemeral-storage': '150Gi', memory: '150Mi' } })
  assert.deepEqual(resourcesOf(partial), { limits: amounts('300m', '500Gi', '500Mi'), requests: amounts('300m', '150Gi', '150Mi') })

  const assertRefused = (name: string, requests: Record<string, string>, wrongs: string[]) =>
    assert.rejects(make(name, { requests, limits: requests }), {
      code: 403,
      reason: 'Forbidden',
      message: `pods "${name}" is forbidden: [${wrongs.join(', ')}]`,
    })
  const few = amounts('10m', '50Gi', '50Mi')
  const small = ['cpu', 'ephemeral-storage', 'memory'] as const
  const refusals = (bound: 'minimum' | 'maximum', bounds: Record<string, string>, asked: Record<string, string>) =>
    small.map(
      name => `${bound} ${name} usage per Container is ${bounds[name]}, but ${bound === 'minimum' ? 'request' : 'limit'} is ${asked[name]}`,
    )
  await assertRefused('few', few, refusals('minimum', item.min, few))
  const many = amounts('600m', '600Gi', '600Mi')
  await assertRefused('many', many, refusals('maximum', item.max, many))

  const changed = { limits: [{ ...item, min: amounts('9m', '49Gi', '49Mi') }] }
  await ranges.update({ ...(await ranges.get(own)), spec: changed })
  assert.deepEqual(await next(), { type: 'MODIFIED', spec: changed })
  await make('few', { requests: few, limits: few })
  await assertRefused('many', many, refusals('maximum', item.max, many))

  await ranges.delete(own)
  assert.deepEqual(await next(), { type: 'DELETED', spec: changed })
  await assert.rejects(ranges.get(own), { code: 404, reason: 'NotFound' })
  assert.deepEqual(resourcesOf(await make('many', { requests: many, limits: many })), { limits: many, requests: many })
  assert.deepEqual(resourcesOf(await make('free')) ?? {}, {})
}

/** What the namespace's LimitRanges come to be from now on: asked for the next event, it waits for one. */
async function watching(context: ApiContext) {
  const ranges = context.resource(limitRangeKind)
  const { namespace } = context
  const resourceVersion = (await ranges.list({ namespace })).metadata.resourceVersion ?? ''
  const watch = ranges.watch({ namespace, resourceVersion, signal: AbortSignal.timeout(WATCH_MS_MAX) })[Symbol.asyncIterator]()
  return {
    async next() {
      const { value, done } = await watch.next()
      assert.ok(!done, 'The watch has ended')
      const { type, object } = value
      return { type, spec: (object as LimitRange).spec }
    },
    close: () => watch.return?.(),
  }
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'LimitRange fills in defaults, refuses pods out of range, and can be updated and watched',
    run: async context => {
      const watch = await watching(context)
      try {
        await assertRange(context, watch.next)
      } finally {
        await watch.close()
      }
    },
  },
]
