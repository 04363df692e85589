/**
 * Runs the compiled tests with Node's own runner. `fast`: all that need no Docker, those against a real etcd among them. `system`:
 * whole clusters on real Docker hosts, one file after the other, for they share the machine's network. `all`: both.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const WORKSPACES = ['api', 'control-plane', 'node-agent', 'cli', 'deploy', 'tests', 'bench']

function testFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.js'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

function run(files: readonly string[], concurrency: number): boolean {
  if (files.length === 0) throw new Error('Found no tests to run; is the build complete?')
  const args = ['--enable-source-maps', '--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...files]
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status === 0
}

const which = process.argv[2] ?? 'all'
if (!['fast', 'system', 'all'].includes(which)) throw new Error(`Cannot run "${which}": want fast, system or all`)
const all = WORKSPACES.flatMap(workspace => testFiles(join(ROOT, workspace, 'dist')))
const isSystem = (file: string) => file.endsWith('.system.test.js') || file.endsWith('.docker.test.js')

let passed = true
if (which !== 'system')
  passed = run(
    all.filter(file => !isSystem(file)),
    2,
  )
if (which !== 'fast' && passed) passed = run(all.filter(isSystem), 1)
process.exitCode = passed ? 0 : 1
