import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'

let made: Promise<string> | undefined

/** A folder of this process for keys and archives, on disk; gone when the process ends. */
export function scratch(): Promise<string> {
  made ??= mkdtemp('/var/tmp/davit-testbed-').then(dir => {
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
    return dir
  })
  return made
}

/** The path of `name` in this process's folder. */
export const scratchFile = async (name: string): Promise<string> => join(await scratch(), name)
