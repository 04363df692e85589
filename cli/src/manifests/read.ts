import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type ManifestObject, parseManifests } from './parse.ts'

export interface ReadOptions {
  /** Also folders below a folder. */
  recursive?: boolean
  /** Read for `-`. */
  stdin: Readable
}

const EXTENSIONS = ['.json', '.yaml', '.yml']
const FETCH_MS_MAX = 30_000

/** All objects of files, folders, URLs and stdin (`-`), in the order given; files of a folder in the order of their names. */
export async function readManifests(sources: readonly string[], { recursive = false, stdin }: ReadOptions): Promise<ManifestObject[]> {
  const found: ManifestObject[] = []
  for (const source of sources) {
    if (source === '-') found.push(...parseManifests(await readAll(stdin), 'STDIN'))
    else if (/^https?:\/\//.test(source)) found.push(...parseManifests(await fetchText(source), source))
    else for (const file of await filesOf(source, recursive)) found.push(...parseManifests(await readFile(file, 'utf8'), file))
  }
  return found
}

async function filesOf(path: string, recursive: boolean): Promise<string[]> {
  let isFolder: boolean
  try {
    isFolder = (await stat(path)).isDirectory()
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`the path "${path}" does not exist`)
    throw new Error(`the path "${path}" cannot be accessed: ${(err as Error).message}`)
  }
  if (!isFolder) return [path]
  const files: string[] = []
  const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const inner = join(path, entry.name)
    if (entry.isDirectory()) {
      if (recursive) files.push(...(await filesOf(inner, true)))
    } else if (EXTENSIONS.some(extension => entry.name.endsWith(extension))) files.push(inner)
  }
  return files
}

async function fetchText(url: string): Promise<string> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS_MAX) })
  } catch (err) {
    const { cause } = err as Error
    throw new Error(`unable to read URL "${url}": ${cause instanceof Error ? cause.message : (err as Error).message}`)
  }
  if (!response.ok)
    throw new Error(
      `unable to read URL "${url}", server reported ${response.status} ${response.statusText}, status code=${response.status}`,
    )
  return response.text()
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
