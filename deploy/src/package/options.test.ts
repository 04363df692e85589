import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAVIT_VERSION } from '@davit/api'
import { parsePackageOptions } from './options.ts'

test('parsePackageOptions() makes everything when nothing is named', () => {
  assert.deepEqual(parsePackageOptions([]), {
    products: ['agent', 'control-plane', 'cli'],
    archs: ['x64', 'arm64'],
    version: DAVIT_VERSION,
  })
})

test('parsePackageOptions() takes lists, in the order in which things are made', () => {
  assert.deepEqual(parsePackageOptions(['--only', 'cli,agent', '--arch=arm64', '--version', '1.2.3-rc.1']), {
    products: ['agent', 'cli'],
    archs: ['arm64'],
    version: '1.2.3-rc.1',
  })
})

for (const [args, wrong] of [
  [['--only', 'agents'], '--only "agents" must be agent or control-plane or cli'],
  [['--arch', 'amd64'], '--arch "amd64" must be x64 or arm64'],
  [['--arch', ''], '--arch "" must be x64 or arm64'],
  [['--version', 'v1'], '--version "v1" must be like 1.2.3 or 1.2.3-rc.1'],
] as const) {
  test(`parsePackageOptions() refuses ${args.join(' ')}`, () => assert.throws(() => parsePackageOptions(args), { message: wrong }))
}
