/** The Node that agents are made of, from npm: one package a processor, fetched once. */
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { command } from '../command.ts'
import { ROOT } from './bundle.ts'
import type { Arch } from './options.ts'

/** Node's licence goes along; both are files. */
export interface NodeBinary {
  readonly executable: string
  readonly licence: string
}

export const NODE_VERSION = '22.23.3'
/** What npm calls the integrity of each package, so that no registry can give another. */
const INTEGRITY: Readonly<Record<Arch, string>> = {
  x64: 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  arm64: 'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
}
const FETCH_MS_MAX = 300_000

/** Fetches it unless it is there; a fetch that broke off leaves nothing that is taken for whole. */
export async function nodeBinary(arch: Arch): Promise<NodeBinary> {
  const name = `node-linux-${arch}`
  const dir = join(ROOT, 'node_modules/.cache/davit', `${name}-${NODE_VERSION}`)
  const found = { executable: join(dir, 'bin/node'), licence: join(dir, 'LICENSE') }
  if (
    await access(found.executable).then(
      () => true,
      () => false,
    )
  )
    return found
  await mkdir(dirname(dir), { recursive: true })
  const work = await mkdtemp(`${dir}-`)
  try {
    await command('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${NODE_VERSION}`], { timeoutMs: FETCH_MS_MAX })
    const archive = join(work, (await readdir(work)).find(file => file.endsWith('.tgz')) ?? '')
    const integrity = `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`
    if (integrity !== INTEGRITY[arch])
      throw new Error(`Cannot use ${name}@${NODE_VERSION} from npm: its integrity is ${integrity}, wanted ${INTEGRITY[arch]}`)
    await command('tar', ['-xzf', archive, '-C', work, 'package/bin/node', 'package/LICENSE'])
    await rm(dir, { recursive: true, force: true })
    await rename(join(work, 'package'), dir)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return found
}
