/** What `davit init` makes, lost and brought back: from a backup on another machine, and from the last etcd member that is left. */
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type CommandResult, command } from '@davit/deploy'
import { assertHealthy, compose, copyFolder, init, loadComposeImages, longRunning, untilWell } from './compose.ts'
import { type Machine, startMachine, testbedKey } from './machines/index.ts'

const CLI = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url))
const OBJECTS = 30
let dir: string
let passphraseFile: string
let machines: Machine[]
const machine = (index: number) => machines[index]!

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-backup-compose-'))
  passphraseFile = join(dir, 'passphrase')
  await writeFile(passphraseFile, 'correct horse battery staple')
  machines = await Promise.all([61, 62].map(index => startMachine({ index, user: { name: 'admin' } })))
  for (const each of machines) await loadComposeImages(each)
})
after(async () => {
  for (const each of machines ?? []) await each.remove()
  if (dir) await rm(dir, { recursive: true, force: true })
})

const davit = (cluster: string, ...args: string[]) =>
  command(process.execPath, [CLI, '--kubeconfig', join(dir, cluster, 'admin.kubeconfig'), ...args])
async function write(cluster: string, ...wanted: string[]): Promise<void> {
  const items = wanted.map(name => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } }))
  const file = join(dir, 'objects.json')
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  await davit(cluster, 'apply', '-f', file)
}
async function names(cluster: string): Promise<string[]> {
  return (await davit(cluster, 'get', 'configmaps', '-o', 'name')).stdout
    .split('\n')
    .filter(line => line.includes('/w-'))
    .sort()
}
const clusterId = async (cluster: string) =>
  (await davit(cluster, 'get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}')).stdout
const expected = Array.from({ length: OBJECTS }, (_, at) => `configmap/w-${at}`).sort()
const authority = async (cluster: string) => readFile(join(dir, cluster, 'secrets', 'ca.pem'), 'utf8')

test('a backup goes on as three control planes at another address', async () => {
  await init(join(dir, 'lost'), ['--control-plane', machine(0).address])
  await copyFolder(machine(0), join(dir, 'lost'))
  await compose(machine(0), 'up', '-d')
  await untilWell('the API', () => davit('lost', 'get', 'nodes'))
  await write('lost', ...Array.from({ length: OBJECTS }, (_, at) => `w-${at}`))
  await davit('lost', 'create', 'secret', 'generic', 'hidden', '--from-literal=word=sesame')
  const id = await clusterId('lost')
  const archive = join(dir, 'archive')
  await davit('lost', 'backup', 'create', '--to', archive, '--passphrase-file', passphraseFile)
  await machine(0).powerOff()

  const started = performance.now()
  const args = ['--control-plane', machine(1).address, '--replicas', '3', '--from-backup', archive, '--passphrase-file', passphraseFile]
  await init(join(dir, 'restored'), args)
  assert.equal(await authority('restored'), await authority('lost'))
  // The etcd that stands in for the image here is 3.4.
  await appendFile(join(dir, 'restored', '.env'), 'ETCD_RESTORE=etcdctl snapshot restore\n')
  await copyFolder(machine(1), join(dir, 'restored'))
  const up = await compose(machine(1), 'up', '-d')
  await untilWell('the API', () => davit('restored', 'get', 'nodes')).catch(error => {
    throw new Error(`${up.stdout}\n${error}`, { cause: error })
  })
  console.log(`    restored ${((performance.now() - started) / 1000).toFixed(1)} s after davit init`)
  assert.equal(await clusterId('restored'), id)
  assert.deepEqual(await names('restored'), expected)
  const { stdout } = await davit('restored', 'get', 'secret', 'hidden', '-o', 'jsonpath={.data.word}')
  assert.equal(Buffer.from(stdout, 'base64').toString(), 'sesame')
  await write('restored', 'written-after')
})

test('coming up again changes nothing', async () => {
  await compose(machine(1), 'up', '-d')
  await untilWell('the API', () => davit('restored', 'get', 'configmap', 'written-after'))
})

async function recover(...args: string[]): Promise<CommandResult> {
  const { privateKeyFile } = await testbedKey()
  const ssh = ['--accept-host-key', '-i', privateKeyFile]
  return command(process.execPath, [CLI, 'recover', join(dir, 'restored'), '--member=cp-1', '--yes', ...ssh, ...args], {
    timeoutMs: 180_000,
    allowFailure: true,
    // The known hosts of whoever runs this stay as they are.
    env: { ...process.env, HOME: dir },
  })
}

test('davit recover refuses while the quorum lives, brings back what the last member has, and the others join again', async () => {
  const cluster = join(dir, 'restored')
  await init(cluster, ['--ssh', `admin@${machine(1).address}`])
  const refused = await recover()
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /etcd has its quorum: etcd at https.*the API at https.*nothing was changed/)

  await machine(1).docker(['rm', '-f', '-v', 'davit_etcd-2_1', 'davit_etcd-3_1'])
  const started = performance.now()
  const recovered = await recover()
  assert.equal(recovered.code, 0, recovered.stderr)
  assert.match(recovered.stderr, /It stands at revision \d+.*MAY BE LOST/)
  assert.match(recovered.stdout, /Its data as it was is in Docker volume davit_etcd-1-before-recovery-/)
  const clear = /docker compose rm --force && docker volume rm --force davit_etcd-2 davit_etcd-3/.exec(recovered.stdout)?.[0]
  assert.ok(clear, recovered.stdout)
  await untilWell('the API', () => davit('restored', 'get', 'nodes'))
  console.log(`    recovered ${((performance.now() - started) / 1000).toFixed(1)} s after davit recover began`)
  assert.deepEqual(await names('restored'), expected)
  await write('restored', 'written-after-recovery')
  assert.ok(!(await longRunning(machine(1))).includes('davit_etcd-2_1'))

  await machine(1).exec(`cd /srv/davit && ${clear.replaceAll('docker compose', 'docker-compose')}`)
  for (const lost of ['cp-2', 'cp-3']) {
    await init(cluster, ['--replace', lost])
    await copyFolder(machine(1), cluster, ['pki', 'etcd-pki'])
    await compose(machine(1), 'up', '-d')
    await untilWell(`etcd of ${lost}`, () => assertHealthy(machine(1)))
  }
  await machine(1).docker(['stop', 'davit_etcd-1_1'])
  await untilWell('the API', () => davit('restored', 'get', 'configmap', 'written-after-recovery'))
})

test('davit recover takes the data of a backup instead', async () => {
  await machine(1).docker(['rm', '-f', '-v', 'davit_etcd-2_1', 'davit_etcd-3_1'])
  const recovered = await recover('--from-backup', join(dir, 'archive'), '--passphrase-file', passphraseFile)
  assert.equal(recovered.code, 0, recovered.stderr)
  assert.match(recovered.stderr, /starts anew from the archive.*\n.*\nLOST: every change since/)
  await untilWell('the API', () => davit('restored', 'get', 'nodes'))
  assert.deepEqual(await names('restored'), expected)
  await assert.rejects(davit('restored', 'get', 'configmap', 'written-after-recovery'), /not found/)
})
