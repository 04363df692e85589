/** What roles open and keep shut, told to an unmodified kubectl, and by which ways one might try to get more. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'
import { clustersCertificate } from './certificates.ts'
import { type ControlPlane, type Credentials, startControlPlane } from './control-plane.ts'
import type { Ask } from './send.ts'

const binary = await kubectlBinary(33).catch(() => undefined)
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const CORE = '/api/v1/namespaces'

let plane: ControlPlane
let dir = ''
let ann: Credentials
let nina: Credentials
before(async () => {
  plane = await startControlPlane()
  dir = await mkdtemp(join(tmpdir(), 'davit-roles-'))
  ann = await clustersCertificate(plane, '/O=dev/CN=ann')
  nina = await clustersCertificate(plane, '/CN=nina')
  for (const name of ['a', 'b'])
    await plane.must(201, { method: 'POST', path: CORE, body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } })
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

/** kubectl as the administrator, or with other credentials; gives what it printed, and how it ended. */
async function kubectl(
  args: string,
  options: { token?: string; input?: string } = {},
): Promise<{ code: number; out: string; err: string }> {
  const { token, input } = options
  const server = ['--server', `https://127.0.0.1:${plane.port}`, '--certificate-authority', join(dir, 'ca.pem')]
  if (token) await writeFile(join(dir, 'ca.pem'), plane.certificateAuthority)
  const who = token ? ['--kubeconfig', '/dev/null', ...server, '--token', token] : ['--kubeconfig', plane.kubeconfig]
  const ran = await command(binary ?? '', [...who, ...args.split(' ')], { allowFailure: true, ...(input && { input }) })
  return { code: ran.code, out: ran.stdout, err: ran.stderr }
}

const post = (path: string, body: object): Ask => ({ method: 'POST', path, body })
const role = (name: string, rules: object[]) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name }, rules })
const roleBinding = (name: string, roleRef: object, subject: object) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', ...roleRef },
  subjects: [subject],
})
const apply = (path: string, body: object): Ask => ({
  method: 'PATCH',
  path: `${path}?fieldManager=test&force=true`,
  headers: { 'content-type': 'application/apply-patch+yaml' },
  body,
})
const PODS = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }

