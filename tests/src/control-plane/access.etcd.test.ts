/** Who may do what, from the TLS handshake on: nobody, strangers, nodes, and machines that want to become nodes. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Agent } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { PATHS as API_PATHS, KINDS, resourcePath } from '@davit/api'
import { certificateRequest, clustersCertificate, strangersCertificate } from './certificates.ts'
import { type ControlPlane, type Credentials, startControlPlane } from './control-plane.ts'
import { PATHS } from './manifests.ts'
import { type Answer, must, send } from './send.ts'

const SECRETS = '/api/v1/namespaces/default/secrets'
let plane: ControlPlane
before(async () => {
  // Controllers would clear away pods of nodes that are only names.
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
})
after(() => plane[Symbol.asyncDispose]())

describe('Who comes without a certificate', () => {
  for (const path of ['/version', '/healthz', '/livez', '/readyz', '/readyz/etcd']) {
    it(`is told ${path}`, async () => {
      await must(plane.ask({ path }, 'nobody'), 200)
    })
  }

  const closed = [
    '/',
    '/api',
    '/apis',
    '/api/v1',
    '/openapi/v2',
    '/openapi/v3',
    '/metrics',
    '/nope',
    API_PATHS.cluster,
    API_PATHS.drain,
    API_PATHS.images,
  ]
  for (const path of [...closed, ...KINDS.map(kind => resourcePath(kind, {})), `${PATHS.pods}/x/exec`, `${PATHS.pods}/x/log`]) {
    it(`gets nothing of ${path}`, async () => {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await plane.ask({ method, path, ...(method !== 'GET' && { body: {} }) }, 'nobody')
        assert.equal(answer.code, 403, `${method}: ${answer.text}`)
        assert.match(answer.message, /User "system:anonymous" cannot /)
      }
    })
  }

  it('cannot act as anybody', async () => {
    const headers = { 'impersonate-user': 'kubernetes-admin', 'impersonate-group': 'system:masters' }
    await must(plane.ask({ path: PATHS.pods, headers }, 'nobody'), 403)
  })

  it('cannot guess tokens', async () => {
    await must(plane.ask({ path: '/version', headers: { authorization: 'Bearer abcdef.0123456789abcdef' } }, 'nobody'), 401)
  })
})

describe('A client certificate', () => {
  const ADMIN = '/O=system:masters/CN=kubernetes-admin'

  it('of another CA is refused with 401, also when its TLS session goes on', async () => {
    const stranger = await strangersCertificate(ADMIN)
    const agent = new Agent({ keepAlive: false, ca: plane.certificateAuthority, cert: stranger.certificate, key: stranger.key })
    for (let i = 0; i < 3; i++) {
      const answer = await send({ port: plane.port, agent }, { path: PATHS.pods })
      assert.equal(answer.code, 401)
      assert.equal(answer.message, 'Unauthorized')
    }
    assert.equal((await send({ port: plane.port, agent }, { path: '/version' })).code, 401)
  })

  it('that ended is refused with 401', async () => {
    const ended = await clustersCertificate(plane, ADMIN, 0)
    const deadline = performance.now() + 5000
    // It ends within the second in which it was made; each try is a connection of its own.
    while ((await plane.ask({ path: PATHS.pods }, { ...ended })).code !== 401) assert.ok(performance.now() < deadline)
  })

  it('of our CA for somebody without rights opens what every member may see', async () => {
    const bob = await clustersCertificate(plane, '/CN=bob')
    await must(plane.ask({ path: '/api' }, bob), 200)
    await must(plane.ask({ path: '/openapi/v3' }, bob), 200)
    const answer = await must(plane.ask({ path: PATHS.pods }, bob), 403)
    assert.equal(answer.message, 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"')
    await must(plane.ask({ path: PATHS.pods, headers: { 'impersonate-user': 'kubernetes-admin' } }, bob), 403)
    await must(plane.ask({ path: '/metrics' }, bob), 403)
  })

  it('of system:masters opens all', async () => {
    await must(plane.ask({ path: PATHS.pods }), 200)
  })
})

/** A join token as `davit` makes them. */
async function makeToken(fields: Record<string, string> = {}): Promise<string> {
  const id = randomBytes(3).toString('hex')
  const secret = randomBytes(8).toString('hex')
  const stringData = {
    'token-id': id,
    'token-secret': secret,
    expiration: new Date(Date.now() + 3_600_000).toISOString(),
    'usage-bootstrap-authentication': 'true',
    'uses-left': '1',
    ...fields,
  }
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    stringData,
  }
  await must(plane.ask({ method: 'POST', path: '/api/v1/namespaces/kube-system/secrets', body }), 201)
  return `${id}.${secret}`
}

