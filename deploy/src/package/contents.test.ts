import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { command } from '../command.ts'
import { writeChecksums } from './checksums.ts'
import { publishedManifest } from './cli.ts'
import { packagesOf } from './notices.ts'

test('the published package depends on nothing', () => {
  const own = {
    name: 'davit',
    version: '0.1.0',
    private: true,
    description: 'd',
    license: 'Apache-2.0',
    dependencies: { '@davit/api': '1' },
  }
  const manifest = publishedManifest(own, { version: '1.2.3', engines: { node: '>=20.19' } })
  assert.ok(!('dependencies' in manifest) && !('private' in manifest))
  assert.deepEqual([manifest.name, manifest.version, manifest.engines], ['davit', '1.2.3', { node: '>=20.19' }])
})

test('packagesOf() names each package once, and the innermost of nested ones', () => {
  const inputs = [
    'api/dist/index.js',
    'node_modules/ws/a.js',
    'node_modules/ws/b.js',
    'node_modules/@x/y/z.js',
    'node_modules/a/node_modules/b/c.js',
  ]
  assert.deepEqual(packagesOf(inputs), ['node_modules/@x/y', 'node_modules/a/node_modules/b', 'node_modules/ws'])
})

test('sha256sum accepts the checksums, and tells a file that changed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-checksums-'))
  try {
    await mkdir(join(dir, 'inner'))
    for (const file of ['a', 'inner/b']) await writeFile(join(dir, file), file)
    await writeChecksums(dir)
    await writeChecksums(dir)
    assert.deepEqual((await readFile(join(dir, 'SHA256SUMS'), 'utf8')).match(/\S+$/gm), ['a', 'inner/b'])
    const check = () => command('sh', ['-c', `cd ${dir} && sha256sum --check --status SHA256SUMS`], { allowFailure: true })
    assert.equal((await check()).code, 0)
    await writeFile(join(dir, 'a'), 'other')
    assert.equal((await check()).code, 1)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
