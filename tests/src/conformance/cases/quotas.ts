/** ResourceQuotas: what they count, what they refuse, and what they get back. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import {
  apiVersionOf,
  compareQuantities,
  configMapKind,
  type KubernetesObject,
  type PodSpec,
  podKind,
  qualifiedResource,
  type ResourceQuota,
  type ResourceQuotaSpec,
  type ResourceRequirements,
  resourcePath,
  resourceQuotaKind,
  type ServiceSpec,
  serviceKind,
} from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import { kindNamed } from './kind-life.ts'

type Amounts = Record<string, string>

/** How soon a new quota must say what it limits and what there is, milliseconds: as long as Kubernetes' own tests wait. */
const QUICKLY_MS = 30_000
const DEVICE = 'example.com/dongle'
const LABELS = { app: 'kept' }

const target = ({ namespace }: ApiContext, name: string) => ({ namespace, name })
const isSame = (actual: Record<string, string | number> = {}, wanted: Amounts) =>
  Object.entries(wanted).every(([name, amount]) => actual[name] !== undefined && compareQuantities(actual[name], amount) === 0)

/** Waits until the quota's status is as wanted. */
async function until(
  context: ApiContext,
  name: string,
  what: string,
  is: (status: NonNullable<ResourceQuota['status']>) => boolean,
  timeoutMs?: number,
) {
  let last: ResourceQuota | undefined
  const find = (all: readonly ResourceQuota[]) => {
    last = all.find(({ metadata }) => metadata.namespace === context.namespace && metadata.name === name)
    return last?.status && is(last.status) && last.status
  }
  return context.cluster
    .until(resourceQuotaKind, `quota ${context.namespace}/${name} to ${what}`, find, timeoutMs)
    .catch((cause: unknown) => {
      throw new Error(`Waited in vain for quota ${name} to ${what}; it is: ${JSON.stringify(last)}`, { cause })
    })
}

const untilUsed = (context: ApiContext, name: string, wanted: Amounts) =>
  until(context, name, `count ${JSON.stringify(wanted)}`, ({ used }) => isSame(used, wanted))

/** The quota says so already, to whoever asks: a write is charged, or is not, before it is answered. */
async function assertUsed(context: ApiContext, name: string, wanted: Amounts): Promise<void> {
  const { status } = await context.resource(resourceQuotaKind).get(target(context, name))
  assert.ok(isSame(status?.used, wanted), `quota ${name} is ${JSON.stringify(status)}, wanted ${JSON.stringify(wanted)}`)
}

/** Makes a quota and waits until it says that nothing is used, of all it limits. */
async function limit(context: ApiContext, name: string, hard: Amounts, spec: Omit<ResourceQuotaSpec, 'hard'> = {}): Promise<Amounts> {
  const metadata = context.named(name)
  await context.resource(resourceQuotaKind).create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard, ...spec } })
  const nothing = Object.fromEntries(Object.keys(hard).map(each => [each, '0']))
  await untilUsed(context, name, nothing)
  return nothing
}

/** A refusal of `subject` in Kubernetes' words: 403, and `why`. */
const refusal = (subject: string, why: string) => ({ code: 403, reason: 'Forbidden', message: `${subject} is forbidden: ${why}` })

const exceeded = (quota: string, requested: Amounts, used: Amounts, limited: Amounts) => {
  const show = (amounts: Amounts) =>
    Object.entries(amounts)
      .map(([name, amount]) => `${name}=${amount}`)
      .join(',')
  return `exceeded quota: ${quota}, requested: ${show(requested)}, used: ${show(used)}, limited: ${show(limited)}`
}

const podSpec = (resources: ResourceRequirements = {}, spec: Partial<PodSpec> = {}): PodSpec => ({
  containers: [{ name: 'main', image: 'busybox:1.36', resources }],
  ...spec,
})

async function remove(context: ApiContext, kind: string, name: string): Promise<void> {
  await context.resource(kindNamed(kind)).delete(target(context, name))
}

