/** Backups of a real control plane, made by the real CLI under load, and brought back by `control-plane restore` at another address. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type ConfigMap,
  configMapKind,
  connectHttp,
  isReason,
  type Namespace,
  namespaceKind,
  PATHS,
  secretKind,
  startInformer,
} from '@davit/api'
import { type CommandResult, command } from '@davit/deploy'
import { clustersCertificate } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { until } from './until.ts'

const CLI = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url))
const CONTROL_PLANE = fileURLToPath(new URL('../../../control-plane/dist/main.js', import.meta.url))
const LOG = { debug() {}, info() {}, warn() {}, error() {} }
const run = (program: string, args: readonly string[], options = {}): Promise<CommandResult> =>
  command(process.execPath, [program, ...args], { allowFailure: true, timeoutMs: 60_000, ...options })

describe('backups', () => {
  let dir: string
  let passphraseFile: string
  let controlPlane: ControlPlane
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'davit-test-backup-'))
    passphraseFile = join(dir, 'passphrase')
    await writeFile(passphraseFile, 'correct horse battery staple\n')
    controlPlane = await startControlPlane()
  })
  after(async () => {
    await controlPlane?.[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })

  const davit = (args: readonly string[], options = {}) => run(CLI, [...args, '--kubeconfig', controlPlane.kubeconfig], options)
  const create = async (to: string) => {
    const made = await davit(['backup', 'create', '--to', to, '--passphrase-file', passphraseFile])
    assert.equal(made.code, 0, made.stderr)
    return made.stdout.trim()
  }

  it('holds every write that was acknowledged before it began, and comes back whole at another address', async () => {
    const { client } = controlPlane
    await client
      .resource(secretKind)
      .create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden', namespace: 'default' }, stringData: { word: 'sesame' } })
    const load = startWriters(controlPlane)
    await until('some writes', () => load.acknowledged.size > 300)
    const expected = new Set(load.acknowledged)
    const archive = await create(join(dir, 'under-load.backup'))
    const attempts = await load.stop()
    assert.equal((await readFile(archive)).includes('sesame'), false)
    const clusterId = await clusterIdOf(controlPlane)
    const lastVersion = (await client.resource(configMapKind).list({ namespace: 'default' })).metadata.resourceVersion ?? ''
    await controlPlane.kill()

    const dataDir = await mkdtemp(join(tmpdir(), 'davit-test-restored-'))
    const args = ['restore', '--data-dir', dataDir, '--archive', archive, '--passphrase-file', passphraseFile]
    const restored = await run(CONTROL_PLANE, args)
    assert.equal(restored.code, 0, restored.stderr)
    assert.match(restored.stdout, new RegExp(`Restored cluster ${clusterId}`))
    await using again = await startControlPlane({ dataDir })
    assert.notEqual(again.port, controlPlane.port)
    assert.equal(await clusterIdOf(again), clusterId)
    assert.equal(again.certificateAuthority, controlPlane.certificateAuthority, 'whoever trusted it before still does')
    const { items } = await again.client.resource(configMapKind).list({ namespace: 'default' })
    const present = new Set(items.map(({ metadata }) => metadata.name))
    const lost = [...expected].filter(name => !present.has(name))
    assert.deepEqual(lost, [], `${lost.length} of ${expected.size} acknowledged writes are lost`)
    assert.deepEqual(
      [...present].filter(name => name?.startsWith('w-') && !attempts.has(name)),
      [],
      'nothing is there that was never written',
    )
    const hidden = await again.client.resource(secretKind).get({ name: 'hidden', namespace: 'default' })
    assert.equal(Buffer.from(hidden.data?.word ?? '', 'base64').toString(), 'sesame')

    const second = await run(CONTROL_PLANE, args)
    assert.equal(second.code, 1)
    assert.match(second.stderr, /holds data already/)
    await relistsFromTheFuture(again, lastVersion)
    await controlPlane.start()
  })

  it('is for system:masters only', async () => {
    const ask = {
      method: 'POST',
      path: PATHS.backup,
      body: JSON.stringify({ passphrase: 'correct horse battery staple' }),
      headers: { 'content-type': 'application/json' },
    }
    const node = await clustersCertificate(controlPlane, '/O=system:nodes/CN=system:node:n1')
    assert.equal((await controlPlane.ask(ask, node)).code, 403)
    const controllers = await clustersCertificate(controlPlane, '/O=system:davit:controllers/CN=system:davit:controllers')
    assert.equal((await controlPlane.ask(ask, controllers)).code, 403)
    assert.notEqual((await controlPlane.ask(ask, 'nobody')).code, 200)
    assert.equal((await controlPlane.ask(ask)).code, 200)
  })

  it('refuses what makes no good archive, naming what is wrong', async () => {
    const post = (body: unknown) =>
      controlPlane.ask({ method: 'POST', path: PATHS.backup, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    for (const [body, why] of [
      [{}, /wanted \{/],
      [{ passphrase: 'short' }, /5 characters, wanted at least 12/],
      [{ key: 'AAAA' }, /wanted 32/],
      [{ passphrase: 'correct horse battery', key: 'x' }, /wanted/],
    ] as const) {
      const answer = await post(body)
      assert.equal(answer.code, 400)
      assert.match(answer.text, why)
    }
    const args = ['backup', 'create', '--passphrase-file', passphraseFile, '--to']
    for (const [to, why] of [
      ['/nowhere/at/all', /Cannot use "\/nowhere\/at\/all.*": there is no such folder/],
      ['ftp://x/y', /wanted a folder or s3:\/\/bucket\/prefix/],
      ['s3://bucket', /AWS_ACCESS_KEY_ID/],
    ] as const) {
      const failed = await davit([...args, to])
      assert.equal(failed.code, 1)
      assert.match(failed.stderr, why)
    }
  })

  it('is told from a damaged one, from one cut off, and from another’s', async () => {
    const archive = await create(`${dir}/`)
    assert.match(archive, /davit-[0-9a-f-]{36}-\d{8}T\d{6}Z\.backup$/)
    const bytes = await readFile(archive)
    const damaged = Buffer.from(bytes)
    damaged[bytes.length >> 1]! ^= 1
    const other = join(dir, 'other-passphrase')
    await writeFile(other, 'correct horse battery stable')
    for (const [content, secret, why] of [
      [damaged, passphraseFile, /is damaged|truncated or damaged/],
      [bytes.subarray(0, -70_000), passphraseFile, /truncated/],
      [bytes.subarray(0, 100), passphraseFile, /truncated: it ends within its header/],
      [bytes, other, /the passphrase is wrong/],
      [Buffer.from('hello, this is not an archive'), passphraseFile, /no archive of Davit/],
    ] as const) {
      const file = join(dir, 'bad')
      await writeFile(file, content)
      const into = await mkdtemp(join(dir, 'into-'))
      const failed = await davit(['backup', 'restore', file, '--into', into, '--passphrase-file', secret])
      assert.equal(failed.code, 1)
      assert.match(failed.stderr, why)
      assert.deepEqual(await readdir(into), [], 'nothing is left of it')
    }
    const into = join(dir, 'good')
    const good = await davit(['backup', 'restore', archive, '--into', into, '--passphrase-file', passphraseFile])
    assert.equal(good.code, 0, good.stderr)
    assert.deepEqual((await readdir(into)).sort(), ['etcd', 'manifest.json', 'pki'])
    for (const name of ['ca.pem', 'service-account.key', 'encryption-keys.json'])
      assert.equal(await readFile(join(into, 'pki', name), 'utf8'), await readFile(join(controlPlane.dataDir, 'pki', name), 'utf8'))
    const listed = await davit(['backup', 'list', '--from', dir])
    assert.match(listed.stdout, new RegExp(archive.split('/').at(-1) ?? ''))
    const deleted = await davit(['backup', 'delete', archive.split('/').at(-1) ?? '', '--from', dir])
    assert.equal(deleted.code, 0, deleted.stderr)
    await assert.rejects(readFile(archive))
  })

  it('is made by the control plane on schedule', async () => {
    const folder = join(dir, 'scheduled')
    const bad = await davit(['backup', 'schedule', '61 * * * *', '--to', folder, '--passphrase-file', passphraseFile])
    assert.match(bad.stderr, /the schedule "61 \* \* \* \*" cannot be read/)
    const scheduled = await davit(['backup', 'schedule', '* * * * *', '--to', folder, '--keep', '1', '--passphrase-file', passphraseFile])
    assert.equal(scheduled.code, 0, scheduled.stderr)
    const listed = await until(
      'a backup',
      async () => {
        const { stdout } = await davit(['backup', 'list'])
        return /davit-.*\.backup/.test(stdout) && stdout
      },
      100_000,
    )
    assert.match(listed, /Last success: +\d{4}-.*revision \d+/)
    assert.equal((await readdir(folder)).length, 1)
    const off = await davit(['backup', 'schedule', '--off'])
    assert.equal(off.code, 0)
    assert.match((await davit(['backup', 'list'])).stdout, /No backups are scheduled/)
  })
})

/** Four writers, as fast as they can; what they were told is written. */
function startWriters({ client }: ControlPlane) {
  const acknowledged = new Set<string>()
  const attempted = new Set<string>()
  let going = true
  const write = async (writer: number) => {
    for (let at = 0; going; at++) {
      const name = `w-${writer}-${at}`
      attempted.add(name)
      const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { at: String(at) } }
      await client.resource(configMapKind).create(object)
      acknowledged.add(name)
    }
  }
  const writers = Promise.all([0, 1, 2, 3].map(write))
  return {
    acknowledged,
    stop: async () => {
      going = false
      await writers
      return attempted
    },
  }
}

