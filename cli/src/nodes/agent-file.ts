/** Where the agent's executable for a machine is. */
import { execFile } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { machine as ownMachine, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { prepareUpload, type UploadSource } from '../ssh/index.ts'

/** By uname's word. */
export const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64' }

export interface AgentFiles {
  /** Ready to be sent to a machine with this processor, by uname's word; read once. */
  of(machine: string): Promise<UploadSource>
  /** What that one calls itself; undefined when this machine, with another system or processor, cannot run it. */
  versionOf(machine: string): Promise<string | undefined>
}

const VERSION_MS_MAX = 30_000

/** `file`: one for all machines, as `--agent` names it. Otherwise they are in `$DAVIT_AGENTS_DIR`, this package, or the repository. */
export function agentFiles({ file, env }: { file?: string | undefined; env: Readonly<Record<string, string | undefined>> }): AgentFiles {
  const read = new Map<string, Promise<UploadSource>>()
  const versions = new Map<string, Promise<string | undefined>>()
  const of = (machine: string) => once(read, machine, () => find(machine, file, env).then(prepareUpload))
  return {
    of,
    versionOf: machine => once(versions, machine, async () => (canRun(machine) ? askVersion(await of(machine)) : undefined)),
  }
}

function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = made.get(key) ?? make()
  made.set(key, value)
  return value
}

function canRun(machine: string): boolean {
  return platform() === 'linux' && ownMachine() === machine
}

async function askVersion({ gzipped }: UploadSource): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-agent-'))
  try {
    const path = join(dir, 'agent')
    await writeFile(path, await promisify(gunzip)(gzipped), { mode: 0o700 })
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: VERSION_MS_MAX })
    return stdout.trim().split(' ').at(-1) ?? ''
  } catch (cause) {
    throw new Error(`The agent given does not run: ${(cause as Error).message}. Name another with --agent`, { cause })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function find(machine: string, file: string | undefined, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  if (!ARCHITECTURES[machine])
    throw new Error(`There is no agent for processor ${machine}: want ${Object.keys(ARCHITECTURES).join(' or ')}`)
  const name = `node-agent-linux-${ARCHITECTURES[machine]}`
  const own = await packageDir()
  const dirs = [env.DAVIT_AGENTS_DIR, join(own, 'agents'), join(own, '../out')].filter(dir => dir !== undefined)
  const candidates = file ? [file] : dirs.flatMap(dir => [join(dir, name), join(dir, `${name}.gz`)])
  for (const path of candidates) if (await isThere(path)) return path
  if (file) throw new Error(`There is no file "${file}": give --agent the agent's executable`)
  throw new Error(`There is no ${name} in ${dirs.join(', ')}: name it with --agent FILE, or make it with "npm run package"`)
}

/** Of this program: nearer when it is bundled to one file than when it is not. */
async function packageDir(): Promise<string> {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if ((await isThere(join(dir, 'package.json'))) || dir === dirname(dir)) return dir
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