/** The quota says how much of `resource` there is while there is one, and afterwards. */
async function assertCounts(context: ApiContext, resource: string, make: () => Promise<unknown>, takeAway: () => Promise<unknown>) {
  const metadata = context.named('counted')
  // What every namespace has by itself counts, too.
  await context
    .resource(resourceQuotaKind)
    .create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { [resource]: '5' } } })
  const { used } = await until(context, 'counted', 'be counted', status => status.used?.[resource] !== undefined)
  const before = Number(used?.[resource])
  await make()
  await untilUsed(context, 'counted', { [resource]: String(before + 1) })
  await takeAway()
  await untilUsed(context, 'counted', { [resource]: String(before) })
}

/** What keeps pods counts as one object, of which there may be one; it keeps none, so that nothing else counts. */
async function assertCountsKeeper(context: ApiContext, kindName: string, resource: string, selector: object): Promise<void> {
  const nothing = await limit(context, 'keepers', { [resource]: '1' })
  const kind = kindNamed(kindName)
  const spec = { replicas: 0, selector, template: { metadata: { labels: LABELS }, spec: podSpec() } }
  const make = (name: string) =>
    context
      .resource(kind)
      .create({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: context.named(name), spec } as KubernetesObject)
  await make('one')
  const one = { [resource]: '1' }
  await untilUsed(context, 'keepers', one)
  await assert.rejects(make('two'), refusal(`${qualifiedResource(kind)} "two"`, exceeded('keepers', one, one, one)))
  await remove(context, kindName, 'one')
  await untilUsed(context, 'keepers', nothing)
  await make('two')
}

interface Scoped {
  /** Room for one pod. */
  readonly hard: Amounts
  /** A pod that the scope is about, and what it uses. */
  readonly spec: PodSpec
  readonly uses: Amounts
}

/** Two quotas that between them are about all pods: each counts the pod that is its own, and neither that of the other. */
async function assertScopes(context: ApiContext, scopes: Record<string, Scoped>): Promise<void> {
  const quotas = await Promise.all(
    Object.entries(scopes).map(async ([scope, scoped]) => {
      const name = scope.toLowerCase()
      return { ...scoped, name, nothing: await limit(context, name, scoped.hard, { scopes: [scope] }) }
    }),
  )
  for (const { name, spec, uses, nothing } of quotas) {
    await context.create('first', spec)
    await untilUsed(context, name, uses)
    for (const other of quotas) if (other.name !== name) await assertUsed(context, other.name, other.nothing)
    const one = { pods: '1' }
    await assert.rejects(context.create('second', spec), refusal('pods "second"', exceeded(name, one, one, one)))
    await remove(context, '/Pod', 'first')
    await untilUsed(context, name, nothing)
  }
}

async function assertCountsServices(context: ApiContext): Promise<void> {
  const hard = { services: '10', 'services.nodeports': '1', 'services.loadbalancers': '1' }
  const nothing = await limit(context, 'ports', hard)
  const make = (name: string, spec: Partial<ServiceSpec>) =>
    context.resource(serviceKind).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: context.named(name),
      spec: { selector: LABELS, ports: [{ port: 80 }], ...spec },
    })
  await make('plain', { type: 'ClusterIP' })
  await untilUsed(context, 'ports', { ...nothing, services: '1' })
  await make('ported', { type: 'NodePort' })
  await untilUsed(context, 'ports', { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '0' })

  const port = { 'services.nodeports': '1' }
  const noPort = exceeded('ports', port, port, port)
  await assert.rejects(make('second', { type: 'NodePort' }), refusal('services "second"', noPort))
  // It would have a port of every node, too.
  await assert.rejects(make('balanced', { type: 'LoadBalancer' }), refusal('services "balanced"', noPort))
  const portless = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false } as const
  await make('balanced', portless)
  const used = { services: '3', 'services.nodeports': '1', 'services.loadbalancers': '1' }
  await untilUsed(context, 'ports', used)
  const balancer = { 'services.loadbalancers': '1' }
  await assert.rejects(make('other', portless), refusal('services "other"', exceeded('ports', balancer, balancer, balancer)))
  await assertUsed(context, 'ports', used)

  for (const name of ['plain', 'ported', 'balanced']) await remove(context, '/Service', name)
  await untilUsed(context, 'ports', nothing)
}

