/** `control-plane place-restored`: has etcd start from what its tool restored, but only where it has no data yet. */
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stdout } from 'node:process'
import { parseArgs } from 'node:util'

/** `discard|keep --restored DIR --data-dir DIR`, both on one volume. `discard` makes room for the tool. */
export async function placeRestored(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({ args: [...args], options: { restored: text, 'data-dir': text }, allowPositionals: true })
  const { restored, 'data-dir': dataDir } = values
  const [verb] = positionals
  if (!restored || !dataDir || (verb !== 'discard' && verb !== 'keep'))
    throw new Error('want discard or keep, --restored DIR and --data-dir DIR')
  if (verb === 'keep' && !(await hasData(dataDir))) {
    if (!(await hasData(restored))) throw new Error(`"${restored}" holds nothing that was restored`)
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await chmod(dataDir, 0o700)
    // At once or not at all.
    await rename(join(restored, 'member'), join(dataDir, 'member'))
    stdout.write('etcd starts from the backup\n')
  }
  await rm(restored, { recursive: true, force: true })
}

async function hasData(dir: string): Promise<boolean> {
  try {
    return (await readdir(join(dir, 'member'))).length > 0
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw err
  }
}
