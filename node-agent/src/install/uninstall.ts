/** Takes an installed agent away, and all that it made. */
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { LAYOUT } from './layout.ts'
import { findService } from './service.ts'

export interface UninstallOptions {
  readonly dataDir: string
  /** Where data of claims lies, which only `cleanUp` may take away. */
  readonly claims: string
  /** Takes away what is in Docker and in the kernel. */
  readonly cleanUp: () => Promise<void>
}

/** Leaves no trace but Docker itself, the images in it, and the data of claims that `cleanUp` has left, whose directories it gives. What cannot be taken away is told at the end; the rest is gone, and it can be run again. */
export async function uninstall({ dataDir, claims, cleanUp }: UninstallOptions): Promise<{ kept: string[] }> {
  const service = await findService()
  await service.stop()
  await service.unregister()
  // The identity says what in Docker is ours: while that cannot be reached, it stays.
  await cleanUp()
  const kept = await claimsIn(claims)
  for (const path of [LAYOUT.config, LAYOUT.token, LAYOUT.log, `${LAYOUT.log}.1`, '/run/davit-node-agent.pid'])
    await rm(path, { force: true })
  if (kept.length === 0) await rm(dataDir, { recursive: true, force: true })
  else await removeAllBut(claims, dataDir)
  for (const dir of [LAYOUT.configDir, LAYOUT.stateDir]) await removeIfEmpty(dir)
  for (const path of [LAYOUT.previousExecutable, `${LAYOUT.executable}.new`, `${LAYOUT.executable}.davit-part`, LAYOUT.executable])
    await rm(path, { force: true })
  return { kept }
}

/** Directories of claims. None when `claims` is not there; what cannot be read may hold data, and must not look like nothing. */
export async function claimsIn(claims: string): Promise<string[]> {
  const names = await readdir(claims).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return []
    throw err
  })
  return names.filter(name => !name.startsWith('.')).map(name => join(claims, name))
}

/** Empties `dir` of everything but `kept`, whether that is given relative or absolute. */
export async function removeAllBut(kept: string, dir: string): Promise<void> {
  for (const name of await readdir(dir))
    if (resolve(dir, name) !== resolve(kept)) await rm(join(dir, name), { recursive: true, force: true })
}

async function removeIfEmpty(dir: string): Promise<void> {
  const entries = await readdir(dir).catch(() => undefined)
  if (entries?.length === 0) await rmdir(join(dir))
}
