/** What a client learns of the API before it uses it. */
import assert from 'node:assert/strict'
import { apiVersionOf, KINDS } from '@davit/api'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import type { Json, PlaneContext } from '../plane-context.ts'
import { CASE_DOMAIN } from './custom-kind.ts'

interface Group {
  name: string
  versions: { groupVersion: string; version: string }[]
  preferredVersion: { groupVersion: string; version: string }
}
interface AggregatedGroup {
  metadata: { name?: string }
  versions: { version: string; freshness?: string; resources: { resource: string; responseKind: Json; scope: string; verbs: string[] }[] }[]
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
/** Groups that answer questions and store nothing. */
const REVIEWS = ['authentication.k8s.io', 'authorization.k8s.io']
const EIGHT = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

async function groupsOf(context: PlaneContext): Promise<Group[]> {
  const groups = (await context.read('/apis')).groups as Group[]
  // Those of other cases come and go.
  return groups.filter(({ name }) => !name.endsWith(CASE_DOMAIN))
}

/** Every kind that is served is in these groups, with its scope. */
function assertHasEveryKind(groups: readonly AggregatedGroup[], wanted: (group: string) => boolean): void {
  for (const kind of KINDS.filter(({ group }) => wanted(group))) {
    const group = groups.find(({ metadata }) => (metadata.name ?? '') === kind.group)
    const resource = group?.versions.find(({ version }) => version === kind.version)?.resources.find(each => each.resource === kind.plural)
    assert.ok(resource, `no ${kind.plural} of ${apiVersionOf(kind)}`)
    assert.deepEqual([resource.responseKind.kind, resource.scope], [kind.kind, kind.namespaced ? 'Namespaced' : 'Cluster'])
  }
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: '/version returns integer-only major and minor',
    run: async context => {
      const { major, minor } = await context.read('/version')
      assert.match(String(major), /^\d+$/)
      assert.match(String(minor), /^\d+$/)
    },
  },
  {
    row: 'Every API group advertises a valid preferred version',
    run: async context => {
      const groups = await groupsOf(context)
      const wanted = new Set([...REVIEWS, ...KINDS.map(({ group }) => group).filter(Boolean)])
      assert.deepEqual(groups.map(({ name }) => name).toSorted(), [...wanted].toSorted())
      for (const { name, versions, preferredVersion } of groups) {
        const one = await context.read(`/apis/${name}`)
        assertHas(one, { kind: 'APIGroup', name, preferredVersion })
        const among = versions.filter(({ version }) => version === preferredVersion.version)
        assert.deepEqual(among, [{ groupVersion: `${name}/${preferredVersion.version}`, version: preferredVersion.version }])
      }
    },
  },
  {
    row: 'Every API group yields a resource list whose groupVersion matches and holds a valid resource',
    run: async context => {
      const versions = (await groupsOf(context)).flatMap(group => group.versions.map(({ groupVersion }) => groupVersion))
      for (const groupVersion of ['v1', ...versions]) {
        const list = await context.read(groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`)
        assertHas(list, { kind: 'APIResourceList', groupVersion })
        const resources = list.resources as { name: string; kind: string; namespaced: boolean; verbs: string[] }[]
        assert.ok(resources.length > 0, groupVersion)
        for (const { name, kind, namespaced, verbs } of resources) {
          assert.match(name, /^[a-z]+(\/[a-z]+)?$/)
          assert.match(kind, /^[A-Z]/)
          assert.equal(typeof namespaced, 'boolean')
          assert.ok(verbs.length > 0, name)
        }
      }
    },
  },
  {
    row: 'Raw /api and /apis honour the aggregated Accept headers and list built-ins',
    run: async context => {
      for (const version of ['v2', 'v2beta1']) {
        const accept = AGGREGATED.replace('v=v2', `v=${version}`)
        for (const path of ['/api', '/apis']) {
          const answer = await context.ask({ path, headers: { accept } })
          assert.equal(answer.code, 200)
          assert.equal(answer.headers['content-type'], accept)
          assertHas(answer.json, { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}` })
          assertHasEveryKind(answer.json.items as AggregatedGroup[], group => (group === '') === (path === '/api'))
        }
      }
      assertHas(await context.read('/api'), { kind: 'APIVersions', versions: ['v1'] })
      assertHas(await context.read('/apis'), { kind: 'APIGroupList' })
    },
  },
  {
    row: 'Client library reads built-in groups and resources through aggregated discovery',
    withKubectl: true,
    run: async context => {
      // kubectl has the Go library in it, and tells with -v=6 what that asked for.
      const { stdout, stderr } = await context.cluster.kubectl(['api-resources', '--cached=false', '--no-headers', '-o=name', '-v=6'])
      const names = new Set(stdout.trim().split('\n'))
      // One of two versions is enough for it.
      for (const { plural, group } of KINDS) assert.ok(names.has(group ? `${plural}.${group}` : plural), `no ${plural} of ${group}`)
      const asked = [...stderr.matchAll(/https:\/\/[^/\s"]+(\/apis?[^\s"?]*)/g)].map(([, path]) => path)
      assert.deepEqual(asked.toSorted(), ['/api', '/apis'])
    },
  },
  {
    row: 'admissionregistration.k8s.io/v1 and both webhook configuration resources show up in discovery',
    run: async context => {
      const name = 'admissionregistration.k8s.io'
      const version = { groupVersion: `${name}/v1`, version: 'v1' }
      const group = (await groupsOf(context)).find(each => each.name === name)
      assert.deepEqual(group?.versions[0], version)
      assertHas(await context.read(`/apis/${name}`), { kind: 'APIGroup', name, preferredVersion: version })
      const resources = (await context.read(`/apis/${name}/v1`)).resources as { name: string; verbs: string[] }[]
      for (const plural of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])
        assert.deepEqual(resources.find(resource => resource.name === plural)?.verbs.toSorted(), EIGHT)
    },
  },
  {
    row: 'Asking a non-metadata endpoint for a Table gets 406',
    run: async context => {
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } },
      }
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
      await context.must(201, { method: 'POST', path, body })
      const refused = await context.must(406, { method: 'POST', path, body, headers: { accept } })
      assertHas(refused, { kind: 'Status', reason: 'NotAcceptable' })
      assertHas(await context.read('/api/v1/pods', { accept }), { kind: 'Table', apiVersion: 'meta.k8s.io/v1' })
    },
  },
]
