import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { claimsIn, removeAllBut } from './uninstall.ts'

test('uninstall() keeps the data of claims, however its directory is written', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-uninstall-'))
  t.after(() => rm(dir, { recursive: true }))
  const claims = join(dir, 'claims')
  assert.deepEqual(await claimsIn(claims), [])
  for (const path of ['claims/a', 'claims/.new', 'pods/p']) await mkdir(join(dir, path), { recursive: true })
  assert.deepEqual(await claimsIn(claims), [join(claims, 'a')])
  await removeAllBut(claims, relative('.', dir))
  assert.deepEqual(await readdir(dir), ['claims'])
  assert.deepEqual((await readdir(claims)).sort(), ['.new', 'a'])
})

test('uninstall() does not take claims that cannot be read for none', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-uninstall-'))
  t.after(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'claims'), '')
  await assert.rejects(claimsIn(join(dir, 'claims')), { code: 'ENOTDIR' })
})
