/** From a key to an account with rights: requests for certificates with an unmodified kubectl, and tokens of kubeadm's form. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'
import { certificateRequest, clustersCertificate } from './certificates.ts'
import { type ControlPlane, type Credentials, startControlPlane } from './control-plane.ts'
import type { Ask } from './send.ts'
import { until } from './until.ts'

const binary = await kubectlBinary(33).catch(() => undefined)
const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const CLIENT = 'kubernetes.io/kube-apiserver-client'

let plane: ControlPlane
let ann: Credentials
before(async () => {
  plane = await startControlPlane()
  ann = await clustersCertificate(plane, '/CN=ann')
  const resources = ['', '/approval', '/status'].map(part => `certificatesigningrequests${part}`)
  const rules = [{ verbs: ['*'], apiGroups: ['certificates.k8s.io'], resources }]
  await plane.must(201, { method: 'POST', path: `${RBAC}/clusterroles`, body: { ...rbac('ClusterRole', 'requests'), rules } })
  await plane.must(201, { method: 'POST', path: `${RBAC}/clusterrolebindings`, body: binding('requests', 'requests', 'ann') })
})
after(() => plane?.[Symbol.asyncDispose]())

const rbac = (kind: string, name: string) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name } })
const binding = (name: string, role: string, user: string, kind = 'User') => ({
  ...rbac('ClusterRoleBinding', name),
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind, name: user }],
})

async function kubectl(...args: string[]): Promise<string> {
  return (await command(binary ?? '', ['--kubeconfig', plane.kubeconfig, ...args])).stdout
}

const manifest = (name: string, request: string, spec: object = {}) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: Buffer.from(request).toString('base64'), signerName: CLIENT, usages: ['client auth'], expirationSeconds: 3600, ...spec },
})

interface Status {
  certificate?: string
  conditions?: { type: string; reason: string; message: string }[]
}

/** The status once `done` says so. */
async function settled(name: string, done: (status: Status) => boolean): Promise<Status> {
  let status: Status = {}
  await until(`${name} to be settled`, async () => {
    status = ((await plane.must(200, { path: `${REQUESTS}/${name}` })).json.status ?? {}) as Status
    return done(status)
  })
  return status
}

async function ask(name: string, subject: string, spec: object = {}, as?: Credentials): Promise<string> {
  const { key, request } = await certificateRequest(subject)
  await plane.must(201, { method: 'POST', path: REQUESTS, body: manifest(name, request, spec) }, as)
  return key
}

const decision = (name: string, type: 'Approved' | 'Denied'): Ask => ({
  method: 'PATCH',
  path: `${REQUESTS}/${name}/approval`,
  headers: { 'content-type': 'application/merge-patch+json' },
  body: { status: { conditions: [{ type, status: 'True', reason: 'Test' }] } },
})

