/** Golden files: what each variant is made of, in whole. `UPDATE_GOLDEN=1` writes them anew. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { changedConfig, type InitAnswers, newConfig } from './answers.ts'
import { type ClusterConfig, parseConfig } from './config.ts'
import { isUnchanged, mergeEnvironment, renderFiles } from './files.ts'

const GOLDEN = fileURLToPath(new URL('../../src/compose/golden/', import.meta.url))

/** With a version that stays. */
function configOf(answers: InitAnswers): ClusterConfig {
  return changedConfig(newConfig(answers), { version: '1.2.3', controlPlaneImage: 'davit/control-plane:1.2.3' })
}

const three = configOf({ controlPlanes: ['10.0.0.11', '10.0.0.12', '10.0.0.13'], ssh: ['admin@10.0.0.11'], tlsSans: ['api.example.com'] })
const VARIANTS: Readonly<Record<string, ClusterConfig>> = {
  one: configOf({ controlPlanes: ['10.0.0.11'] }),
  'all-on-one': configOf({ controlPlanes: ['10.0.0.11'], replicas: 3, name: 'prod', balancerPort: 8443 }),
  three,
  'three-one-replaced': changedConfig(three, { replace: 'cp-2=10.0.0.14' }),
  'three-one-of-two-lost-replaced': changedConfig(changedConfig(three, { lost: ['cp-2', 'cp-3'] }), { replace: 'cp-2' }),
}

for (const [name, config] of Object.entries(VARIANTS)) {
  test(`renderFiles(): ${name} is as in golden/${name}`, () => {
    const files = renderFiles(config)
    if (process.env.UPDATE_GOLDEN) {
      rmSync(join(GOLDEN, name), { recursive: true, force: true })
      for (const { path, text } of files) {
        mkdirSync(dirname(join(GOLDEN, name, path)), { recursive: true })
        writeFileSync(join(GOLDEN, name, path), text)
      }
    }
    for (const { path, text } of files) assert.equal(text, readFileSync(join(GOLDEN, name, path), 'utf8'), path)
  })

  test(`parseConfig() reads back the cluster.yaml of ${name}`, () => {
    const [file] = renderFiles(config)
    assert.deepEqual(parseConfig(file!.text, 'cluster.yaml'), config)
  })
}

test('renderFiles() says the same to readers of YAML 1.1 and 1.2', () => {
  for (const { path, text } of Object.values(VARIANTS).flatMap(renderFiles)) {
    if (path.endsWith('.yaml')) assert.deepEqual(parse(text, { version: '1.1' }), parse(text, { version: '1.2' }), path)
  }
})

test('isUnchanged() tells a file that somebody changed by hand', () => {
  const text = renderFiles(three).find(({ path }) => path.endsWith('compose.yaml'))!.text
  assert.equal(isUnchanged(text), true)
  assert.equal(isUnchanged(text.replace('unless-stopped', 'always')), false)
  assert.equal(isUnchanged(''), false)
})

test('mergeEnvironment() keeps what somebody changed, and only that', () => {
  const merged = mergeEnvironment('A=1\nB=1\n', 'A=1\nB=mine\nOWN=x\n', '# new\nA=2\nB=2\nC=2\n')
  assert.equal(merged, '# new\nA=2\nB=mine\nC=2\nOWN=x\n')
})