async function clusterIdOf({ client }: ControlPlane): Promise<string> {
  const { metadata }: Namespace = await client.resource(namespaceKind).get({ name: 'kube-system' })
  return metadata.uid ?? ''
}

/** A version that this etcd has never had: a watch from there is refused with 410, and an informer lists anew. */
async function relistsFromTheFuture({ port, certificateAuthority, credentials, client }: ControlPlane, version: string): Promise<void> {
  const current = (await client.resource(configMapKind).list({ namespace: 'default' })).metadata.resourceVersion ?? ''
  const beyond = String(Math.max(Number(version), Number(current)) + 1000)
  const watch = client.resource(configMapKind).watch({ namespace: 'default', resourceVersion: beyond, signal: AbortSignal.timeout(20_000) })
  await assert.rejects(
    async () => {
      for await (const _ of watch);
    },
    (error: unknown) => isReason(error, 'Expired'),
  )
  const own = connectHttp({ servers: [`https://127.0.0.1:${port}`], certificateAuthority, ...credentials })
  const stop = new AbortController()
  // As one that followed the cluster before it was restored: its first list came from there.
  let lists = 0
  const fromTheFuture: typeof own = {
    ...own,
    resource: kind => {
      const resource = own.resource(kind)
      return {
        ...resource,
        list: async options => {
          const list = await resource.list(options)
          return lists++ === 0 ? { ...list, items: [], metadata: { ...list.metadata, resourceVersion: beyond } } : list
        },
      }
    },
  }
  try {
    const informer = startInformer(fromTheFuture, configMapKind, { namespace: 'default', signal: stop.signal, log: LOG })
    await informer.synced
    await until('the informer to list anew', () => informer.cache.size > 300)
  } finally {
    stop.abort()
    own.close()
  }
}