describe('kubectl', { skip: binary === undefined && 'no kubectl' }, () => {
  it('gives a role to a group, which counts with the next request and ends with the binding', async () => {
    const list = { path: `${CORE}/a/pods` }
    const { message } = await plane.must(403, list, ann)
    assert.equal(message, 'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "a"')
    assert.equal((await kubectl('create rolebinding dev-view --clusterrole view --group dev -n a')).code, 0)
    await plane.must(200, list, ann)
    await plane.must(403, { path: `${CORE}/b/pods` }, ann)
    await plane.must(403, { path: '/api/v1/pods' }, ann)
    await plane.must(403, { path: `${CORE}/a/secrets` }, ann)
    await plane.must(403, post(`${CORE}/a/pods`, {}), ann)
    assert.equal((await kubectl('delete rolebinding dev-view -n a')).code, 0)
    await plane.must(403, list, ann)
  })

  it('auth can-i tells what others may, and why a role is none', async () => {
    await kubectl('create role reader --verb=get,list --resource=pods,deployments.apps -n a')
    await kubectl('create rolebinding read --role reader --user joe -n a')
    assert.equal((await kubectl('auth can-i list pods -n a --as joe')).out, 'yes\n')
    assert.equal((await kubectl('auth can-i list pods -n b --as joe')).out, 'no\n')
    assert.equal((await kubectl('auth can-i delete deployments.apps -n a --as joe')).out, 'no\n')
    const { out } = await kubectl('auth can-i --list -n a --as joe')
    assert.match(out, /^pods +\[\] +\[\] +\[get list\]$/m)
    assert.match(out, /^deployments\.apps +\[\] +\[\] +\[get list\]$/m)
    assert.match(out, /^selfsubjectaccessreviews\.authorization\.k8s\.io +\[\] +\[\] +\[create\]$/m)
    assert.match(out, /\[\/api\/\*\]/)
    assert.doesNotMatch((await kubectl('auth can-i --list -n b --as joe')).out, /^pods/m)
    assert.match((await kubectl('auth can-i --list')).out, /^\*\.\* +\[\] +\[\] +\[\*\]$/m)
  })

  it('auth whoami says who one acts as, with uid and groups', async () => {
    const { out } = await kubectl('auth whoami --as joe --as-group dev --as-uid 42')
    assert.match(out, /^Username +joe$/m)
    assert.match(out, /^UID +42$/m)
    assert.match(out, /^Groups +\[dev system:authenticated\]$/m)
  })

  it('auth reconcile makes roles and bindings, and leaves them as they are the second time', async () => {
    const input = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { ...role('made', [PODS]), metadata: { name: 'made', namespace: 'a' } },
        {
          ...roleBinding('made', { kind: 'Role', name: 'made' }, { kind: 'User', name: 'zoe' }),
          metadata: { name: 'made', namespace: 'a' },
        },
      ],
    })
    const first = await kubectl('auth reconcile -f -', { input })
    assert.equal(first.code, 0, first.err)
    assert.match(first.out, /role\.rbac\.authorization\.k8s\.io\/made reconciled/)
    assert.equal((await kubectl('auth can-i list pods -n a --as zoe')).out, 'yes\n')
    assert.equal((await kubectl('auth reconcile -f -', { input })).code, 0)
    assert.equal((await kubectl('get role made -n a -o jsonpath={.rules[*].verbs}')).out, '["get","list"]')
  })

  it('with the token of a ServiceAccount does what that may, and nothing else', async () => {
    await kubectl('create serviceaccount runner -n a')
    await kubectl('create rolebinding runner --role reader --serviceaccount a:runner -n a')
    const token = (await kubectl('create token runner -n a')).out.trim()
    const runner = { token }
    assert.equal((await kubectl('get pods -n a', runner)).code, 0)
    assert.equal(
      (await kubectl('get pods -n b', runner)).err,
      'Error from server (Forbidden): pods is forbidden: User "system:serviceaccount:a:runner" cannot list resource "pods" in API group "" in the namespace "b"\n',
    )
    for (const args of [
      'get secrets -n a',
      'get nodes',
      'create token runner -n a',
      'get pods -A',
      'delete pod x -n a',
      'get --raw /metrics',
    ])
      assert.match((await kubectl(args, runner)).err, /[Ff]orbidden/, args)
    assert.match((await kubectl('get pods -n a --as kubernetes-admin', runner)).err, /cannot impersonate resource "users"/)
  })

  it('sees the roles that every cluster has, those made of others with all their rules', async () => {
    const names = (await kubectl('get clusterroles -o name')).out
    for (const name of ['cluster-admin', 'admin', 'edit', 'view', 'system:basic-user', 'system:auth-delegator', 'system:node'])
      assert.match(names, new RegExp(`^clusterrole.rbac.authorization.k8s.io/${name}$`, 'm'))
    assert.equal((await kubectl('auth can-i create deployments.apps -n a --as x --as-group dev')).out, 'no\n')
    await kubectl('create rolebinding editors --clusterrole edit --user eddy -n b')
    assert.equal((await kubectl('auth can-i create deployments.apps -n b --as eddy')).out, 'yes\n')
    assert.equal((await kubectl('auth can-i create rolebindings -n b --as eddy')).out, 'no\n')
  })
})

