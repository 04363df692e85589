/** Certificates that live for seconds, in real processes: everything renews itself, and nobody who uses the cluster notices. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ConfigMap, configMapKind, connectHttp, type HttpClient, isReason, secretKind, systemClock } from '@davit/api'
import { AUTHORITIES_SECRET, lifeOf } from '@davit/api/pki'
import { command, initCluster } from '@davit/deploy'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { startEtcd } from './etcd.ts'
import { startSecureEtcd } from './secure-etcd.ts'
import { until } from './until.ts'

const DAVIT = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url))
const LIFETIME_MS = 15_000
const LIVES = 2
/** The load's own pace. */
const ASK_EVERY_MS = 200
const WRITE_EVERY_MS = 1000

/** A client as a person's kubectl would be: what the kubeconfig says now, and a connection of its own. */
async function freshClient({ kubeconfig, port }: Pick<ControlPlane, 'kubeconfig' | 'port'>): Promise<HttpClient & { certificate: string }> {
  const text = await readFile(kubeconfig, 'utf8')
  const field = (name: string) => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(text)?.[1] ?? '', 'base64').toString()
  const certificate = field('client-certificate-data')
  const client = connectHttp({
    servers: [`https://127.0.0.1:${port}`],
    certificateAuthority: field('certificate-authority-data'),
    certificate,
    key: field('client-key-data'),
  })
  return { ...client, certificate }
}

/** Asks with a new connection five times a second until `signal` aborts; gives what was asked and every failure. */
async function askAfresh(
  plane: ControlPlane,
  signal: AbortSignal,
): Promise<{ asked: number; failures: unknown[]; certificates: Set<string> }> {
  const seen = { asked: 0, failures: [] as unknown[], certificates: new Set<string>() }
  while (!signal.aborted) {
    const client = await freshClient(plane)
    seen.certificates.add(client.certificate)
    seen.asked++
    await client
      .resource(configMapKind)
      .list({ namespace: 'default' })
      .catch(err => seen.failures.push(err))
    client.close()
    await delay(ASK_EVERY_MS)
  }
  return seen
}

interface Followed {
  written: number
  seen: string[]
  watches: number
}

/**
 * Writes one value a second and watches for it on one connection of one certificate, however long that has ended. `outcome` grows
 * meanwhile.
 */
async function followWrites(
  plane: ControlPlane,
  signal: AbortSignal,
  outcome: Followed = { written: 0, seen: [], watches: 0 },
): Promise<Followed> {
  const client = await freshClient(plane)
  const maps = client.resource(configMapKind)
  await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'counted', namespace: 'default' }, data: { value: '0' } })
  const { metadata } = await maps.list({ namespace: 'default' })
  const watching = (async () => {
    let resourceVersion = metadata.resourceVersion ?? ''
    while (!signal.aborted) {
      outcome.watches++
      try {
        for await (const { type, object } of maps.watch({ namespace: 'default', resourceVersion, signal })) {
          resourceVersion = object.metadata.resourceVersion ?? resourceVersion
          if (type !== 'BOOKMARK' && object.metadata.name === 'counted') outcome.seen.push((object as ConfigMap).data?.value ?? '')
        }
      } catch (err) {
        if (!signal.aborted && !isReason(err, 'ServiceUnavailable')) throw err
      }
    }
  })()
  while (!signal.aborted) {
    await delay(WRITE_EVERY_MS)
    if (signal.aborted) break
    outcome.written++
    const body = { data: { value: String(outcome.written) } }
    await maps.patch({ name: 'counted', namespace: 'default' }, { type: 'merge', body })
  }
  await until('the last write is seen', async () => outcome.seen.length >= outcome.written, 3000).catch(() => {})
  client.close()
  await watching
  return outcome
}

it('the control plane renews its certificates and no request fails, no watch ends', async () => {
  await using plane = await startControlPlane({ args: ['--certificate-lifetime', `${LIFETIME_MS}ms`] })
  const signal = AbortSignal.timeout(LIVES * LIFETIME_MS)
  const [asked, followed] = await Promise.all([askAfresh(plane, signal), followWrites(plane, signal)])
  assert.deepEqual(asked.failures, [])
  assert.ok(asked.asked > LIVES * 20, `${asked.asked} requests`)
  assert.ok(asked.certificates.size > LIVES, `${asked.certificates.size} certificates of the administrator`)
  assert.deepEqual(
    followed.seen.map(Number),
    Array.from({ length: followed.written }, (_, index) => index + 1),
  )
  assert.equal(followed.watches, 1)
  const client = await freshClient(plane)
  assert.ok(lifeOf(client.certificate).to > Date.now())
  client.close()
})

