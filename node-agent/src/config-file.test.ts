import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseSettings, readOptions } from './config-file.ts'
import { UsageError } from './options.ts'

const parse = (text: string, takesToken = false) => parseSettings(text, { path: 'f.yaml', takesToken })

test('parseSettings() reads every form of a setting', async () => {
  assert.deepEqual(await parse('server: https://a:1\nlabel: { a: b, n: 1 }\ntaint: [x:NoSchedule]\nmax-pods: 20\n'), {
    server: ['https://a:1'],
    label: ['a=b', 'n=1'],
    taint: ['x:NoSchedule'],
    'max-pods': '20',
  })
  assert.deepEqual(await parse(''), {})
  assert.deepEqual(await parse('token: x', true), { token: 'x' })
})

for (const [text, message] of [
  ['a: [', /^f\.yaml is not YAML/],
  ['- a', /^f\.yaml must hold "key: value" lines/],
  ['servers: x', /^f\.yaml: servers is no setting: want one of server, ca-hash/],
  ['token: x', /^f\.yaml: token is no setting/],
  ['node-name: [a]', /^f\.yaml: node-name must be text or a number, found \["a"\]/],
  ['label: { a: { b: c } }', /^f\.yaml: label\.a must be text/],
] as const) {
  test(`parseSettings() refuses ${text}`, () =>
    assert.rejects(parse(text), (err: unknown) => err instanceof UsageError && message.test(err.message)))
}

test('readOptions() puts flags above the file, and names what is wrong by where it stands', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'davit-config-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'agent.yaml')
  writeFileSync(file, 'server: https://a:1\nnode-name: Bad_Name\n')
  await assert.rejects(readOptions(['--config', file]), { message: new RegExp(`^${file}: node-name "Bad_Name" cannot be used`) })
  const read = await readOptions(['--config', file, '--node-name', 'good'], { defaults: { 'data-dir': '/d' } })
  assert.ok(typeof read === 'object')
  assert.deepEqual([read.options.nodeName, read.options.dataDir, read.options.servers], ['good', '/d', ['https://a:1']])
  await assert.rejects(readOptions(['--config', join(dir, 'none')]), /--config .*none cannot be read: ENOENT/)
  await assert.rejects(readOptions(['--server', 'https://a', '--taint', 'x']), /--taint "x" must be KEY\[=VALUE\]:EFFECT/)
})
