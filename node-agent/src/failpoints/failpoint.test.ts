import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { failpoint } from './index.ts'
import { failpoints } from './parse.ts'

const MODULE = fileURLToPath(new URL('index.js', import.meta.url))

/** Passes the point `a` three times in a process of its own. */
function pass(value: string) {
  const script = `import { failpoint } from ${JSON.stringify(MODULE)}
    for (let pass = 1; pass <= 3; pass++) {
      try { await failpoint('a'); console.log(pass) } catch (err) { console.log(err.message) }
    }`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, DAVIT_FAILPOINTS: value },
    encoding: 'utf8',
    timeout: 20_000,
  })
}

test('failpoint() does nothing while none is armed', () => {
  assert.equal(failpoint('a'), undefined)
  assert.equal(pass('b=kill').stdout, '1\n2\n3\n')
})

test('failpoint() kills the process at the pass that was asked for', () => {
  const { stdout, stderr, signal } = pass('a=kill:2')
  assert.deepEqual({ stdout, stderr, signal }, { stdout: '1\n', stderr: 'Failpoint a: kill\n', signal: 'SIGKILL' })
})

test('failpoint() throws once, or never ends', () => {
  assert.equal(pass('b=kill,a=error').stdout, 'Failpoint a\n2\n3\n')
  const paused = pass('a=pause:3')
  assert.deepEqual([paused.stdout, paused.signal], ['1\n2\n', null])
})

test('failpoints() refuses what it cannot read', () => {
  for (const text of ['a', 'a=burn', 'a=kill:0', '=kill']) assert.throws(() => failpoints(text), /Cannot read the failpoint/)
})
