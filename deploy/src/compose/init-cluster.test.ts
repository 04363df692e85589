import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '@davit/api'
import { certificatesIn, createAuthority, isSignedBy, namesOf, readAuthority, replaceFile } from '@davit/api/pki'
import type { InitAnswers } from './answers.ts'
import { adoptAuthorities, changedFiles, initCluster } from './init-cluster.ts'

const THREE: InitAnswers = { controlPlanes: ['10.0.0.11', '10.0.0.12', '10.0.0.13'] }
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-init-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const init = (answers: InitAnswers) => initCluster(dir, answers, { clock: systemClock })
const read = (path: string) => readFile(join(dir, path), 'utf8')

/** Every file, by its path. */
async function contents(): Promise<Map<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return new Map(await Promise.all(files.sort().map(async path => [path, await readFile(path, 'utf8')] as const)))
}

test("each machine gets the shared keys, and certificates of its own from a CA that is etcd's alone", async () => {
  await init(THREE)
  const etcdCa = readAuthority(await read('secrets/etcd-ca.pem'), 'etcd-ca.pem')
  for (const [index, address] of THREE.controlPlanes!.entries()) {
    const folder = `cp-${index + 1}`
    for (const name of ['ca.pem', 'service-account.key', 'encryption-keys.json'])
      assert.equal(await read(`${folder}/pki/${name}`), await read(`secrets/${name}`))
    const peer = await read(`${folder}/etcd-pki/peer.crt`)
    assert.ok(await isSignedBy(peer, etcdCa))
    assert.ok(namesOf(peer).includes(address))
    assert.equal(await read(`${folder}/etcd-pki/ca.crt`), etcdCa.certificate)
  }
  assert.notEqual(await read('secrets/ca.pem'), await read('secrets/etcd-ca.pem'))
  for (const path of ['secrets', 'cp-1/pki']) assert.equal((await stat(join(dir, path))).mode & 0o777, 0o700)
  assert.equal((await stat(join(dir, 'admin.kubeconfig'))).mode & 0o777, 0o600)
})

test('the kubeconfig leads to one control plane, and tells davit of all', async () => {
  await init(THREE)
  const text = await read('admin.kubeconfig')
  assert.match(text, / {4}server: https:\/\/10\.0\.0\.11:6443\n/)
  for (const address of THREE.controlPlanes!)
    assert.ok(text.includes(`- https://${address}:6443\n`) || text.includes(`"https://${address}:6443"`), text)
})

test('the same again changes nothing', async () => {
  await init(THREE)
  const before = await contents()
  assert.deepEqual((await init(THREE)).written, [])
  assert.deepEqual(await contents(), before)
})

