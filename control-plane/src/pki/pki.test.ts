import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Clock, parseJoinToken, systemClock } from '@davit/api'
import { generateKeys, loadOrCreatePki, makeKubeconfig, SIGNING_ALGORITHM, x509 } from '@davit/api/pki'
import { AttemptLimiter } from './attempt-limiter.ts'
import { authenticateCertificate } from './distinguished-name.ts'
import { signNodeCertificate } from './node-certificate.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-pki-'))
})
after(() => rm(dir, { recursive: true }))

const DAY_MS = 24 * 60 * 60 * 1000
const laterBy = (ms: number): Clock => ({ ...systemClock, now: () => Date.now() + ms })

test('loadOrCreatePki() makes everything once, for its owner only, and reads it again', async () => {
  const options = { dir: join(dir, 'a'), serverNames: ['10.0.0.7', 'api.example.com'], clock: systemClock }
  const first = await loadOrCreatePki(options)
  const again = await loadOrCreatePki(options)
  assert.deepEqual(again, first)

  for (const file of await readdir(options.dir)) assert.equal((await stat(join(options.dir, file))).mode & 0o777, 0o600, file)
  const ca = new X509Certificate(first.ca.certificate)
  const server = new X509Certificate(first.server.certificate)
  assert.ok(server.verify(ca.publicKey))
  for (const name of ['localhost', 'api.example.com', 'kubernetes.default.svc']) assert.ok(server.checkHost(name), name)
  for (const address of ['127.0.0.1', '10.0.0.7', '10.96.0.1']) assert.ok(server.checkIP(address), address)
  assert.match(first.ca.publicKeyHash, /^sha256:[0-9a-f]{64}$/)
  const admin = new X509Certificate(first.admin.certificate)
  assert.equal(admin.subject, 'O=system:masters\nCN=kubernetes-admin')
  assert.equal(Buffer.from(first.encryptionKeys[0]?.secret ?? '', 'base64').length, 32)
})

test('loadOrCreatePki() started many times at once agrees on one authority', async () => {
  const options = { dir: join(dir, 'race'), serverNames: [], clock: systemClock }
  const made = await Promise.all(Array.from({ length: 8 }, () => loadOrCreatePki(options)))
  assert.equal(new Set(made.map(({ ca }) => ca.certificate)).size, 1)
  assert.equal(new Set(made.map(({ serviceAccountKey }) => serviceAccountKey)).size, 1)
})

test('loadOrCreatePki() renews the server certificate for other names or near its end, and keeps the authority', async () => {
  const options = { dir: join(dir, 'renew'), serverNames: ['one.example.com'], clock: systemClock }
  const first = await loadOrCreatePki(options)
  const renamed = await loadOrCreatePki({ ...options, serverNames: ['two.example.com'] })
  assert.notEqual(renamed.server.certificate, first.server.certificate)
  assert.equal(renamed.admin.certificate, first.admin.certificate)
  assert.equal(renamed.ca.certificate, first.ca.certificate)
  const early = await loadOrCreatePki({ ...options, serverNames: ['two.example.com'], clock: laterBy(240 * DAY_MS) })
  assert.equal(early.server.certificate, renamed.server.certificate)
  const late = await loadOrCreatePki({ ...options, serverNames: ['two.example.com'], clock: laterBy(250 * DAY_MS) })
  assert.notEqual(late.server.certificate, renamed.server.certificate)
})

async function certificateRequest(name = 'CN=whatever'): Promise<string> {
  const keys = await generateKeys()
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: SIGNING_ALGORITHM })
  return request.toString('pem')
}

test('signNodeCertificate() takes the key from the request and nothing else', async () => {
  const { ca } = await loadOrCreatePki({ dir: join(dir, 'node'), serverNames: [], clock: systemClock })
  const csr = await certificateRequest('O=system:masters, CN=kubernetes-admin')
  const certificate = new X509Certificate(await signNodeCertificate(ca, csr, { nodeName: 'node-1', clock: systemClock }))
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:node-1')
  assert.ok(certificate.verify(new X509Certificate(ca.certificate).publicKey))
  assert.deepEqual(authenticateCertificate(certificate.toLegacyObject() as unknown as Parameters<typeof authenticateCertificate>[0]), {
    name: 'system:node:node-1',
    groups: ['system:nodes', 'system:authenticated'],
  })
})

test('signNodeCertificate() refuses a broken request, a foreign signature and an impossible name', async () => {
  const { ca } = await loadOrCreatePki({ dir: join(dir, 'node'), serverNames: [], clock: systemClock })
  const sign = (csr: string, nodeName = 'node-1') => signNodeCertificate(ca, csr, { nodeName, clock: systemClock })
  await assert.rejects(sign('nonsense'), { reason: 'BadRequest', message: /must be a PKCS#10 request in PEM/ })
  const csr = await certificateRequest()
  await assert.rejects(sign(csr, 'Node_1'), { reason: 'BadRequest' })

  const der = Buffer.from(x509.PemConverter.decode(csr)[0] as ArrayBuffer)
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1)
  await assert.rejects(sign(x509.PemConverter.encode(der, 'CERTIFICATE REQUEST')), { message: /not signed by its own key/ })
})

test('authenticateCertificate() reads one organization, several, and none', () => {
  const groupsOf = (O?: string | string[]) => authenticateCertificate({ subject: { CN: 'x', ...(O !== undefined && { O }) } })?.groups
  assert.deepEqual(groupsOf('a'), ['a', 'system:authenticated'])
  assert.deepEqual(groupsOf(['a', 'b']), ['a', 'b', 'system:authenticated'])
  assert.deepEqual(groupsOf(), ['system:authenticated'])
  assert.equal(authenticateCertificate({ subject: {} }), undefined)
  assert.equal(authenticateCertificate(undefined), undefined)
})

test('AttemptLimiter lets an address try again after a minute', () => {
  let now = 0
  const limiter = new AttemptLimiter({ ...systemClock, monotonic: () => now })
  for (let count = 0; count < 10; count++) {
    limiter.check('1.2.3.4')
    limiter.failed('1.2.3.4')
  }
  assert.throws(() => limiter.check('1.2.3.4'), { reason: 'TooManyRequests' })
  limiter.check('1.2.3.5')
  now = 60_000
  limiter.check('1.2.3.4')
})

test('parseJoinToken() takes the form of bootstrap tokens only', () => {
  assert.deepEqual(parseJoinToken('abcdef.0123456789abcdef\n'), { id: 'abcdef', secret: '0123456789abcdef' })
  for (const text of ['', 'abcdef', 'ABCDEF.0123456789abcdef', 'abcdef.0123456789abcde', 'abcdef.0123456789abcdef0'])
    assert.equal(parseJoinToken(text), undefined, text)
})

test('makeKubeconfig() holds its parts in base64', () => {
  const text = makeKubeconfig({ server: 'https://127.0.0.1:6443', ca: 'CA', certificate: 'C', key: 'K' })
  assert.match(text, /server: https:\/\/127\.0\.0\.1:6443\n/)
  assert.match(text, /client-key-data: Sw==\n/)
})
