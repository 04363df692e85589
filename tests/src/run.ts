/**
 * Runs the compiled tests with Node's own runner. `fast`: all that need no Docker, those against a real etcd among them. `docker`:
 * rooms of the agent on one real Docker host. `system`: whole clusters on real Docker hosts. These two run one file after the other,
 * for they share the machine's network. `all`: these three. `long`: those of whole clusters that take minutes each; only when asked for.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withDockerHost } from './docker-host.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const WORKSPACES = ['api', 'control-plane', 'node-agent', 'cli', 'deploy', 'tests', 'bench']
const PHASES = ['fast', 'docker', 'system', 'long'] as const
type Phase = (typeof PHASES)[number]

interface RunOptions {
  concurrency: number
  /** What runs node, such as `nsenter` with its flags. */
  prefix?: readonly string[]
  env?: NodeJS.ProcessEnv
}

function testFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.js'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

function phaseOf(file: string): Phase {
  if (file.endsWith('.system.test.js')) return 'system'
  if (file.endsWith('.long.test.js')) return 'long'
  return file.endsWith('.docker.test.js') ? 'docker' : 'fast'
}

/** Resolves to whether every test passed. */
function runFiles(files: readonly string[], { concurrency, prefix = [], env = {} }: RunOptions): Promise<boolean> {
  const node = [process.execPath, '--enable-source-maps', '--test', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...files]
  const [program = '', ...args] = [...prefix, ...node]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } })
    child.once('error', reject)
    child.once('close', code => resolve(code === 0))
  })
}

function runPhase(phase: Phase, files: readonly string[]): Promise<boolean> {
  if (files.length === 0) throw new Error(`Found no ${phase} tests to run; is the build complete?`)
  if (phase === 'fast') return runFiles(files, { concurrency: 2 })
  if (phase === 'system' || phase === 'long') return runFiles(files, { concurrency: 1 })
  return withDockerHost(({ networkNamespace, socket }) =>
    runFiles(files, {
      concurrency: 1,
      prefix: ['nsenter', `--net=/run/netns/${networkNamespace}`],
      env: { DAVIT_TEST_DOCKER_HOST: `unix://${socket}` },
    }),
  )
}

const wanted = process.argv[2] ?? 'all'
if (wanted !== 'all' && !PHASES.some(phase => phase === wanted)) throw new Error(`Cannot run "${wanted}": want ${PHASES.join(', ')} or all`)
const all = WORKSPACES.flatMap(workspace => testFiles(join(ROOT, workspace, 'dist')))
const phases = PHASES.filter(phase => (wanted === 'all' && phase !== 'long') || wanted === phase)
let passed = true
for (const phase of phases) {
  passed &&= await runPhase(
    phase,
    all.filter(file => phaseOf(file) === phase),
  )
}
process.exitCode = passed ? 0 : 1