async function assertCountsPods(context: ApiContext): Promise<void> {
  const ofDevice = `requests.${DEVICE}`
  const hard = { pods: '5', cpu: '1', memory: '500Mi', 'requests.ephemeral-storage': '50Gi', [ofDevice]: '3' }
  const nothing = await limit(context, 'pods', hard)
  const amounts = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi' }
  await context.create('fits', podSpec({ requests: { ...amounts, [DEVICE]: '2' }, limits: { [DEVICE]: '2' } }))
  const used: Amounts = { pods: '1', cpu: '500m', memory: '252Mi', 'requests.ephemeral-storage': '30Gi', [ofDevice]: '2' }
  await untilUsed(context, 'pods', used)

  const assertRefused = (name: string, resources: ResourceRequirements, why: string) =>
    assert.rejects(context.create(name, podSpec(resources)), refusal(`pods "${name}"`, why))
  const over = (name: string, requested: string, limited: string) =>
    exceeded('pods', { [name]: requested }, { [name]: used[name] ?? '' }, { [name]: limited })
  const small = { cpu: '100m', memory: '100Mi' }
  await assertRefused('busy', { requests: { ...small, cpu: '600m' } }, over('cpu', '600m', '1'))
  await assertRefused('large', { requests: { ...small, memory: '300Mi' } }, over('memory', '300Mi', '500Mi'))
  const disk = { ...small, 'ephemeral-storage': '30Gi' }
  await assertRefused('wide', { requests: disk }, over('requests.ephemeral-storage', '30Gi', '50Gi'))
  const devices = { requests: { ...small, [DEVICE]: '2' }, limits: { [DEVICE]: '2' } }
  await assertRefused('equipped', devices, over(ofDevice, '2', '3'))
  await assertRefused('silent', {}, 'failed quota: pods: must specify cpu for: main; memory for: main')

  // What it asked for it keeps; a resize is charged as a new pod is.
  const pods = context.resource(podKind)
  const fits = target(context, 'fits')
  const resized = (cpu: string) =>
    ({ type: 'strategic', body: { spec: { containers: [{ name: 'main', resources: { requests: { cpu } } }] } } }) as const
  await assert.rejects(pods.patch(fits, resized('100m')), {
    code: 422,
    reason: 'Invalid',
    message: /spec: Forbidden: pod updates may not change fields/,
  })
  await assert.rejects(pods.patch(fits, resized('1100m'), { subresource: 'resize' }), refusal('pods "fits"', over('cpu', '600m', '1')))
  await assertUsed(context, 'pods', used)

  await remove(context, '/Pod', 'fits')
  await untilUsed(context, 'pods', nothing)
  await context.create('busy', podSpec({ requests: { ...small, cpu: '600m' } }))
}

async function assertStatusApart(context: ApiContext): Promise<void> {
  const quotas = context.resource(resourceQuotaKind)
  const own = target(context, 'own')
  const first = { cpu: '500m', memory: '500Mi' }
  await limit(context, 'own', first)
  const untilHard = (hard: Amounts) => until(context, 'own', `limit ${JSON.stringify(hard)}`, status => isSame(status.hard, hard))
  await untilHard(first)

  const second = { cpu: '1', memory: '1Gi' }
  const put = await context.eventually('an update that nobody wrote between', async () => {
    const read = await quotas.get(own)
    const changed = { ...read, spec: { hard: { cpu: '9' } }, status: { ...read.status, hard: second } }
    return quotas.update(changed, { subresource: 'status' })
  })
  assert.deepEqual([put.spec.hard, put.status?.hard], [first, second])
  await untilHard(second)

  const third = { cpu: '2', memory: '2Gi' }
  const body = { spec: { hard: { cpu: '9' } }, status: { hard: third } }
  const patched = await quotas.patch(own, { type: 'merge', body }, { subresource: 'status' })
  assert.deepEqual([patched.spec.hard, patched.status?.hard], [first, third])
  await untilHard(third)
  const path = resourcePath(resourceQuotaKind, own, 'status')
  const read = JSON.parse(await text((await context.client.raw({ method: 'GET', path })).body)) as ResourceQuota
  assert.deepEqual([read.spec, read.status], [patched.spec, patched.status])
  // Nor does who writes the spec write the status, but the controller does.
  const fourth = { cpu: '4', memory: '4Gi' }
  const written = await quotas.patch(own, { type: 'merge', body: { spec: { hard: fourth }, status: { hard: { cpu: '9' } } } })
  assert.deepEqual([written.spec.hard, written.status?.hard], [fourth, third])
  await untilHard(fourth)
  assert.deepEqual((await quotas.get(own)).spec.hard, fourth)
}

