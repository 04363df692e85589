/** Takes an installed agent away, and all that it made. */
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
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
  for (const path of [LAYOUT.config, LAYOUT.token, LAYOUT.log, `${LAYOUT.log}.1`, '/run/davit-node-agent.pid'])
    await rm(path, { force: true })
  const kept = (await readdir(claims).catch(() => [])).filter(name => !name.startsWith('.')).map(name => join(claims, name))
  if (kept.length === 0) await rm(dataDir, { recursive: true, force: true })
  else
    for (const name of await readdir(dataDir))
      if (join(dataDir, name) !== claims) await rm(join(dataDir, name), { recursive: true, force: true })
  for (const dir of [LAYOUT.configDir, LAYOUT.stateDir]) await removeIfEmpty(dir)
  for (const path of [LAYOUT.previousExecutable, `${LAYOUT.executable}.new`, `${LAYOUT.executable}.davit-part`, LAYOUT.executable])
    await rm(path, { force: true })
  return { kept }
}

async function removeIfEmpty(dir: string): Promise<void> {
  const entries = await readdir(dir).catch(() => undefined)
  if (entries?.length === 0) await rmdir(join(dir))
}
