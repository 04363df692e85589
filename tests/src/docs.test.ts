/** The documentation is true as far as a program can tell: links lead somewhere, and what programs say of themselves is what they say. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Page {
  path: string
  /** Without what stands in code blocks. */
  text: string
}

const pages: Page[] = [ROOT, join(ROOT, 'docs')].flatMap(dir =>
  readdirSync(dir)
    .filter(file => file.endsWith('.md'))
    .map(file => ({ path: join(dir, file), text: withoutBlocks(readFileSync(join(dir, file), 'utf8')) })),
)

function withoutBlocks(text: string): string {
  return text.replace(/^( *)```.*?^\1```$/gms, '')
}

/** Anchors as GitHub makes them of headings. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutBlocks(readFileSync(path, 'utf8')).matchAll(/^#+ +(.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

function brokenLinks({ path, text }: Page): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return []
    const [file = '', anchor] = target.split('#')
    const linked = file === '' ? path : resolve(dirname(path), file)
    const isBroken = !existsSync(linked) || (anchor !== undefined && !anchorsOf(linked).has(anchor))
    return isBroken ? [`${relative(ROOT, path)} links to ${target}`] : []
  })
}

test('every link inside the documentation leads to a file and a heading that exist', () => {
  assert.ok(pages.length >= 10)
  assert.deepEqual(pages.flatMap(brokenLinks), [])
})

test('what is generated is up to date', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'docs/generate.mjs'), '--check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('every page of the documentation is listed where readers begin', () => {
  const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8')
  const missing = pages
    .map(({ path }) => relative(join(ROOT, 'docs'), path))
    .filter(path => !path.startsWith('..') && path !== 'README.md' && !index.includes(`(${path})`))
  assert.deepEqual(missing, [])
})
