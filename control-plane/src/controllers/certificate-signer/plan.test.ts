import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { type CertificateSigningRequest, type CertificateSigningRequestSpec, formatTime } from '@davit/api'
import { createAuthority, generateKeys, SIGNING_ALGORITHM, x509 } from '@davit/api/pki'
import { CLIENT_SIGNER, planRequest } from './plan.ts'

const NOW = Date.parse('2026-01-02T00:00:00Z')
const HOUR_MS = 3_600_000
const ago = (ms: number) => formatTime(NOW - ms)
const encode = (text: string) => Buffer.from(text).toString('base64')

const requests = new Map<string, string>()
async function pem(name: x509.JsonName): Promise<string> {
  const key = JSON.stringify(name)
  const known = requests.get(key)
  if (known) return known
  const keys = await generateKeys()
  const made = (await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: SIGNING_ALGORITHM })).toString('pem')
  requests.set(key, made)
  return made
}

const condition = (type: string, ms = 0) => ({
  type,
  status: 'True' as const,
  reason: 'x',
  lastUpdateTime: ago(ms),
  lastTransitionTime: ago(ms),
})
const APPROVED = { conditions: [condition('Approved')] }

async function request(
  name: x509.JsonName,
  spec: Partial<CertificateSigningRequestSpec> = {},
  status: CertificateSigningRequest['status'] = APPROVED,
): Promise<CertificateSigningRequest> {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'r', creationTimestamp: ago(0) },
    spec: { request: encode(await pem(name)), signerName: CLIENT_SIGNER, usages: ['client auth'], ...spec },
    status,
  }
}

const ANN = [{ CN: ['ann'] }, { O: ['dev'] }]

describe('planRequest()', () => {
  it('signs what was approved, for its subject alone and for as long as asked, a year at most', async () => {
    const verdict = planRequest(await request(ANN, { expirationSeconds: 600, usages: ['client auth', 'digital signature'] }), NOW)
    assert.ok(verdict.kind === 'sign')
    assert.deepEqual([verdict.commonName, verdict.organizations, verdict.lifetimeMs], ['ann', ['dev'], 600_000])
    for (const spec of [{}, { expirationSeconds: 2 ** 31 - 1 }]) {
      const long = planRequest(await request(ANN, spec), NOW)
      assert.equal(long.kind === 'sign' && long.lifetimeMs, 365 * 24 * HOUR_MS)
    }
  })

  it('leaves what nobody approved, what was refused, what is done, and what others sign', async () => {
    const left = [
      await request(ANN, {}, {}),
      await request(ANN, {}, { conditions: [condition('Denied')] }),
      await request(ANN, {}, { conditions: [condition('Approved'), condition('Failed')] }),
      await request(ANN, { signerName: 'example.com/mine' }),
      await request(ANN, { signerName: 'kubernetes.io/kube-apiserver-client2' }),
    ]
    for (const each of left) assert.deepEqual(planRequest(each, NOW), { kind: 'leave' })
  })

  const refused: [what: string, name: x509.JsonName, spec: Partial<CertificateSigningRequestSpec>, message: RegExp][] = [
    ['masters', [{ CN: ['ann'] }, { O: ['dev'] }, { O: ['system:masters'] }], {}, /system:masters group is not allowed/],
    ['masters, in one part with others', [{ CN: ['ann'], O: ['dev', 'system:masters'] }], {}, /system:masters group is not allowed/],
    ['the controllers', [{ CN: ['ann'] }, { O: ['system:davit:controllers'] }], {}, /system:davit:controllers group is not allowed/],
    ['nodes', [{ CN: ['ann'] }, { O: ['system:nodes'] }], {}, /system:nodes group is not allowed/],
    ['a node', [{ CN: ['system:node:n1'] }], {}, /"system:node:n1" is not allowed/],
    ['an API server', [{ CN: ['davit-apiserver'] }], {}, /"davit-apiserver" is not allowed/],
    ['two names', [{ CN: ['ann'] }, { CN: ['bob'] }], {}, /one common name/],
    ['no name', [{ O: ['dev'] }], {}, /one common name/],
    ['a name with a line in it', [{ CN: ['ann\nO=system:masters'] }], {}, /plain text/],
    ['a name with an end in it', [{ CN: ['ann'] }, { O: ['system:masters\0x'] }], {}, /plain text/],
    ['a group with a space behind', [{ CN: ['ann'] }, { O: ['system:masters '] }], {}, /plain text/],
    ['a server', ANN, { usages: ['client auth', 'server auth'] }, /^invalid usage for client certificate: server auth$/],
    ['nothing', ANN, { usages: ['digital signature'] }, /^missing required usage for client certificate: client auth$/],
    ['a CA', ANN, { usages: ['client auth', 'cert sign'] }, /^invalid usage for client certificate: cert sign$/],
    ['no request', ANN, { request: encode('x') }, /unable to parse csr/],
    [
      'a kubelet',
      [{ CN: ['system:node:n1'] }, { O: ['system:nodes'] }],
      { signerName: 'kubernetes.io/kube-apiserver-client-kubelet' },
      /joining/,
    ],
    ['a kubelet that serves', ANN, { signerName: 'kubernetes.io/kubelet-serving' }, /joining/],
  ]
  for (const [what, name, spec, message] of refused) {
    it(`fails a request for ${what}, though it was approved`, async () => {
      const verdict = planRequest(await request(name, spec), NOW)
      assert.equal(verdict.kind, 'fail')
      assert.match(verdict.kind === 'fail' ? verdict.message : '', message)
    })
  }

  let ended = ''
  before(async () => {
    ended = encode((await createAuthority('x', { now: NOW - 48 * HOUR_MS, days: 1 })).certificate)
  })

  it('clears away what is old', async () => {
    const lives = encode((await createAuthority('x', { now: NOW, days: 1 })).certificate)
    const at = async (status: CertificateSigningRequest['status'], madeMs = 0) => {
      const each = await request(ANN, { signerName: 'example.com/mine' }, status)
      each.metadata.creationTimestamp = ago(madeMs)
      return planRequest(each, NOW).kind
    }
    const old = HOUR_MS + 1000
    assert.equal(await at({}, 23 * HOUR_MS), 'leave')
    assert.equal(await at({}, 24 * HOUR_MS + 1000), 'delete')
    for (const type of ['Denied', 'Failed']) {
      assert.equal(await at({ conditions: [condition(type, 1000)] }), 'leave')
      assert.equal(await at({ conditions: [condition(type, old)] }), 'delete')
    }
    assert.equal(await at({ conditions: [condition('Approved', old)] }, 48 * HOUR_MS), 'leave')
    assert.equal(await at({ conditions: [condition('Approved', 1000)], certificate: lives }), 'leave')
    assert.equal(await at({ conditions: [condition('Approved', old)], certificate: lives }), 'delete')
    assert.equal(await at({ conditions: [condition('Approved', 1000)], certificate: ended }), 'delete')
  })
})
