/** What the API server itself adds to kinds that say how the cluster works: requesters, approvals, defaults, first objects. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { certificateRequest } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { type Json, movesWith, mustJson as must, refusal } from './moves.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
})
after(() => plane[Symbol.asyncDispose]())

const { send, patch } = movesWith(() => plane)

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

describe('A new cluster', () => {
  it('has the flows and levels that nobody may change', async () => {
    const base = '/apis/flowcontrol.apiserver.k8s.io/v1'
    for (const name of ['exempt', 'catch-all']) {
      await must(send('GET', `${base}/flowschemas/${name}`), 200)
      await must(send('GET', `${base}/prioritylevelconfigurations/${name}`), 200)
    }
    assert.match(
      await refusal(patch(`${base}/flowschemas/catch-all`, { spec: { matchingPrecedence: 500 } })),
      /^422 .*spec of 'catch-all' must equal the fixed value$/,
    )
    const lent = await must(patch(`${base}/prioritylevelconfigurations/exempt`, { spec: { exempt: { lendablePercent: 50 } } }), 200)
    assert.equal((lent.metadata as { generation: number }).generation, 2)
  })

  it('says from which range Services get their addresses', async () => {
    const { spec, status } = (await must(send('GET', '/apis/networking.k8s.io/v1/servicecidrs/kubernetes'), 200)) as {
      spec: { cidrs: string[] }
      status: { conditions: { type: string; status: string }[] }
    }
    const service = (await must(send('GET', '/api/v1/namespaces/default/services/kubernetes'), 200)) as { spec: { clusterIP: string } }
    assert.equal(spec.cidrs.length, 1)
    assert.equal(spec.cidrs[0]?.split('.')[0], service.spec.clusterIP.split('.')[0])
    assert.deepEqual(
      status.conditions.map(({ type, status }) => [type, status]),
      [['Ready', 'True']],
    )
  })
})

describe('An Ingress', () => {
  const CLASSES = '/apis/networking.k8s.io/v1/ingressclasses'
  const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses'
  const ingress = (name: string, more: Json = {}, annotations: Json = {}) => ({
    metadata: { name, annotations },
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } }, ...more },
  })
  const classOf = async (body: Json) => ((await must(send('POST', INGRESSES, body), 201)).spec as Json).ingressClassName

  it('that names no class gets the default', async () => {
    assert.equal(await classOf(ingress('early')), undefined)
    const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' }
    await must(send('POST', CLASSES, { metadata: { name: 'usual', annotations }, spec: { controller: 'test.io/ingress' } }), 201)
    // The cache of this very process has what it wrote.
    assert.equal(await classOf(ingress('plain')), 'usual')
    assert.equal(await classOf(ingress('named', { ingressClassName: 'other' })), 'other')
    assert.equal(await classOf(ingress('old', {}, { 'kubernetes.io/ingress.class': 'nginx' })), undefined)
    assert.match(
      await refusal(send('POST', INGRESSES, ingress('two', { ingressClassName: 'a' }, { 'kubernetes.io/ingress.class': 'b' }))),
      /^422 .*must match `ingressClassName` when both are specified$/,
    )
    await must(send('DELETE', `${CLASSES}/usual`), 200)
  })

  it('keeps its status apart', async () => {
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } }
    const made = await must(send('POST', INGRESSES, { ...ingress('apart'), status }), 201)
    assert.deepEqual(made.status, { loadBalancer: {} })
    const patched = await must(patch(`${INGRESSES}/apart/status`, { status, spec: { defaultBackend: null } }), 200)
    assert.deepEqual([patched.status, patched.spec], [status, made.spec])
    assert.equal((patched.metadata as { generation: number }).generation, 1)
    assert.match(
      await refusal(patch(`${INGRESSES}/apart/status`, { status: { loadBalancer: { ingress: [{ ip: 'x' }] } } })),
      /^422 .*status\.loadBalancer\.ingress\[0\]\.ip: Invalid value: "x": must be a valid IP address/,
    )
  })
})

describe('An APIService', () => {
  it('of this server is available at once, another when somebody says so', async () => {
    const base = '/apis/apiregistration.k8s.io/v1/apiservices'
    const body = (group: string, more: Json = {}) => ({
      metadata: { name: `v1.${group}` },
      spec: { group, version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, ...more },
    })
    const local = (await must(send('POST', base, body('local.test.io')), 201)) as { status: { conditions: Json[] } }
    const [condition] = local.status.conditions
    assert.deepEqual([condition?.type, condition?.status, condition?.reason], ['Available', 'True', 'Local'])
    const remote = await must(send('POST', base, body('remote.test.io', { service: { namespace: 'default', name: 'web' } })), 201)
    assert.deepEqual(remote.status, {})
  })
})