describe('A certificate request', () => {
  it('that kubectl approves becomes an account, with the rights roles give it', { skip: binary === undefined }, async () => {
    const key = await ask('kim', '/O=dev/CN=kim', {}, ann)
    assert.match(await kubectl('get', 'csr', 'kim'), /kim +\d+s +kubernetes\.io\/kube-apiserver-client +ann +60m +Pending/)
    assert.equal(await kubectl('certificate', 'approve', 'kim'), 'certificatesigningrequest.certificates.k8s.io/kim approved\n')
    const { certificate = '' } = await settled('kim', status => status.certificate !== undefined)
    assert.match(await kubectl('get', 'csr', 'kim'), /Approved,Issued/)
    const kim = { key, certificate: Buffer.from(certificate, 'base64').toString() }
    const pods = { path: '/api/v1/namespaces/default/pods' }
    const { message } = await plane.must(403, pods, kim)
    assert.match(message, /User "kim" cannot list resource "pods"/)
    await plane.must(201, { method: 'POST', path: `${RBAC}/clusterrolebindings`, body: binding('dev', 'view', 'dev', 'Group') })
    await plane.must(200, pods, kim)
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const { json } = await plane.must(201, { method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body: review }, kim)
    assert.deepEqual(json.status, { userInfo: { username: 'kim', groups: ['dev', 'system:authenticated'] } })
  })

  it('that kubectl denies is never signed', { skip: binary === undefined }, async () => {
    await ask('den', '/CN=den')
    assert.equal(await kubectl('certificate', 'deny', 'den'), 'certificatesigningrequest.certificates.k8s.io/den denied\n')
    assert.match(await kubectl('get', 'csr', 'den'), /Denied/)
    assert.equal((await plane.ask(decision('den', 'Approved'))).code, 422)
  })

  it('is decided on only by those who may for its signer, whatever else they may write', async () => {
    await ask('self', '/CN=eve', {}, ann)
    const refused = `certificatesigningrequests.certificates.k8s.io "self" is forbidden: user not permitted to`
    for (const type of ['Approved', 'Denied'] as const)
      assert.equal((await plane.must(403, decision('self', type), ann)).message, `${refused} approve requests with signerName "${CLIENT}"`)
    const applied = {
      method: 'PATCH',
      path: `${REQUESTS}/self/approval?fieldManager=test&force=true`,
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'self' },
        status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test' }] },
      },
    }
    assert.equal((await plane.must(403, applied, ann)).message, `${refused} approve requests with signerName "${CLIENT}"`)
    // The signer's part: a certificate of whose making ever.
    const { certificate } = await clustersCertificate(plane, '/CN=x')
    const signed = {
      ...decision('self', 'Approved'),
      path: `${REQUESTS}/self/status`,
      body: { status: { certificate: btoa(certificate) } },
    }
    assert.equal((await plane.must(403, signed, ann)).message, `${refused} sign requests with signerName "${CLIENT}"`)
    // Another signer, by which one may, is not to be had for the same request.
    const body = { spec: { signerName: 'example.com/mine' }, status: { conditions: [{ type: 'Approved', status: 'True', reason: 'x' }] } }
    assert.ok([403, 422].includes((await plane.ask({ ...decision('self', 'Approved'), body }, ann)).code))
    await plane.ask({ ...decision('self', 'Approved'), path: `${REQUESTS}/self`, body }, ann)
    const { json } = await plane.must(200, { path: `${REQUESTS}/self` })
    assert.equal((json.spec as { signerName: string }).signerName, CLIENT)
    assert.deepEqual(json.status, {})
    const rules = [{ verbs: ['approve'], apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['kubernetes.io/*'] }]
    await plane.must(201, { method: 'POST', path: `${RBAC}/clusterroles`, body: { ...rbac('ClusterRole', 'approver'), rules } })
    await plane.must(201, { method: 'POST', path: `${RBAC}/clusterrolebindings`, body: binding('approver', 'approver', 'ann') })
    await plane.must(200, decision('self', 'Approved'), ann)
    await plane.must(403, signed, ann)
    await settled('self', status => status.certificate !== undefined)
  })

  it('for what only the cluster itself may be fails, though it was approved', async () => {
    const { request } = await certificateRequest('/O=system:masters/CN=x')
    await plane.must(403, { method: 'POST', path: REQUESTS, body: manifest('m', request) })
    const subjects = [
      '/O=system:davit:controllers/CN=x',
      '/O=system:nodes/CN=system:node:n',
      '/CN=davit-apiserver',
      '/O=a,O=system:masters/CN=x',
    ]
    for (const [i, subject] of subjects.entries()) {
      await ask(`bad-${i}`, subject)
      await plane.must(200, decision(`bad-${i}`, 'Approved'))
    }
    await ask('bad-kubelet', '/O=system:nodes/CN=system:node:n', { signerName: 'kubernetes.io/kube-apiserver-client-kubelet' })
    await plane.must(200, decision('bad-kubelet', 'Approved'))
    for (const name of ['bad-0', 'bad-1', 'bad-2', 'bad-kubelet']) {
      const { certificate, conditions = [] } = await settled(name, status => (status.conditions?.length ?? 0) > 1)
      assert.equal(certificate, undefined)
      assert.deepEqual([conditions[1]?.type, conditions[1]?.reason], ['Failed', 'SignerValidationFailure'])
    }
    // What only looks like two groups is the one it says.
    const { certificate = '' } = await settled('bad-3', status => status.certificate !== undefined)
    assert.match(Buffer.from(certificate, 'base64').toString(), /BEGIN CERTIFICATE/)
  })
})

