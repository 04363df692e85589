import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { systemClock } from '@davit/api'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createStorage } from './create-storage.ts'
import { createPod, silentLog as log, names, pod, podKey, pods, startStorage } from './testing/objects.ts'
import { startTestCluster, startTestEtcd } from './testing/test-etcd.ts'

it('storage goes on through another member when the one it uses hangs', async () => {
  const cluster = await startTestCluster(3)
  try {
    await using storage = await startStorage(cluster.map(({ url }) => url))
    await createPod(storage, pod('before'))
    cluster[0]?.signal('SIGSTOP')
    // The first reads may be spent on finding out; a client tries again.
    const deadline = systemClock.monotonic() + 20_000
    const list = async () => {
      for (;;) {
        try {
          return await storage.list(pods, {})
        } catch (error) {
          assert.ok(systemClock.monotonic() < deadline, String(error))
          assert.equal((error as { code: number }).code, 503)
        }
      }
    }
    assert.deepEqual(names((await list()).items), ['before'])
    const revision = await createPod(storage, pod('during'))
    assert.deepEqual(names((await list()).items), ['before', 'during'])
    assert.equal((await storage.get(pods, podKey('during')))?.revision, revision)
    cluster[0]?.signal('SIGCONT')
    assert.equal(await storage.audit(), 0)
    assert.equal(storage.counters.listings, 1)
  } finally {
    for (const member of cluster) await member[Symbol.asyncDispose]()
  }
})

it('storage shows its client certificate, and is refused without one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-etcd-tls-'))
  try {
    const authority = await issue('CN=etcd-ca', undefined)
    const server = await issue('CN=etcd', authority)
    const client = await issue('CN=davit', authority)
    const files = { certificateAuthority: join(dir, 'ca.crt'), certificate: join(dir, 'server.crt'), key: join(dir, 'server.key') }
    await writeFile(files.certificateAuthority, authority.pem)
    await writeFile(files.certificate, server.pem)
    await writeFile(files.key, server.key)
    await using etcd = await startTestEtcd({ tls: files })

    const connection = { urls: [etcd.url], certificateAuthority: authority.pem }
    await using storage = await startStorage([], { etcd: { ...connection, certificate: client.pem, key: client.key } })
    await createPod(storage, pod('a'))
    assert.deepEqual(names((await storage.list(pods, {})).items), ['a'])

    const stranger = createStorage({ etcd: connection, log, clock: systemClock })
    await assert.rejects(stranger.read('/davit/x'), { code: 503 })
    await stranger.close()
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

interface Issued {
  pem: string
  key: string
  keys: CryptoKeyPair
  certificate: x509.X509Certificate
}

type CryptoKeyPair = Awaited<ReturnType<typeof generate>>

function generate() {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
}

async function issue(name: string, issuer: Issued | undefined): Promise<Issued> {
  const keys = await generate()
  const certificate = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: issuer?.certificate.subject ?? name,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    notBefore: new Date(systemClock.now() - 3_600_000),
    notAfter: new Date(systemClock.now() + 3_600_000),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: issuer
      ? [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])]
      : [new x509.BasicConstraintsExtension(true)],
  })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g)?.join('\n')}\n-----END PRIVATE KEY-----\n`
  return { pem: certificate.toString('pem'), key, keys, certificate }
}
