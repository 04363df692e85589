/** Where the agent's executable for a machine is. */
import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareUpload, type UploadSource } from '../ssh/index.ts'

/** By uname's word. */
export const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64' }

export interface AgentFiles {
  /** Ready to be sent to a machine with this processor, by uname's word; read once. */
  of(machine: string): Promise<UploadSource>
}

/** `file`: one for all machines, as `--agent` names it. Otherwise they are in `$DAVIT_AGENTS_DIR`, this package, or the repository. */
export function agentFiles({ file, env }: { file?: string | undefined; env: Readonly<Record<string, string | undefined>> }): AgentFiles {
  const read = new Map<string, Promise<UploadSource>>()
  return {
    of(machine) {
      const source = read.get(machine) ?? find(machine, file, env).then(prepareUpload)
      read.set(machine, source)
      return source
    },
  }
}

async function find(machine: string, file: string | undefined, env: Readonly<Record<string, string | undefined>>): Promise<string> {
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
