/** FlowSchemas and PriorityLevelConfigurations of a running control plane, which follows them. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FlowSchema, PriorityLevelConfiguration } from '@davit/api'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import type { Answer } from './send.ts'
import { until } from './until.ts'

const BASE = '/apis/flowcontrol.apiserver.k8s.io/v1'
const SCHEMAS = `${BASE}/flowschemas`
const LEVELS = `${BASE}/prioritylevelconfigurations`
const MERGE = { 'content-type': 'application/merge-patch+json' }

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
})
after(() => plane[Symbol.asyncDispose]())

const get = async <T>(path: string): Promise<T> => (await plane.ask({ path })).json as T
const post = async (path: string, body: object) => {
  const answer = await plane.ask({ method: 'POST', path, body })
  assert.equal(answer.code, 201, answer.text)
  return answer.json as unknown as { metadata: { uid: string } }
}
const namesAt = async (path: string) => (await get<{ items: FlowSchema[] }>(path)).items.map(({ metadata: { name } }) => name)
const dangling = async (name: string) =>
  (await get<FlowSchema>(`${SCHEMAS}/${name}`)).status?.conditions?.find(({ type }) => type === 'Dangling')

function level(name: string, nominalConcurrencyShares: number): PriorityLevelConfiguration {
  const limited = { nominalConcurrencyShares, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } }
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name },
    spec: { type: 'Limited', limited },
  }
}

function schema(name: string, to: string): FlowSchema {
  const resources = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name: to },
      matchingPrecedence: 10,
      distinguisherMethod: { type: 'ByUser' },
      rules: [{ subjects: [{ kind: 'User', user: { name: 'ann' } }], resourceRules: [resources] }],
    },
  }
}

const PATH = '/api/v1/namespaces/default/configmaps'
const flood = (as: object): Promise<Answer[]> =>
  Promise.all(Array.from({ length: 100 }, () => plane.ask({ path: PATH, headers: { 'impersonate-user': 'ann', ...as } })))

describe('flow control of a cluster', () => {
  it('begins with the levels and schemas of Kubernetes, none of which lacks its level, and has them back when they are deleted', async () => {
    const wanted = {
      [LEVELS]: ['catch-all', 'exempt', 'global-default', 'leader-election', 'node-high', 'system', 'workload-high', 'workload-low'],
      [SCHEMAS]: [
        'catch-all',
        'endpoint-controller',
        'exempt',
        'global-default',
        'kube-controller-manager',
        'kube-scheduler',
        'kube-system-service-accounts',
        'probes',
        'service-accounts',
        'system-leader-election',
        'system-node-high',
        'system-nodes',
        'workload-leader-election',
      ],
    }
    for (const [path, names] of Object.entries(wanted)) await until(path, async () => String(await namesAt(path)) === String(names))
    for (const name of wanted[SCHEMAS] ?? []) await until(name, async () => (await dangling(name))?.status === 'False')
    assert.equal((await plane.ask({ method: 'DELETE', path: `${SCHEMAS}/service-accounts` })).code, 200)
    await until('the schema', async () => (await namesAt(SCHEMAS)).includes('service-accounts'))
  })

  it('tells when the level of a schema is not there, and when it comes', async () => {
    await post(SCHEMAS, schema('ann', 'few'))
    await until('NotFound', async () => (await dangling('ann'))?.reason === 'NotFound')
    await post(LEVELS, level('few', 1))
    await until('Found', async () => (await dangling('ann'))?.reason === 'Found')
  })

  it('turns away what a level has no seat for, and follows its limits', async () => {
    await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'ann' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'User', name: 'ann' }],
    })
    const { metadata } = await get<PriorityLevelConfiguration>(`${LEVELS}/few`)
    const refused = await until('a request that finds no seat', async () => (await flood({})).find(({ code }) => code !== 200))
    assert.deepEqual([refused.code, refused.reason], [429, 'TooManyRequests'])
    assert.equal(refused.headers['retry-after'], '1')
    assert.equal(refused.headers['x-kubernetes-pf-prioritylevel-uid'], metadata.uid)
    // The masters' schema comes first.
    assert.ok((await flood({ 'impersonate-group': 'system:masters' })).every(({ code }) => code === 200))
    const { text } = await plane.ask({ path: '/metrics' })
    assert.match(
      text,
      /apiserver_flowcontrol_rejected_requests_total\{flow_schema="ann",priority_level="few",reason="concurrency-limit"\} [1-9]/,
    )
    assert.match(text, /apiserver_flowcontrol_nominal_limit_seats\{priority_level="few"\} 3\n/)
    assert.match(text, /apiserver_flowcontrol_current_executing_seats\{priority_level="few"\} 0\n/)
    const more = { spec: { limited: { nominalConcurrencyShares: 100 } } }
    assert.equal((await plane.ask({ method: 'PATCH', path: `${LEVELS}/few`, headers: MERGE, body: more })).code, 200)
    await until('seats for all', async () => (await flood({})).every(({ code }) => code === 200))
  })
})
