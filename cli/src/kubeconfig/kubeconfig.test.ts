import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeKubeconfig } from '@davit/api/pki'
import { loadKubeconfig, redact, resolveConnection, saveKubeconfig } from './index.ts'

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
})
after(() => rm(dir, { recursive: true }))

const base64 = (text: string) => Buffer.from(text).toString('base64')

function config(name: string, { namespace = '', current = name } = {}): string {
  return `apiVersion: v1
kind: Config
current-context: "${current}"
clusters:
- name: ${name}
  cluster: {server: "https://${name}:6443", certificate-authority-data: ${base64('CA')}}
users:
- name: ${name}
  user: {client-certificate-data: ${base64('CERT')}, client-key: key.pem}
contexts:
- name: ${name}
  context: {cluster: ${name}, user: ${name}${namespace && `, namespace: ${namespace}`}}
`
}

async function file(path: string, text: string): Promise<string> {
  const whole = join(dir, path)
  await mkdir(join(whole, '..'), { recursive: true })
  await writeFile(whole, text)
  return whole
}

test('the flag wins over $KUBECONFIG, that over $DAVIT_HOME, that over ~/.kube/config', async () => {
  const flag = await file('order/flag', config('flag'))
  const listed = await file('order/listed', config('listed'))
  await file('order/home/.davit/kubeconfig', config('davit'))
  await file('order/home/.kube/config', config('kube'))
  await file('order/other/kubeconfig', config('other'))
  const HOME = join(dir, 'order/home')
  const current = async (explicit: string | undefined, env: Record<string, string>) =>
    (await loadKubeconfig(explicit, env)).config['current-context']
  assert.equal(await current(flag, { HOME, KUBECONFIG: listed }), 'flag')
  assert.equal(await current(undefined, { HOME, KUBECONFIG: listed }), 'listed')
  assert.equal(await current(undefined, { HOME, DAVIT_HOME: join(dir, 'order/other') }), 'other')
  assert.equal(await current(undefined, { HOME }), 'davit')
  await rm(join(HOME, '.davit'), { recursive: true })
  assert.equal(await current(undefined, { HOME }), 'kube')
})

test('several files are one, the first that says something wins, and paths are relative to their own file', async () => {
  const one = await file('merge/a/one', config('one'))
  const two = await file('merge/b/two', config('two', { namespace: 'web' }))
  await file('merge/b/key.pem', 'KEY OF TWO')
  const loaded = await loadKubeconfig(undefined, { KUBECONFIG: `${one}:${join(dir, 'merge/none')}:${two}` })
  assert.deepEqual(
    loaded.config.contexts?.map(({ name }) => name),
    ['one', 'two'],
  )
  assert.equal(loaded.config['current-context'], 'one')
  assert.equal(loaded.writeTo, one)
  const connection = await resolveConnection(loaded, { context: 'two' })
  assert.deepEqual(connection, {
    server: 'https://two:6443',
    servers: ['https://two:6443'],
    certificateAuthority: 'CA',
    certificate: 'CERT',
    key: 'KEY OF TWO',
    namespace: 'web',
  })
})

test('what is missing is said, with what to do', async () => {
  await assert.rejects(loadKubeconfig(join(dir, 'nope'), {}), /stat .*nope: no such file or directory/)
  const none = await loadKubeconfig(undefined, { HOME: join(dir, 'empty') })
  await assert.rejects(
    resolveConnection(none),
    /No kubeconfig found, looked for .*\.davit\/kubeconfig and .*\nStart a cluster with "npm run up"/,
  )
  const path = await file('missing/config', config('a', { current: '' }))
  const loaded = await loadKubeconfig(path, {})
  await assert.rejects(resolveConnection(loaded), /has no current-context; choose one with --context/)
  await assert.rejects(resolveConnection(loaded, { context: 'b' }), /^Error: context "b" does not exist$/)
  const broken = await file('missing/broken', 'clusters: [')
  await assert.rejects(loadKubeconfig(broken, {}), /error loading config file ".*broken": .* at line 1, column/)
})

test('a saved kubeconfig is readable by its owner alone, and is shown without secrets', async () => {
  const path = join(dir, 'saved', 'config')
  await saveKubeconfig(path, { contexts: [{ name: 'a', context: { cluster: 'c' } }], users: [{ name: 'u', user: { token: 'secret' } }] })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.match(await readFile(path, 'utf8'), /token: secret/)
  const { config: saved } = await loadKubeconfig(path, {})
  assert.equal(redact(saved).users?.[0]?.user.token, 'REDACTED')
})

test('the servers that were learned stand behind the one kubectl knows, unless a flag asks for one', async () => {
  const text = makeKubeconfig({
    server: 'https://lb:6443',
    servers: ['https://a:6443', 'https://b:6443'],
    ca: 'CA',
    certificate: 'C',
    key: 'K',
  })
  const loaded = await loadKubeconfig(await file('servers', text), {})
  assert.deepEqual((await resolveConnection(loaded)).servers, ['https://lb:6443', 'https://a:6443', 'https://b:6443'])
  assert.deepEqual((await resolveConnection(loaded, { server: 'b:6443' })).servers, ['https://b:6443'])
})
