import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const CHECKSUMS = 'SHA256SUMS'

/** Writes `SHA256SUMS` of all files in `dir`, as `sha256sum --check` reads it. */
export async function writeChecksums(dir: string): Promise<void> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile() && entry.name !== CHECKSUMS)
    .map(entry => join(entry.parentPath, entry.name).slice(dir.length + 1))
  const lines: string[] = []
  for (const file of files.sort()) lines.push(`${await sha256(join(dir, file))}  ${file}\n`)
  await writeFile(join(dir, CHECKSUMS), lines.join(''))
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
