import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedSubPath } from './sub-path.ts'

test('checkedSubPath() refuses what an expression could lead out of the volume with', () => {
  assert.throws(() => checkedSubPath('/tmp'), { message: 'error SubPath `/tmp` must not be an absolute path' })
  for (const path of ['..', 'a/../b', 'a/..'])
    assert.throws(() => checkedSubPath(path), { message: `unable to provision SubPath \`${path}\`: must not contain '..'` })
  for (const path of ['a', 'a/b', '..a', 'a..', './a']) checkedSubPath(path)
})
