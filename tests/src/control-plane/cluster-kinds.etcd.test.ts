/** What the API server itself adds to kinds that say how the cluster works: requesters, approvals, defaults, first objects. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { certificateRequest } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import type { Answer } from './send.ts'

type Json = Record<string, unknown>
let plane: ControlPlane
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
})
after(() => plane[Symbol.asyncDispose]())

async function must(answer: Promise<Answer>, code: number): Promise<Json> {
  const { code: found, text, json } = await answer
  assert.equal(found, code, text)
  return json
}
const send = (method: string, path: string, body?: Json) => plane.ask({ method, path, ...(body && { body }) })
const patch = (path: string, body: Json) =>
  plane.ask({ method: 'PATCH', path, body, headers: { 'content-type': 'application/merge-patch+json' } })
const refusal = async (answer: Promise<Answer>) => {
  const { code, message } = await answer
  return `${code} ${message}`
}

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const encode = (text: string) => Buffer.from(text).toString('base64')
async function csr(name: string, more: Json = {}, subject = '/CN=ann'): Promise<Json> {
  const { request } = await certificateRequest(subject)
  return { metadata: { name }, spec: { request: encode(request), signerName: 'example.com/signer', usages: ['client auth'], ...more } }
}
const decided = (type: string, more: Json = {}) => ({ type, status: 'True', reason: 'Test', message: 'tested', ...more })

describe('A CertificateSigningRequest', () => {
  it('says who asks, whatever the request says', async () => {
    const body = await csr('asker', { username: 'somebody', groups: ['system:masters'], uid: 'u', extra: { a: ['b'] } })
    const made = (await must(send('POST', REQUESTS, { ...body, status: { conditions: [decided('Approved')] } }), 201)) as {
      spec: Json
      status: Json
    }
    const { username, groups, uid, extra } = made.spec
    const { username: me, groups: mine } = (
      (await must(
        send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'SelfSubjectReview',
        }),
        201,
      )) as { status: { userInfo: Json } }
    ).status.userInfo
    assert.deepEqual([username, groups, uid], [me, mine, undefined])
    assert.notDeepEqual(extra, { a: ['b'] })
    assert.deepEqual(made.status, {})
  })

  it('is signed by its own key', async () => {
    const { spec } = (await csr('broken')) as { spec: { request: string } }
    const der = Buffer.from(
      Buffer.from(spec.request, 'base64')
        .toString()
        .replace(/-----[^-]+-----|\n/g, ''),
      'base64',
    )
    const last = der.length - 1
    der[last] = (der[last] ?? 0) ^ 1
    const pem = (bytes: Buffer) =>
      encode(`-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`)
    const post = async (request: string) => send('POST', REQUESTS, await csr('broken', { request }))
    assert.match(await refusal(post(pem(der))), /^422 .*spec\.request: Invalid value: .*x509: signature verification failure$/)
    assert.match(await refusal(post(pem(Buffer.from('nothing')))), /^422 .*asn1: structure error/)
    assert.match(await refusal(post(encode('nothing'))), /^422 .*PEM block type must be CERTIFICATE REQUEST$/)
  })

  it('gives nobody the rights of the masters', async () => {
    const body = await csr('master', { signerName: 'kubernetes.io/kube-apiserver-client' }, '/O=system:masters/CN=ann')
    assert.match(
      await refusal(send('POST', REQUESTS, body)),
      /^403 .*use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
    )
  })

  it('is approved through approval, signed through status, and else stays', async () => {
    const made = await must(send('POST', REQUESTS, await csr('flow')), 201)
    const path = `${REQUESTS}/flow`
    const kept = await must(patch(path, { spec: { usages: ['any'], username: 'x' }, status: { conditions: [decided('Approved')] } }), 200)
    assert.deepEqual([kept.spec, kept.status], [made.spec, {}])
    const approved = (await must(
      patch(`${path}/approval`, { spec: { usages: ['any'] }, status: { conditions: [decided('Approved')] } }),
      200,
    )) as {
      spec: Json
      status: { conditions: { lastUpdateTime?: string; lastTransitionTime?: string }[] }
    }
    assert.deepEqual(approved.spec, made.spec)
    const [condition] = approved.status.conditions
    assert.match(condition?.lastUpdateTime ?? '', /^\d{4}-/)
    assert.match(condition?.lastTransitionTime ?? '', /^\d{4}-/)
    assert.deepEqual((await must(send('GET', `${path}/approval`), 200)).status, approved.status)
    assert.match(
      await refusal(patch(`${path}/approval`, { status: { conditions: [decided('Denied')] } })),
      /^422 .*status\.conditions: Forbidden: updates may not remove a condition of type "Approved"/,
    )
    assert.match(
      await refusal(patch(`${path}/status`, { status: { conditions: [] } })),
      /^422 .*updates may not remove a condition of type "Approved"/,
    )
    const certificate = encode(plane.credentials.certificate)
    // What approval says of the certificate is not heard.
    const same = (await must(patch(`${path}/approval`, { status: { certificate } }), 200)) as { status: Json }
    assert.equal(same.status.certificate, undefined)
    const issued = (await must(patch(`${path}/status`, { status: { certificate } }), 200)) as { status: Json }
    assert.deepEqual(issued.status, { ...approved.status, certificate })
    assert.match(
      await refusal(patch(`${path}/status`, { status: { certificate: encode(`${plane.credentials.certificate}\n`) } })),
      /^422 .*updates may not modify existing certificate content/,
    )
    const { items } = (await must(
      send('GET', `${REQUESTS}?fieldSelector=spec.signerName%3Dexample.com/signer,metadata.name%3Dflow`),
      200,
    )) as {
      items: Json[]
    }
    assert.equal(items.length, 1)
  })

  it('has its subresources where clients look for them', async () => {
    const { resources } = (await must(send('GET', '/apis/certificates.k8s.io/v1'), 200)) as {
      resources: { name: string; verbs: string[] }[]
    }
    for (const name of ['certificatesigningrequests/approval', 'certificatesigningrequests/status']) {
      assert.deepEqual(resources.find(resource => resource.name === name)?.verbs, ['get', 'patch', 'update'])
    }
    const named = await must(send('POST', REQUESTS, await csr('node-csr:abc')), 201)
    assert.equal((named.metadata as { name: string }).name, 'node-csr:abc')
  })
})
