/** ServiceAccounts: their life, their tokens, what they may do and what they trust. */
import assert from 'node:assert/strict'
import { type ConfigMap, configMapKind, serviceAccountKind } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import type { Json, PlaneContext } from '../plane-context.ts'
import { assertWholeLife, kindLife, updateMetadata } from './kind-life.ts'

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
const ROOT_CA = 'kube-root-ca.crt'

const accounts = (context: ApiContext) => kindLife(context, '/ServiceAccount', () => ({}))
const userOf = ({ namespace }: ApiContext, name: string) => `system:serviceaccount:${namespace}:${name}`

/** Whether a pod of these settings gets a token: what the pod says goes before what its account says. */
async function isMounted(context: ApiContext, account: string, automount?: boolean): Promise<boolean> {
  const { spec } = await context.create(`pod-${account}-${automount}`, {
    serviceAccountName: account,
    ...(automount !== undefined && { automountServiceAccountToken: automount }),
    containers: [{ name: 'main', image: 'busybox:1.36' }],
  })
  const mount = spec.containers[0]?.volumeMounts?.find(({ mountPath }) => mountPath === TOKEN_PATH)
  const volume = spec.volumes?.find(({ name }) => name === mount?.name)
  if (mount) assert.ok(volume?.projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken))
  return mount !== undefined
}

/** The CA's ConfigMap of the case's namespace, once it is as wanted. */
function untilRootCa(context: PlaneContext, what: string, is: (map: ConfigMap) => boolean): Promise<ConfigMap> {
  return context.cluster.until(configMapKind, `${ROOT_CA} of ${context.namespace} to be ${what}`, maps =>
    maps.find(map => map.metadata.namespace === context.namespace && map.metadata.name === ROOT_CA && is(map)),
  )
}

/** What both kinds of reviews say of a right of an account. */
async function reviews(context: PlaneContext, user: string, resource: string): Promise<boolean[]> {
  const spec = { user, resourceAttributes: { namespace: context.namespace, verb: 'list', resource } }
  const review = (kind: string) => ({ apiVersion: 'authorization.k8s.io/v1', kind, spec })
  const base = '/apis/authorization.k8s.io/v1'
  const answers = [
    await context.must(201, { method: 'POST', path: `${base}/subjectaccessreviews`, body: review('SubjectAccessReview') }),
    await context.must(201, {
      method: 'POST',
      path: `${base}/namespaces/${context.namespace}/localsubjectaccessreviews`,
      body: { ...review('LocalSubjectAccessReview'), metadata: { namespace: context.namespace } },
    }),
  ]
  return answers.map(({ status }) => (status as { allowed: boolean }).allowed)
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'ServiceAccount create, patch, list, delete are visible, also through watch',
    run: context => assertWholeLife(accounts(context)),
  },
  {
    row: 'ServiceAccount can be updated',
    run: async context => {
      const life = accounts(context)
      const made = await life.make('one')
      await life.resource.update({ ...made, automountServiceAccountToken: false } as typeof made)
      await updateMetadata(life, 'one', { updated: 'yes' })
      const read = await context.resource(serviceAccountKind).get(life.target('one'))
      assert.deepEqual([read.automountServiceAccountToken, read.metadata.annotations?.updated], [false, 'yes'])
    },
  },
  {
    row: 'automountServiceAccountToken on SA and pod decides whether the token is mounted (nine combinations)',
    run: async context => {
      const settings = { unset: undefined, yes: true, no: false }
      for (const [name, value] of Object.entries(settings)) {
        const metadata = { name, namespace: context.namespace }
        const account = {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata,
          ...(value !== undefined && { automountServiceAccountToken: value }),
        }
        await context.resource(serviceAccountKind).create(account)
      }
      const found: string[] = []
      for (const account of Object.keys(settings)) {
        for (const pod of Object.values(settings)) found.push(`${account} ${pod} ${await isMounted(context, account, pod)}`)
      }
      assert.deepEqual(found, [
        'unset undefined true',
        'unset true true',
        'unset false false',
        'yes undefined true',
        'yes true true',
        'yes false false',
        'no undefined false',
        'no true true',
        'no false false',
      ])
    },
  },
  {
    row: 'A token requested for a service account passes TokenReview',
    run: async context => {
      const { metadata } = await accounts(context).make('one')
      const path = `/api/v1/namespaces/${context.namespace}/serviceaccounts/one/token`
      const { status } = await context.must(201, { method: 'POST', path, body: { spec: { expirationSeconds: 3600 } } })
      const { token } = status as { token: string }
      const review = (text: string) =>
        context.must(201, {
          method: 'POST',
          path: '/apis/authentication.k8s.io/v1/tokenreviews',
          body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: text } },
        })
      const user = { username: userOf(context, 'one'), uid: metadata.uid }
      assertHas((await review(token)).status, { authenticated: true, user })
      const refused = (await review(`${token}x`)).status as Json
      assert.notEqual(refused.authenticated, true)
    },
  },
  {
    row: 'SubjectAccessReview and LocalSubjectAccessReview agree with what an impersonated service account may do',
    run: async context => {
      await accounts(context).make('one')
      const user = userOf(context, 'one')
      const list = async (resource: string) => {
        const path = `/api/v1/namespaces/${context.namespace}/${resource}`
        return (await context.ask({ path, headers: { 'impersonate-user': user } })).code === 200
      }
      const agree = async (resource: string, allowed: boolean) => {
        assert.deepEqual([await list(resource), ...(await reviews(context, user, resource))], [allowed, allowed, allowed], resource)
      }
      await agree('configmaps', false)
      const base = `/apis/rbac.authorization.k8s.io/v1/namespaces/${context.namespace}`
      const body = (kind: string, more: Json) => ({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind,
        metadata: { name: 'reader' },
        ...more,
      })
      const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]
      await context.must(201, { method: 'POST', path: `${base}/roles`, body: body('Role', { rules }) })
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }
      const subjects = [{ kind: 'ServiceAccount', name: 'one', namespace: context.namespace }]
      await context.must(201, { method: 'POST', path: `${base}/rolebindings`, body: body('RoleBinding', { roleRef, subjects }) })
      await agree('configmaps', true)
      await agree('secrets', false)
    },
  },
  {
    row: 'Every namespace keeps a kube-root-ca.crt ConfigMap: created, recreated and reconciled',
    run: async context => {
      const isRight = ({ data = {} }: ConfigMap) =>
        data['ca.crt'] === context.cluster.plane.certificateAuthority && Object.keys(data).length === 1
      const maps = context.resource(configMapKind)
      const first = await untilRootCa(context, 'there', isRight)
      await maps.delete({ namespace: context.namespace, name: ROOT_CA })
      const second = await untilRootCa(context, 'new', map => isRight(map) && map.metadata.uid !== first.metadata.uid)
      const spoilt = await maps.update({ ...second, data: { 'ca.crt': 'none' } })
      await untilRootCa(
        context,
        'put right',
        map => isRight(map) && Number(map.metadata.resourceVersion) > Number(spoilt.metadata.resourceVersion),
      )
    },
  },
]
