/** Whose code is in a bundle, and on what terms: each licence asks to be passed on. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from './bundle.ts'

export const NOTICES = 'THIRD-PARTY-LICENSES.txt'
export const AGENT_NOTICES = `node-agent.${NOTICES}`

/** Folders of the packages that bundled files are from, each once, in order; our own are none. */
export function packagesOf(inputs: readonly string[]): string[] {
  const found = inputs.flatMap(input => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [])
  return [...new Set(found)].sort()
}

/** Writes the licences of all packages that `inputs` (paths from the repository's folder) are from, and those `more` names. */
export async function writeNotices(inputs: readonly string[], file: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  const notices = await Promise.all(packagesOf(inputs).map(noticeOf))
  for (const [name, path] of Object.entries(more)) notices.push(`${name}\n\n${(await readFile(path, 'utf8')).trim()}\n`)
  await writeFile(file, notices.join(`\n${'-'.repeat(80)}\n\n`))
}

async function noticeOf(dir: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(ROOT, dir, 'package.json'), 'utf8')) as Record<string, string>
  const licence = (await readdir(join(ROOT, dir))).find(entry => /^licen[cs]e/i.test(entry))
  const text = licence ? (await readFile(join(ROOT, dir, licence), 'utf8')).trim() : `Licensed under ${license}`
  return `${name} ${version} (${license})\n\n${text}\n`
}
