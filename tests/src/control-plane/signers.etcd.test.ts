/** What is written in the name of a signer: bundles of authorities, and certificates of pods. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { clustersCertificate, podCertificateSpec, strangersCertificate } from './certificates.ts'
import { type ControlPlane, type Credentials, startControlPlane } from './control-plane.ts'

const CERTIFICATES = '/apis/certificates.k8s.io/v1'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const SIGNER = 'example.com/signer'
const BUNDLES = `${CERTIFICATES}/clustertrustbundles`
const REQUESTS = `${CERTIFICATES}/namespaces/default/podcertificaterequests`

let plane: ControlPlane
let ann: Credentials
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
  ann = await clustersCertificate(plane, '/CN=ann')
  await give('writer', { verbs: ['*'], resources: ['clustertrustbundles', 'podcertificaterequests', 'podcertificaterequests/status'] })
})
after(() => plane?.[Symbol.asyncDispose]())

/** Gives ann rights in the group of certificates. */
async function give(name: string, rule: object): Promise<void> {
  const rules = [{ apiGroups: ['certificates.k8s.io'], ...rule }]
  await plane.must(201, { method: 'POST', path: `${RBAC}/clusterroles`, body: { metadata: { name }, rules } })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }]
  await plane.must(201, { method: 'POST', path: `${RBAC}/clusterrolebindings`, body: { metadata: { name }, roleRef, subjects } })
}

it('a bundle speaks for a signer only by who may attest for it', async () => {
  const { certificate: trustBundle } = await strangersCertificate('/CN=authority')
  const post = (name: string, spec: object) => ({
    method: 'POST',
    path: BUNDLES,
    body: { metadata: { name }, spec: { trustBundle, ...spec } },
  })
  await plane.must(201, post('anybodys', {}), ann)
  const signers = post('example.com:signer:one', { signerName: SIGNER })
  const { message } = await plane.must(403, signers, ann)
  assert.match(message, /is forbidden: user not permitted to attest for signerName "example\.com\/signer"$/)
  await plane.must(201, signers)
  const path = `${BUNDLES}/example.com:signer:one`
  const patch = (body: object) => ({ method: 'PATCH', path, body, headers: { 'content-type': 'application/merge-patch+json' } })
  const other = { spec: { trustBundle: (await strangersCertificate('/CN=other')).certificate } }
  await plane.must(403, patch(other), ann)
  await plane.must(200, patch({ metadata: { labels: { a: 'b' } } }), ann)
  await give('attester', { verbs: ['attest'], resources: ['signers'], resourceNames: ['example.com/*'] })
  await plane.must(200, patch(other), ann)
  const { json } = await plane.must(200, { path: `${BUNDLES}?fieldSelector=spec.signerName%3Dexample.com/signer` }, ann)
  assert.equal((json.items as object[]).length, 1)
})

it('a request of a pod must be signed by its key, and is decided on only by who may sign', async () => {
  const post = (name: string, spec: object) => ({ method: 'POST', path: REQUESTS, body: { metadata: { name }, spec } })
  const spec = await podCertificateSpec()
  const { message } = await plane.must(422, post('broken', { ...spec, stubPKCS10Request: 'AAAA' }))
  assert.match(message, /spec\.stubPKCS10Request: Invalid value: "AAAA": must be a valid PKCS#10 certificate request$/)
  const { json } = await plane.must(201, post('web', { ...spec, signerName: SIGNER }), ann)
  assert.equal((json.spec as { maxExpirationSeconds: number }).maxExpirationSeconds, 86_400)
  const denied = { type: 'Denied', status: 'True', reason: 'Test', message: '', lastTransitionTime: '2026-01-02T03:04:05Z' }
  const deny = {
    method: 'PATCH',
    path: `${REQUESTS}/web/status`,
    body: { status: { conditions: [denied] } },
    headers: { 'content-type': 'application/merge-patch+json' },
  }
  const refused = await plane.must(403, deny, ann)
  assert.match(refused.message, /user not permitted to sign requests with signerName "example\.com\/signer"$/)
  await give('signer', { verbs: ['sign'], resources: ['signers'], resourceNames: [SIGNER] })
  await plane.must(200, deny, ann)
})