describe('The certificates API', () => {
  it('has every verb for requests, their approval and their status', async () => {
    const { json } = await plane.must(200, { path: '/apis/certificates.k8s.io/v1' })
    const found = (json.resources as { name: string; verbs: string[] }[]).filter(({ name }) =>
      name.startsWith('certificatesigningrequests'),
    )
    assert.deepEqual(
      found.map(({ name, verbs }) => [name, [...verbs].sort().join(' ')]),
      [
        ['certificatesigningrequests', 'create delete deletecollection get list patch update watch'],
        ['certificatesigningrequests/approval', 'get patch update'],
        ['certificatesigningrequests/status', 'get patch update'],
      ],
    )
    const signerName = 'example.com/mine'
    const { request } = await certificateRequest('/CN=x')
    const labelled = (name: string) => ({ ...manifest(name, request, { signerName }), metadata: { name, labels: { set: 'verbs' } } })
    for (const name of ['v1', 'v2']) await plane.must(201, { method: 'POST', path: REQUESTS, body: labelled(name) })
    const patch = (path: string, body: object) => ({ ...decision('v1', 'Approved'), path, body })
    await plane.must(200, patch(`${REQUESTS}/v1`, { metadata: { annotations: { a: 'b' } } }))
    const { json: current } = await plane.must(200, { path: `${REQUESTS}/v1` })
    await plane.must(200, {
      method: 'PUT',
      path: `${REQUESTS}/v1`,
      body: { ...current, metadata: { ...(current.metadata as object), labels: { set: 'verbs', more: 'yes' } } },
    })
    await plane.must(200, { path: `${REQUESTS}/v1/approval` })
    await plane.must(200, decision('v1', 'Approved'))
    const { json: approved } = await plane.must(200, { path: `${REQUESTS}/v1/approval` })
    await plane.must(200, { method: 'PUT', path: `${REQUESTS}/v1/approval`, body: approved })
    const conditions = [...((approved.status as Status).conditions ?? []), { type: 'Mine', status: 'True', reason: 'x', message: 'x' }]
    await plane.must(200, patch(`${REQUESTS}/v1/status`, { status: { conditions } }))
    const { json: last } = await plane.must(200, { path: `${REQUESTS}/v1/status` })
    assert.deepEqual(
      (last.status as Status).conditions?.map(({ type }) => type),
      ['Approved', 'Mine'],
    )
    await plane.must(200, { method: 'PUT', path: `${REQUESTS}/v1/status`, body: last })
    const watched = await plane.must(200, { path: `${REQUESTS}?watch=1&timeoutSeconds=1&labelSelector=set%3Dverbs` })
    assert.equal(watched.text.trim().split('\n').length, 2)
    await plane.must(200, { method: 'DELETE', path: `${REQUESTS}/v2` })
    await plane.must(200, { method: 'DELETE', path: `${REQUESTS}?labelSelector=set%3Dverbs` })
    await plane.must(404, { path: `${REQUESTS}/v1` })
  })
})

describe('A bootstrap token', () => {
  const secrets = '/api/v1/namespaces/kube-system/secrets'
  const token = (id: string, fields: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...fields },
  })
  const headers = { authorization: 'Bearer abcdef.0123456789abcdef' }
  const whoami = (more: object = {}) => ({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    headers: { ...headers, ...more },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  })

  it('makes a user that may do what its groups may, and nothing when its Secret goes', async () => {
    assert.equal((await plane.ask(whoami(), 'nobody')).code, 401)
    await plane.must(201, { method: 'POST', path: secrets, body: token('abcdef', { 'auth-extra-groups': 'system:bootstrappers:mine' }) })
    const { json } = await plane.ask(whoami(), 'nobody')
    const groups = ['system:bootstrappers', 'system:bootstrappers:mine', 'system:authenticated']
    assert.deepEqual(json.status, { userInfo: { username: 'system:bootstrap:abcdef', groups } })
    for (const path of ['/api/v1/nodes', secrets, REQUESTS, '/davit/v1/cluster'])
      assert.equal((await plane.ask({ path, headers }, 'nobody')).code, 403, path)
    await plane.must(201, {
      method: 'POST',
      path: `${RBAC}/clusterrolebindings`,
      body: binding('bootstrap', 'system:node-bootstrapper', 'system:bootstrappers:mine', 'Group'),
    })
    assert.equal((await plane.ask({ path: REQUESTS, headers }, 'nobody')).code, 200)
    await plane.must(200, { method: 'DELETE', path: `${secrets}/bootstrap-token-abcdef` })
    assert.equal((await plane.ask({ path: REQUESTS, headers }, 'nobody')).code, 401)
  })

  it('goes a day after it expired: until then a machine that comes too late hears why it may not join', async () => {
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()
    await plane.must(201, { method: 'POST', path: secrets, body: token('aaaaaa', { expiration: hoursAgo(25) }) })
    await plane.must(201, { method: 'POST', path: secrets, body: token('bbbbbb', { expiration: hoursAgo(23) }) })
    await until('the token to go', async () => (await plane.ask({ path: `${secrets}/bootstrap-token-aaaaaa` })).code === 404)
    await plane.must(200, { path: `${secrets}/bootstrap-token-bbbbbb` })
  })
})

describe('A role that is made of others', () => {
  it('has the rules of what is labelled for it, as long as it is', async () => {
    const rules = [{ verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] }]
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }
    const role = { ...rbac('ClusterRole', 'widgets'), rules }
    await plane.must(201, { method: 'POST', path: `${RBAC}/clusterroles`, body: { ...role, metadata: { name: 'widgets', labels } } })
    const has = async (name: string) =>
      JSON.stringify((await plane.must(200, { path: `${RBAC}/clusterroles/${name}` })).json.rules).includes('widgets')
    await until('the rules to come', async () => (await has('view')) && (await has('edit')) && (await has('admin')))
    await plane.must(200, { method: 'DELETE', path: `${RBAC}/clusterroles/widgets` })
    await until('the rules to go', async () => !(await has('view')) && !(await has('admin')))
  })
})