test('a balancer comes, and keys and what was changed in .env stay', async () => {
  await init(THREE)
  await writeFile(join(dir, 'cp-1/.env'), (await read('cp-1/.env')).replace('ETCD_MEMORY=2g', 'ETCD_MEMORY=4g'))
  const before = await contents()
  await init({ balancerPort: 8443 })
  assert.match(await read('cp-1/haproxy.cfg'), /server cp-1 127\.0\.0\.1:6443\n {2}server cp-2 10\.0\.0\.12:6443/)
  assert.match(await read('cp-1/.env'), /ETCD_MEMORY=4g/)
  assert.match(await read('cp-1/.env'), /COMPOSE_PROFILES=balancer/)
  assert.match(await read('admin.kubeconfig'), /server: https:\/\/10\.0\.0\.11:8443/)
  for (const [path, text] of await contents()) if (/\/(secrets|pki|etcd-pki)\//.test(path)) assert.equal(text, before.get(path), path)
})

test('a member at a new address gets certificates for it', async () => {
  await init(THREE)
  await init({ replace: 'cp-2=10.0.0.14' })
  assert.ok(namesOf(await read('cp-2/etcd-pki/server.crt')).includes('10.0.0.14'))
  assert.match(await read('cp-1/compose.yaml'), /--etcd=https:\/\/127\.0\.0\.1:2379,https:\/\/10\.0\.0\.14:2379/)
})

const inKubeconfig = (text: string, field: string) => Buffer.from(new RegExp(`${field}: (\\S+)`).exec(text)?.[1] ?? '', 'base64').toString()

test("a changed CA is taken over by secrets, the kubeconfig, and what is copied to a machine that takes a lost one's place", async () => {
  await init(THREE)
  const old = await read('secrets/ca.pem')
  const next = await createAuthority('next', { now: Date.now() + 10_000, days: 1 })
  const nextText = next.certificate + next.key
  const signer = async () => isSignedBy(inKubeconfig(await read('admin.kubeconfig'), 'client-certificate-data'), next)
  for (const [authorities, isSignedByNext] of [
    [old + nextText, false],
    [nextText + old, true],
    [nextText, true],
  ] as const) {
    await adoptAuthorities(dir, authorities, { clock: systemClock })
    for (const path of ['secrets', 'cp-1/pki', 'cp-2/pki']) assert.equal(await read(`${path}/ca.pem`), authorities)
    assert.equal(inKubeconfig(await read('admin.kubeconfig'), 'certificate-authority-data'), certificatesIn(authorities).join(''))
    assert.equal(await signer(), isSignedByNext)
    const { written, isCaOld } = await init({})
    assert.deepEqual([written, isCaOld], [[], false])
  }
  await init({ replace: 'cp-2' })
  assert.equal(await read('cp-2/pki/ca.pem'), nextText)
})

test('a kubeconfig that trusts a later CA than secrets holds is left as it is', async () => {
  await init(THREE)
  const { certificate } = await createAuthority('next', { now: Date.now() + 10_000, days: 1 })
  const text = (await read('admin.kubeconfig')).replace(/(authority-data: ).*/, `$1${Buffer.from(certificate).toString('base64')}`)
  await replaceFile(join(dir, 'admin.kubeconfig'), text)
  const { written, isCaOld } = await init({ tlsSans: ['api.example.com'] })
  assert.equal(isCaOld, true)
  assert.ok(!written.includes('admin.kubeconfig') && written.includes('cp-1/compose.yaml'), written.join())
  assert.equal(await read('admin.kubeconfig'), text)
})

test('what would be written can be asked before', async () => {
  await init(THREE)
  const before = await contents()
  assert.deepEqual(await changedFiles(dir, {}), [])
  assert.deepEqual(await changedFiles(dir, { controlPlaneImage: 'other:1' }), ['cluster.yaml', 'cp-1/.env', 'cp-2/.env', 'cp-3/.env'])
  assert.deepEqual(await contents(), before)
})

test('a compose file changed by hand is not written over', async () => {
  await init(THREE)
  await appendFile(join(dir, 'cp-2/compose.yaml'), '# mine\n')
  const before = await contents()
  await assert.rejects(init({ balancerPort: 8443 }), /cp-2\/compose\.yaml was changed by hand.*compose\.override\.yaml/)
  assert.deepEqual(await contents(), before)
})

test('a cluster whose secrets were moved away gets no new ones', async () => {
  await init(THREE)
  await rename(join(dir, 'secrets'), join(dir, 'elsewhere'))
  await assert.rejects(init({ balancerPort: 8443 }), /secrets\/ca\.pem is missing: put .* back/)
})

test('a directory with something else in it is left alone', async () => {
  await writeFile(join(dir, 'thesis.txt'), '')
  await assert.rejects(init(THREE), /holds thesis\.txt and no cluster\.yaml/)
  assert.deepEqual(await readdir(dir), ['thesis.txt'])
})

test('a directory that cannot be made is named', async () => {
  await writeFile(join(dir, 'file'), '')
  await assert.rejects(initCluster(join(dir, 'file/davit'), THREE, { clock: systemClock }), /Cannot use directory .*file\/davit: ENOTDIR/)
})

test('a first run that broke off is finished by the next', async () => {
  await init(THREE)
  const ca = await read('secrets/ca.pem')
  for (const name of await readdir(dir)) if (name !== 'secrets') await rm(join(dir, name), { recursive: true })
  await init(THREE)
  assert.equal(await read('cp-3/pki/ca.pem'), ca)
})