/** Wrong tokens count for the address they come from, so a test may need one of its own. */
let address = '127.0.0.2'

async function join(nodeName: string, token: string | undefined, certificateRequestPem: string): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const body = { nodeName, certificateRequest: certificateRequestPem }
  const agent = new Agent({ ca: plane.certificateAuthority, localAddress: address })
  return send({ port: plane.port, agent }, { method: 'POST', path: API_PATHS.join, headers, body })
}

async function joined(nodeName: string): Promise<Credentials> {
  const { key, request } = await certificateRequest('/O=system:masters/CN=kubernetes-admin')
  const { json } = await must(join(nodeName, await makeToken(), request), 200)
  return { key, certificate: String(json.certificate) }
}

describe('A node', () => {
  let nodeA: Credentials
  let nodeB: Credentials
  before(async () => {
    nodeA = await joined('node-a')
    nodeB = await joined('node-b')
    for (const node of ['a', 'b']) {
      await must(
        plane.ask({ method: 'POST', path: SECRETS, body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: `secret-${node}` } } }),
        201,
      )
      const env = [{ name: 'KEY', valueFrom: { secretKeyRef: { name: `secret-${node}`, key: 'key' } } }]
      const spec = { nodeName: `node-${node}`, containers: [{ name: 'main', image: 'x', env }] }
      await must(
        plane.ask({ method: 'POST', path: PATHS.pods, body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${node}` }, spec } }),
        201,
      )
    }
  })

  it('gets a certificate for its own name, whatever it asked for', async () => {
    const answer = await must(plane.ask({ path: PATHS.deployments }, nodeA), 403)
    assert.match(answer.message, /User "system:node:node-a" cannot list/)
  })

  it('makes its own Node, and no other', async () => {
    const node = (name: string) => ({ method: 'POST', path: '/api/v1/nodes', body: { apiVersion: 'v1', kind: 'Node', metadata: { name } } })
    await must(plane.ask(node('node-a'), nodeA), 201)
    const answer = await must(plane.ask(node('node-c'), nodeA), 403)
    assert.match(answer.message, /node "node-a" can only create a node with its own name/)
    await must(plane.ask(node('node-b'), nodeB), 201)
    const patch = {
      path: '/api/v1/nodes/node-b',
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { unschedulable: true } },
    }
    await must(plane.ask(patch, nodeA), 403)
    await must(plane.ask({ method: 'DELETE', path: '/api/v1/nodes/node-b' }, nodeA), 403)
  })

  it('reads the Secrets its pods name, and no others', async () => {
    await must(plane.ask({ path: `${SECRETS}/secret-a` }, nodeA), 200)
    const answer = await must(plane.ask({ path: `${SECRETS}/secret-b` }, nodeA), 403)
    assert.match(answer.message, /no relationship found between node "node-a" and this object/)
    const ways = [
      SECRETS,
      '/api/v1/secrets',
      `${SECRETS}?fieldSelector=metadata.name%3Dsecret-b`,
      `${SECRETS}?fieldSelector=metadata.name!%3Dx`,
      `${SECRETS}?watch=1&timeoutSeconds=1`,
    ]
    for (const path of [
      ...ways,
      '/api/v1/namespaces/kube-system/secrets',
      `/api/v1/watch/namespaces/default/secrets/secret-b?timeoutSeconds=1`,
    ])
      await must(plane.ask({ path }, nodeA), 403)
    // Both names at once select nothing.
    const both = await must(plane.ask({ path: `${SECRETS}?fieldSelector=metadata.name%3Dsecret-a,metadata.name%3Dsecret-b` }, nodeA), 200)
    assert.deepEqual(both.json.items, [])
  })

  it('reads and reports its own pods, and no others', async () => {
    const status = (name: string) => ({
      method: 'PUT',
      path: `${PATHS.pods}/${name}/status`,
      body: { metadata: { name }, status: { phase: 'Running' } },
    })
    await must(plane.ask(status('pod-a'), nodeA), 200)
    await must(plane.ask(status('pod-b'), nodeA), 403)
    await must(plane.ask({ path: `${PATHS.pods}/pod-b` }, nodeA), 403)
    await must(plane.ask({ path: '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-a' }, nodeA), 200)
    await must(plane.ask({ path: '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-b' }, nodeA), 403)
    await must(plane.ask({ path: '/api/v1/pods' }, nodeA), 403)
    await must(plane.ask({ method: 'DELETE', path: PATHS.pods }, nodeA), 403)
  })

  it('cannot draw pods, and so their Secrets, to itself', async () => {
    const spec = { nodeName: 'node-a', containers: [{ name: 'main', image: 'x' }] }
    await must(
      plane.ask({ method: 'POST', path: PATHS.pods, body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'mine' }, spec } }, nodeA),
      403,
    )
    await must(plane.ask({ method: 'POST', path: `${PATHS.pods}/pod-b/binding`, body: { target: { name: 'node-a' } } }, nodeA), 403)
  })

  it('keeps its own Lease, and no other', async () => {
    const lease = (name: string, namespace = 'kube-node-lease') => ({
      method: 'POST',
      path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
      body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } },
    })
    await must(plane.ask(lease('node-a'), nodeA), 201)
    await must(plane.ask(lease('node-b'), nodeA), 403)
    await must(plane.ask(lease('davit-controllers', 'kube-system'), nodeA), 403)
  })

  it("renews its certificate, and nobody else's", async () => {
    const { request } = await certificateRequest()
    const renew = (nodeName: string) =>
      plane.ask({ method: 'POST', path: API_PATHS.join, body: { nodeName, certificateRequest: request } }, nodeA)
    await must(renew('node-a'), 200)
    await must(renew('node-b'), 403)
  })
})

describe('Joining', () => {
  let request = ''
  before(async () => {
    request = (await certificateRequest()).request
  })

  it('with a broken request is refused, and the token stays good', async () => {
    const token = await makeToken()
    for (const broken of ['nonsense', request.replace(/[A-Za-z]{8}/g, 'AAAAAAAA'), request.slice(0, 200)]) {
      const answer = await must(join('node-j', token, broken), 400)
      assert.match(answer.message, /certificateRequest/)
    }
    await must(join('Not_A_Name', token, request), 400)
    await must(join('node-j', token, request), 200)
  })

  it('with a token that was used is refused', async () => {
    const token = await makeToken()
    await must(join('node-k', token, request), 200)
    const { request: another } = await certificateRequest()
    assert.equal((await must(join('node-l', token, another), 401)).message, 'the join token has been used already; make a new one')
  })

  it('with a token that expired is refused', async () => {
    const token = await makeToken({ expiration: '2026-01-02T03:04:05Z' })
    const { message } = await must(join('node-m', token, request), 401)
    assert.equal(message, 'the join token expired at 2026-01-02T03:04:05.000Z; make a new one')
  })

  it('with a token for another node is refused', async () => {
    const token = await makeToken({ 'node-name': 'node-n' })
    assert.match((await must(join('node-o', token, request), 401)).message, /is good for node "node-n" only/)
  })

  it('with a token that is not for joining is refused', async () => {
    const token = await makeToken({ 'usage-bootstrap-authentication': 'false' })
    assert.match((await must(join('node-p', token, request), 401)).message, /is not meant for joining/)
  })

  it('under the name of a live node is refused', async () => {
    await must(
      plane.ask({ method: 'POST', path: '/api/v1/nodes', body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'alive' } } }),
      201,
    )
    const status = { conditions: [{ type: 'Ready', status: 'True' }] }
    const body = { metadata: { name: 'alive' }, status }
    await must(plane.ask({ method: 'PUT', path: '/api/v1/nodes/alive/status', body }), 200)
    const answer = await must(join('alive', await makeToken(), request), 409)
    assert.equal(answer.message, 'node name "alive" is already taken by a live node')
  })

  it('by two machines at once with one token lets in one of them', async () => {
    const token = await makeToken()
    const requests = await Promise.all(Array.from({ length: 4 }, () => certificateRequest()))
    const answers = await Promise.all(requests.map((made, i) => join(`node-race-${i}`, token, made.request)))
    assert.deepEqual(answers.map(({ code }) => code).sort(), [200, 401, 401, 401])
  })

  it('with wrong tokens is refused, and soon made to wait', async () => {
    address = '127.0.0.3'
    const [id = ''] = (await makeToken()).split('.')
    for (const token of [undefined, 'nonsense', 'abcdef.0123456789abcdef', `${id}.0123456789abcdef`]) {
      const answer = await must(join('node-q', token, request), 401)
      assert.match(answer.message, /join token/)
    }
    let answer = await join('node-q', 'abcdef.0123456789abcdef', request)
    for (let i = 0; i < 10 && answer.code === 401; i++) answer = await join('node-q', 'abcdef.0123456789abcdef', request)
    assert.equal(answer.code, 429)
    assert.match(answer.message, /Too many wrong join tokens from 127\.0\.0\.3; try again in \d+ s/)
    assert.ok(Number(answer.headers['retry-after']) > 0)
  })
})
