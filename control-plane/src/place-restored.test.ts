import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { placeRestored } from './place-restored.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-place-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const run = (verb: string) => placeRestored([verb, `--restored=${join(dir, 'restored')}`, `--data-dir=${join(dir, 'data')}`])
async function member(where: string, text: string): Promise<void> {
  await mkdir(join(dir, where, 'member'), { recursive: true })
  await writeFile(join(dir, where, 'member', 'db'), text)
}
const data = () => readFile(join(dir, 'data', 'member', 'db'), 'utf8')

test('what was restored becomes the data of a member that has none', async () => {
  await member('restored', 'backup')
  await run('keep')
  assert.equal(await data(), 'backup')
  assert.deepEqual(await readdir(dir), ['data'])
})

test('data that is there stays', async () => {
  await member('data', 'present')
  await member('restored', 'backup')
  await run('keep')
  assert.equal(await data(), 'present')
  assert.deepEqual(await readdir(dir), ['data'])
})

test('what a run that broke off left makes room', async () => {
  await run('discard')
  await member('restored', 'half')
  await run('discard')
  assert.deepEqual(await readdir(dir), [])
  await assert.rejects(run('keep'), /holds nothing that was restored/)
})

test('what is asked for wrongly is refused', async () => {
  await assert.rejects(run('other'), /want discard or keep/)
  await assert.rejects(placeRestored(['keep']), /want discard or keep/)
})