const MAIN_LIMITS = { requests: { cpu: '500m', memory: '200Mi' }, limits: { cpu: '1', memory: '400Mi' } }
const COMPUTE = { 'requests.cpu': '1', 'requests.memory': '500Mi', 'limits.cpu': '2', 'limits.memory': '1Gi' }
const COMPUTE_USED = { 'requests.cpu': '500m', 'requests.memory': '200Mi', 'limits.cpu': '1', 'limits.memory': '400Mi' }

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'A new quota quickly reports hard and used totals in status',
    run: async context => {
      const hard = {
        ...{ pods: '5', services: '10', 'services.nodeports': '1', 'services.loadbalancers': '1', replicationcontrollers: '10' },
        ...{ resourcequotas: '2', secrets: '10', persistentvolumeclaims: '10', 'count/replicasets.apps': '5' },
        ...{ cpu: '1', memory: '500Mi', 'requests.storage': '10Gi', [`requests.${DEVICE}`]: '3' },
      }
      await context.secret('before', {})
      const metadata = context.named('all')
      await context.resource(resourceQuotaKind).create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } })
      const used = { ...Object.fromEntries(Object.keys(hard).map(name => [name, '0'])), resourcequotas: '1', secrets: '1' }
      await until(context, 'all', 'tell of everything', status => isSame(status.hard, hard) && isSame(status.used, used), QUICKLY_MS)
    },
  },
  {
    row: 'Quota usage counts a ConfigMap and releases it on delete',
    run: async context => {
      // Its controller gives every namespace one, in its own time.
      await context.cluster.until(configMapKind, `the root certificate of ${context.namespace}`, maps =>
        maps.some(({ metadata }) => metadata.namespace === context.namespace && metadata.name === 'kube-root-ca.crt'),
      )
      const takeAway = () => remove(context, '/ConfigMap', 'one')
      await assertCounts(context, 'configmaps', () => context.configMap('one', {}), takeAway)
    },
  },
  {
    row: 'Quota usage counts a Secret and releases it on delete',
    run: context =>
      assertCounts(
        context,
        'secrets',
        () => context.secret('one', {}),
        () => remove(context, '/Secret', 'one'),
      ),
  },
  {
    row: 'Quota usage counts a ReplicaSet and releases it on delete',
    run: context => assertCountsKeeper(context, 'apps/ReplicaSet', 'count/replicasets.apps', { matchLabels: LABELS }),
  },
  {
    row: 'Quota usage counts an RC and releases it on delete',
    run: context => assertCountsKeeper(context, '/ReplicationController', 'replicationcontrollers', LABELS),
  },
  {
    row: 'Quota usage counts Services (incl. NodePort/LoadBalancer kinds) and releases them on delete',
    run: assertCountsServices,
  },
  {
    row: 'Quota counts pod cpu/memory/ephemeral/extended requests, refuses excess and resource edits, releases on delete',
    run: assertCountsPods,
  },
  {
    row: 'BestEffort and NotBestEffort scopes count only matching pods',
    run: context => {
      const one = { hard: { pods: '1' }, uses: { pods: '1' } }
      return assertScopes(context, {
        BestEffort: { ...one, spec: podSpec() },
        NotBestEffort: { ...one, spec: podSpec(MAIN_LIMITS) },
      })
    },
  },
  {
    row: 'Terminating and NotTerminating scopes count pods by activeDeadlineSeconds',
    run: context => {
      const one = { hard: { pods: '1', ...COMPUTE }, uses: { pods: '1', ...COMPUTE_USED } }
      return assertScopes(context, {
        NotTerminating: { ...one, spec: podSpec(MAIN_LIMITS) },
        Terminating: { ...one, spec: podSpec(MAIN_LIMITS, { activeDeadlineSeconds: 3_600 }) },
      })
    },
  },
  {
    row: 'Quota status can be updated and patched without touching spec; spec patches flow to status',
    run: assertStatusApart,
  },
]