it('etcd and its clients renew their certificates: writes go on, and a member that starts again finds the others', async t => {
  const lifetimeMs = 20_000
  await using etcd = await startSecureEtcd(lifetimeMs)
  const start = (etcdPkiDir: string) =>
    startControlPlane({
      etcdUrl: etcd.urls,
      pki: etcd.pki,
      args: ['--etcd-pki-dir', etcdPkiDir, '--certificate-lifetime', `${lifetimeMs}ms`],
    })
  const planes = await Promise.all(etcd.directories.map(start))
  try {
    const [plane] = planes as [ControlPlane]
    const stop = new AbortController()
    const counted: Followed = { written: 0, seen: [], watches: 0 }
    const following = followWrites(plane, stop.signal, counted)
    const read = () => Promise.all(etcd.directories.map(dir => readFile(join(dir, 'peer.crt'), 'utf8')))
    const first = await read()
    const endOf = (pem: string) => Date.parse(new X509Certificate(pem).validTo)
    await until('two lives to be over', () => first.every(pem => endOf(pem) + lifetimeMs < Date.now()), 4 * lifetimeMs)
    const now = await read()
    for (const certificate of now) assert.ok(endOf(certificate) > Date.now())
    // Each must show and be shown certificates of now; the others are a quorum meanwhile.
    for (const index of etcd.directories.keys()) await etcd.restart(index)
    const before = counted.seen.length
    await until('writes to go on after the restarts', () => counted.seen.length >= before + 2, 30_000)
    stop.abort()
    const followed = await following
    t.diagnostic(`${followed.written} writes`)
    assert.deepEqual(
      followed.seen.map(Number),
      Array.from({ length: followed.written }, (_, index) => index + 1),
    )
    for (const { log } of planes) {
      const refused = log.filter(entry => JSON.stringify(entry).includes('certificate') && (entry.level ?? 0) >= 40)
      assert.deepEqual(refused, [])
    }
  } finally {
    await Promise.all(planes.map(plane => plane[Symbol.asyncDispose]()))
  }
})

it('the CA is changed with one replica away, which takes it over before it serves; a change that broke off goes on', async () => {
  await using etcd = await startEtcd()
  await using first = await startControlPlane({ etcdUrl: etcd.url })
  await using second = await startControlPlane({ etcdUrl: etcd.url, besides: first })
  const davit = (...args: string[]) =>
    command(process.execPath, [DAVIT, '--kubeconfig', first.kubeconfig, ...args], { allowFailure: true, timeoutMs: 120_000 })
  await until('both replicas are listed', async () => (await davit('certs')).stdout.includes(`test-${second.port}`))
  await second.kill()
  // Its Lease still holds, so it is waited for, in vain.
  const broken = await davit('certs', 'rotate-ca', '--timeout', '1s')
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, new RegExp(`Waiting for API server test-${second.port}`))
  assert.match((await davit('certs', 'status')).stdout, /The new CA is trusted; the old one signs/)

  const stop = new AbortController()
  const asking = askAfresh(first, stop.signal)
  const rotated = await davit('certs', 'rotate-ca')
  stop.abort()
  assert.equal(rotated.code, 0, rotated.stderr)
  assert.match(rotated.stdout, /Going on with the change[\s\S]+signs from now on[\s\S]+Removed CA[\s\S]+Done/)
  assert.deepEqual((await asking).failures, [])

  await second.start()
  const client = await freshClient({ kubeconfig: first.kubeconfig, port: second.port })
  await client.resource(configMapKind).list({ namespace: 'default' })
  // Who deletes the CAs in the cluster gets them back.
  await client.resource(secretKind).delete(AUTHORITIES_SECRET)
  await until('the Secret is there again', () => client.resource(secretKind).get(AUTHORITIES_SECRET))
  client.close()
  assert.equal((await davit('certs')).code, 0)
})

it('the directory of davit init comes along with a change of the CA, and one that did not is brought along', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-test-directory-'))
  const [own, other] = [join(dir, 'own'), join(dir, 'other')]
  try {
    for (const each of [own, other]) await initCluster(each, { controlPlanes: ['10.0.0.11'] }, { clock: systemClock })
    await using etcd = await startEtcd()
    await using plane = await startControlPlane({ etcdUrl: etcd.url, pki: join(own, 'pki') })
    const server = `https://127.0.0.1:${plane.port}`
    const kubeconfig = join(own, 'admin.kubeconfig')
    const davit = (...args: string[]) =>
      command(process.execPath, [DAVIT, '--kubeconfig', kubeconfig, '--server', server, ...args], {
        allowFailure: true,
        timeoutMs: 120_000,
        cwd: dir,
      })
    const secret = join(own, 'secrets/ca.pem')
    const isLetIn = async () => assert.equal((await davit('get', 'nodes')).code, 0)
    await copyFile(secret, join(dir, 'old.pem'))

    await until('it says what it holds', async () => (await davit('certs')).stdout.includes('etcd-ca'))
    assert.match((await davit('certs', 'rotate-ca', '--dir', other)).stderr, /Cannot bring the CA into ".*other": it is of another cluster/)
    const rotated = await davit('certs', 'rotate-ca', '--dir', own)
    assert.equal(rotated.code, 0, rotated.stderr)
    assert.match(rotated.stdout, /own holds the new CA/)
    const held = await plane.client
      .resource(secretKind)
      .get(AUTHORITIES_SECRET)
      .catch(() => undefined)
    assert.equal(held, undefined, 'the certificate of before is refused')
    assert.equal((await davit('init', own, '--tls-san', 'api.example.com')).code, 0)
    assert.equal(await readFile(secret, 'utf8'), await readFile(join(plane.dataDir, 'pki/ca.pem'), 'utf8'))
    await isLetIn()

    await copyFile(join(dir, 'old.pem'), secret)
    assert.match((await davit('init', own)).stdout, /admin\.kubeconfig stays as it is[\s\S]+davit certs sync --dir/)
    await isLetIn()
    assert.equal((await davit('certs', 'sync', '--dir', own)).code, 0)
    assert.equal((await davit('init', own)).stdout, `${own} is as asked for: nothing changed.\n`)
    await isLetIn()
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
