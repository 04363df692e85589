import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readText, replaceFile } from '../../pki/files.ts'
import { ArchiveError } from '../archive-error.ts'

/**
 * Writes the keys of an extracted archive into a pki directory; gives their names. What is there already must be the same, since
 * another cluster's keys may not be overwritten. Throws ArchiveError naming the file.
 */
export async function restorePki(extractedPkiDir: string, pkiDir: string): Promise<string[]> {
  await mkdir(pkiDir, { recursive: true, mode: 0o700 })
  const names = (await readdir(extractedPkiDir)).sort()
  const texts = await Promise.all(names.map(name => readFile(join(extractedPkiDir, name), 'utf8')))
  for (const [at, name] of names.entries()) {
    const present = await readText(join(pkiDir, name))
    if (present !== undefined && present !== texts[at])
      throw new ArchiveError(`"${join(pkiDir, name)}" is another cluster's: restore into an empty directory, or move that one away`)
  }
  for (const [at, name] of names.entries()) await replaceFile(join(pkiDir, name), texts[at] ?? '')
  return names
}
