import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Clock, createJoinToken, type JoinRequest, type Node, nodeKind, secretKind, systemClock } from '@davit/api'
import { generateKeys, loadOrCreatePki, type Pki, SIGNING_ALGORITHM, x509 } from '@davit/api/pki'
import { startTestRegistry, type TestRegistry } from '../apiserver/registry/testing/index.ts'
import { createJoinService, type JoinService } from './join-service.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const HOUR_MS = 60 * 60 * 1000
let cluster: TestRegistry
let pki: Pki
let dir = ''
let offsetMs = 0
const clock: Clock = { ...systemClock, now: () => Date.now() + offsetMs, monotonic: () => performance.now() + offsetMs }
let service: JoinService

before(async () => {
  cluster = await startTestRegistry()
  dir = await mkdtemp(join(tmpdir(), 'davit-pki-'))
  pki = await loadOrCreatePki({ dir, serverNames: [], clock })
  service = createJoinService({ registry: cluster.registry, storage: cluster.storage, ca: () => pki.ca, clock, log })
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  await rm(dir, { recursive: true })
})

async function request(nodeName: string): Promise<JoinRequest> {
  const keys = await generateKeys()
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys, signingAlgorithm: SIGNING_ALGORITHM })
  return { nodeName, certificateRequest: csr.toString('pem') }
}

async function registerNode(name: string, ready: 'True' | 'Unknown'): Promise<void> {
  const nodes = cluster.client.resource(nodeKind)
  const created = await nodes.create({ apiVersion: 'v1', kind: 'Node', metadata: { name } } as Node)
  await nodes.update({ ...created, status: { conditions: [{ type: 'Ready', status: ready }] } }, { subresource: 'status' })
}

const ADDRESS = '192.0.2.1'
const token = (options: { uses?: number; ttlMs?: number; nodeName?: string } = {}) => createJoinToken(cluster.client, { clock, ...options })

test('a token buys one certificate for one name', async () => {
  const text = await token()
  const joined = await service.join(await request('node-1'), text, ADDRESS)
  assert.equal(new X509Certificate(joined.certificate).subject, 'O=system:nodes\nCN=system:node:node-1')
  assert.equal(joined.certificateAuthority, pki.ca.certificate)
  assert.equal(joined.clusterId, cluster.bootstrapped.clusterId)
  await assert.rejects(service.join(await request('node-2'), text, ADDRESS), {
    code: 401,
    message: 'the join token has been used already; make a new one',
  })
})

test('a join whose answer was lost may be repeated with the same key', async () => {
  const text = await token()
  const again = await request('node-again')
  await service.join(again, text, ADDRESS)
  await service.join(again, text, ADDRESS)
  await assert.rejects(service.join(await request('node-again'), text, ADDRESS), { code: 401 })
})

test('of many who join with one token at once, one does', async () => {
  const text = await token()
  const other = await cluster.replica()
  const services = [service, createJoinService({ ...other, ca: () => pki.ca, clock, log })]
  const attempts = await Promise.allSettled(
    Array.from({ length: 10 }, async (_, index) =>
      services[index % 2]?.join(await request(`racer-${index}`), text, `192.0.2.${index + 10}`),
    ),
  )
  assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('of many who join under one name at once, one does', async () => {
  const text = await token({ uses: 20 })
  const attempts = await Promise.allSettled(Array.from({ length: 6 }, async () => service.join(await request('one-name'), text, ADDRESS)))
  assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const attempt of attempts) if (attempt.status === 'rejected') assert.equal(attempt.reason.code, 409)
})

test('a token for several uses is good that often', async () => {
  const text = await token({ uses: 2 })
  await service.join(await request('several-1'), text, ADDRESS)
  await service.join(await request('several-2'), text, ADDRESS)
  await assert.rejects(service.join(await request('several-3'), text, ADDRESS), { code: 401, message: /has been used already/ })
})

test('a name that a live node has is refused, a dead one is not, and a bound token may', async () => {
  await registerNode('alive', 'True')
  await registerNode('dead', 'Unknown')
  const text = await token({ uses: 9 })
  await assert.rejects(service.join(await request('alive'), text, ADDRESS), {
    code: 409,
    message: 'node name "alive" is already taken by a live node',
  })
  await service.join(await request('dead'), text, ADDRESS)
  const bound = await token({ nodeName: 'alive' })
  await assert.rejects(service.join(await request('elsewhere'), bound, ADDRESS), { code: 401, message: /is good for node "alive" only/ })
  await service.join(await request('alive'), bound, ADDRESS)
})

test('wrong, unknown and expired tokens are told apart only as far as their owner may know', async () => {
  const text = await token({ ttlMs: HOUR_MS })
  const wrong = `${text.slice(0, 7)}${text.endsWith('a') ? 'b' : 'a'.repeat(1)}${text.slice(8)}`
  const unknown = { code: 401, message: 'the join token is not known to this cluster' }
  if (wrong !== text) await assert.rejects(service.join(await request('n'), wrong, '192.0.2.90'), unknown)
  await assert.rejects(service.join(await request('n'), 'aaaaaa.0123456789abcdef', '192.0.2.90'), unknown)
  // Nothing is looked at for a stranger, and nothing signed.
  const broken = { nodeName: 'n', certificateRequest: 'broken' }
  await assert.rejects(service.join(broken, 'aaaaaa.0123456789abcdef', '192.0.2.90'), unknown)
  await assert.rejects(service.join(broken, text, ADDRESS), { code: 400 })
  await assert.rejects(service.join(await request('n'), 'nonsense', '192.0.2.90'), { code: 401, message: /malformed/ })
  offsetMs = 2 * HOUR_MS
  await assert.rejects(service.join(await request('n'), text, ADDRESS), { code: 401, message: /^the join token expired at / })
  await token()
  const { items } = await cluster.client.resource(secretKind).list({ namespace: 'kube-system' })
  assert.equal(items.length, 1, 'making a token clears away those that ended')
  offsetMs = 0
})

test('guessing is slowed down for the address that guesses', async () => {
  for (let count = 0; count < 10; count++) {
    await assert.rejects(service.join(await request('n'), 'aaaaaa.0123456789abcdef', '192.0.2.99'), { code: 401 })
  }
  const text = await token()
  await assert.rejects(service.join(await request('guesser'), text, '192.0.2.99'), { code: 429 })
  await service.join(await request('guesser'), text, ADDRESS)
})

test('a node renews for its own name only', async () => {
  const user = { name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] }
  const { certificate } = await service.renew(await request('node-1'), user)
  assert.equal(new X509Certificate(certificate).subject, 'O=system:nodes\nCN=system:node:node-1')
  await assert.rejects(service.renew(await request('node-2'), user), { code: 403 })
  await assert.rejects(service.renew(await request('node-1'), { ...user, groups: [] }), { code: 403 })
})