describe('Whoever administers a namespace', () => {
  before(async () => {
    await plane.must(201, post(`${RBAC}/namespaces/b/rolebindings`, roleBinding('nina', { name: 'admin' }, { kind: 'User', name: 'nina' })))
  })
  const bindings = `${RBAC}/namespaces/b/rolebindings`
  const roles = `${RBAC}/namespaces/b/roles`
  const me = { kind: 'User', name: 'nina' }

  it('gives what it holds', async () => {
    await plane.must(201, post(roles, role('reader', [PODS])), nina)
    await plane.must(201, post(bindings, roleBinding('friend', { kind: 'Role', name: 'reader' }, { kind: 'User', name: 'f' })), nina)
    await plane.must(201, post(bindings, roleBinding('viewer', { name: 'view' }, { kind: 'User', name: 'f' })), nina)
  })

  it('gives itself nothing more, by whichever way', async () => {
    const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
    const refused: [ask: Ask, message: RegExp][] = [
      [post(bindings, roleBinding('x', { name: 'cluster-admin' }, me)), /attempting to grant RBAC permissions not currently held/],
      [post(bindings, { ...roleBinding('x', { name: 'cluster-admin' }, me), metadata: { generateName: 'x' } }), /not currently held/],
      [post(`${bindings}?dryRun=All`, roleBinding('x', { name: 'cluster-admin' }, me)), /not currently held/],
      [post(roles, role('x', [everything])), /not currently held/],
      [post(roles, role('x', [{ ...PODS, verbs: ['*'] }])), /\{APIGroups:\[""\], Resources:\["pods"\], Verbs:\["\*"\]\}/],
      [post(roles, role('x', [{ ...PODS, resources: ['nodes'] }])), /not currently held/],
      [post(`${RBAC}/clusterroles`, { ...role('x', [PODS]), kind: 'ClusterRole' }), /cannot create resource "clusterroles"/],
      [post(`${RBAC}/clusterrolebindings`, { ...roleBinding('x', { name: 'view' }, me), kind: 'ClusterRoleBinding' }), /cannot create/],
      [post(`${RBAC}/namespaces/a/rolebindings`, roleBinding('x', { name: 'view' }, me)), /in the namespace "a"/],
      [
        { method: 'PUT', path: `${roles}/reader`, body: { ...role('reader', [everything]), metadata: { name: 'reader' } } },
        /not currently held/,
      ],
      ...(['json', 'merge', 'strategic-merge'] as const).map((type): [Ask, RegExp] => [
        {
          method: 'PATCH',
          path: `${roles}/reader`,
          headers: { 'content-type': `application/${type}-patch+json` },
          body: type === 'json' ? [{ op: 'replace', path: '/rules', value: [everything] }] : { rules: [everything] },
        },
        /not currently held/,
      ]),
      [apply(`${roles}/reader`, role('reader', [everything])), /not currently held/],
      [apply(`${roles}/new`, role('new', [everything])), /not currently held/],
      [apply(`${bindings}/new`, roleBinding('new', { name: 'cluster-admin' }, me)), /not currently held/],
      [{ path: `${CORE}/b/pods`, headers: { 'impersonate-user': 'kubernetes-admin' } }, /cannot impersonate resource "users"/],
      [
        {
          path: '/api/v1/nodes',
          headers: { 'impersonate-user': 'system:serviceaccount:b:default', 'impersonate-group': 'system:masters' },
        },
        /groups "system:masters" is forbidden: User "nina" cannot impersonate/,
      ],
      [
        { path: '/api/v1/nodes', headers: { 'impersonate-user': 'system:serviceaccount:kube-system:default' } },
        /in the namespace "kube-system"/,
      ],
      [{ path: `${CORE}/a/secrets` }, /in the namespace "a"/],
      [{ path: `${CORE}/b%2f..%2fa/secrets` }, /forbidden|namespace/],
      [{ path: '/api/v1/secrets?namespace=b' }, /at the cluster scope/],
      [{ path: `/api/v1/watch/secrets?timeoutSeconds=1` }, /cannot watch/],
      [{ method: 'DELETE', path: `${CORE}/b/resourcequotas` }, /cannot deletecollection/],
      [post(`${CORE}/kube-system/serviceaccounts/default/token`, {}), /in the namespace "kube-system"/],
    ]
    for (const [ask, message] of refused) {
      const answer = await plane.must(403, ask, nina)
      assert.match(answer.message, message)
    }
    // A role that is not there may be made later, by somebody with more rights.
    await plane.must(404, post(bindings, roleBinding('x', { name: 'later' }, me)), nina)
    const { json } = await plane.must(200, { path: bindings })
    assert.deepEqual((json.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name).sort(), [
      ...(binary ? ['editors'] : []),
      'friend',
      'nina',
      'viewer',
    ])
  })

  it('acts as an account of the namespace, which an access review foretells', async () => {
    const headers = { 'impersonate-user': 'system:serviceaccount:b:default' }
    await plane.must(403, { path: `${CORE}/b/pods`, headers }, nina)
    const review = {
      spec: { user: 'nina', groups: ['system:authenticated'], resourceAttributes: { namespace: 'b', verb: 'list', resource: 'pods' } },
    }
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
    const { json } = await plane.must(201, post(path, { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', ...review }))
    assert.deepEqual(json.status, {
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "nina/b" of ClusterRole "admin" to User "nina"',
    })
    await plane.must(403, post(path, review), nina)
    const local = `/apis/authorization.k8s.io/v1/namespaces/b/localsubjectaccessreviews`
    const own = { apiVersion: 'authorization.k8s.io/v1', kind: 'LocalSubjectAccessReview', ...review }
    assert.equal(((await plane.must(201, post(local, own), nina)).json.status as { allowed: boolean }).allowed, true)
  })
})

describe('Access reviews', () => {
  it('agree with what an impersonated account may do, in the cluster and in a namespace', async () => {
    const user = 'system:serviceaccount:b:watched'
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:b', 'system:authenticated']
    const api = { apiVersion: 'authorization.k8s.io/v1' }
    const verdicts = async () => {
      const { code } = await plane.ask({ path: `${CORE}/b/configmaps`, headers: { 'impersonate-user': user } })
      const resourceAttributes = { namespace: 'b', verb: 'list', resource: 'configmaps' }
      const spec = { user, groups, resourceAttributes }
      const all = await plane.must(
        201,
        post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { ...api, kind: 'SubjectAccessReview', spec }),
      )
      const local = '/apis/authorization.k8s.io/v1/namespaces/b/localsubjectaccessreviews'
      const one = await plane.must(201, post(local, { ...api, kind: 'LocalSubjectAccessReview', spec }))
      return [code === 200, ...[all, one].map(({ json }) => (json.status as { allowed: boolean }).allowed)]
    }
    assert.deepEqual(await verdicts(), [false, false, false])
    const subject = { kind: 'ServiceAccount', name: 'watched', namespace: 'b' }
    await plane.must(201, post(`${RBAC}/namespaces/b/rolebindings`, roleBinding('watched', { name: 'view' }, subject)))
    assert.deepEqual(await verdicts(), [true, true, true])
  })
})

describe('A right to single names', () => {
  it('opens get, list and watch of that name alone', async () => {
    const rules = [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'] }]
    await plane.must(201, post(`${RBAC}/namespaces/a/roles`, role('mine', rules)))
    await plane.must(
      201,
      post(`${RBAC}/namespaces/a/rolebindings`, roleBinding('mine', { kind: 'Role', name: 'mine' }, { kind: 'User', name: 'ann' })),
    )
    for (const name of ['mine', 'theirs'])
      await plane.must(201, post(`${CORE}/a/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name } }))
    const secrets = `${CORE}/a/secrets`
    await plane.must(200, { path: `${secrets}/mine` }, ann)
    await plane.must(200, { path: `${secrets}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dmine` }, ann)
    const { json } = await plane.must(200, { path: `${secrets}?fieldSelector=metadata.name%3Dmine` }, ann)
    assert.equal((json.items as unknown[]).length, 1)
    for (const query of [
      '',
      '?fieldSelector=metadata.name%3Dtheirs',
      '?fieldSelector=metadata.name!%3Dmine',
      '?fieldSelector=type%3DOpaque',
      '?fieldSelector=metadata.name%3Dtheirs&fieldSelector=metadata.name%3Dmine',
      '?name=mine',
    ])
      await plane.must(403, { path: secrets + query }, ann)
    const twice = await plane.ask({ path: `${secrets}?fieldSelector=metadata.name%3Dmine&fieldSelector=metadata.name%3Dtheirs` }, ann)
    assert.doesNotMatch(twice.text, /theirs/)
    await plane.must(403, { path: `${secrets}/theirs` }, ann)
    await plane.must(403, { method: 'DELETE', path: `${secrets}?fieldSelector=metadata.name%3Dmine` }, ann)
  })
})

describe('A right to patch', () => {
  it('makes nothing that is not there', async () => {
    const rules = [{ verbs: ['get', 'patch'], apiGroups: [''], resources: ['configmaps'] }]
    await plane.must(201, post(`${RBAC}/namespaces/b/roles`, role('patcher', rules)))
    await plane.must(
      201,
      post(`${RBAC}/namespaces/b/rolebindings`, roleBinding('patcher', { kind: 'Role', name: 'patcher' }, { kind: 'User', name: 'ann' })),
    )
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: 'b' } }
    const ask = apply(`${CORE}/b/configmaps/m`, map)
    assert.match((await plane.must(403, ask, ann)).message, /User "ann" cannot create resource "configmaps"/)
    await plane.must(201, post(`${CORE}/b/configmaps`, map))
    await plane.must(200, ask, ann)
  })
})

describe('The roles of every cluster', () => {
  it('come back with the next start as far as they were taken away, but for those that shall not', async () => {
    const patch = (path: string, body: object) => ({
      method: 'PATCH',
      path: `${RBAC}${path}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      body,
    })
    await plane.must(200, { method: 'DELETE', path: `${RBAC}/clusterroles/system:discovery` })
    await plane.must(403, { path: '/api' }, ann)
    const off = { metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } }, subjects: [] }
    await plane.must(200, patch('/clusterrolebindings/system:public-info-viewer', off))
    assert.equal((await plane.ask({ path: '/healthz' }, 'nobody')).code, 403)
    await plane.stop()
    await plane.start()
    await plane.must(200, { path: '/api' }, ann)
    assert.equal((await plane.ask({ path: '/healthz' }, 'nobody')).code, 403)
  })
})
