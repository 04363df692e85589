/** Rules that a person would repeat in every review. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What a workspace may import of the others. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  api: [],
  'control-plane': ['api'],
  'node-agent': ['api'],
  deploy: ['api'],
  cli: ['api', 'deploy'],
  tests: ['api', 'deploy'],
  bench: ['api', 'deploy'],
}
/** Workspaces whose folders below `src` are rooms with one door. */
const WITH_ROOMS = ['control-plane', 'node-agent']
/** `apiserver` is a storey, not a room: its folders are the rooms. */
const STOREYS = ['apiserver']

interface Source {
  workspace: string
  path: string
  text: string
  imports: string[]
}

const sources: Source[] = Object.keys(ALLOWED).flatMap(workspace =>
  readdirSync(join(ROOT, workspace, 'src'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => {
      const path = join(entry.parentPath, entry.name)
      const text = readFileSync(path, 'utf8')
      const imports = [...text.matchAll(/^(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/gm)].map(
        match => match[1] ?? match[2] ?? '',
      )
      return { workspace, path, text, imports }
    }),
)

const name = (path: string) => relative(ROOT, path)

/** The room a file is in: the path of the folder whose door others use; undefined for files outside rooms. */
function roomOf({ workspace, path }: Pick<Source, 'workspace' | 'path'>): string | undefined {
  const parts = relative(join(ROOT, workspace, 'src'), path).split('/')
  if (parts.length < 2) return undefined
  const isInStorey = STOREYS.includes(parts[0] ?? '')
  if (isInStorey && parts.length === 2) return undefined
  const storey = isInStorey
  return join(workspace, ...parts.slice(0, storey ? 2 : 1))
}

test('a workspace imports only what the picture of the rooms allows', () => {
  const wrong = sources.flatMap(source =>
    source.imports.flatMap(target => {
      const other = target.startsWith('@davit/') ? target.split('/')[1] : target === 'davit' ? 'cli' : undefined
      if (target.startsWith('.')) {
        const outside = !resolve(dirname(source.path), target).startsWith(join(ROOT, source.workspace, 'src'))
        return outside ? [`${name(source.path)} reaches out of its workspace: ${target}`] : []
      }
      if (other === undefined || ALLOWED[source.workspace]?.includes(other)) return []
      return [`${name(source.path)} imports ${target}`]
    }),
  )
  assert.deepEqual(wrong, [])
})

test('other rooms import a room by its door', () => {
  const wrong = sources
    .filter(source => WITH_ROOMS.includes(source.workspace))
    .flatMap(source =>
      source.imports
        .filter(target => target.startsWith('.'))
        .flatMap(target => {
          const path = resolve(dirname(source.path), target)
          const room = roomOf({ workspace: source.workspace, path })
          // What a room offers to tests of others is in a folder of its own.
          const isDoor = /\/(index|types)\.ts$/.test(path) || (/\.test\.ts$/.test(source.path) && path.includes('/testing/'))
          return room !== undefined && room !== roomOf(source) && !isDoor ? [`${name(source.path)} imports ${target}`] : []
        }),
    )
  assert.deepEqual(wrong, [])
})

test('nothing left to do is left in the code', () => {
  const wrong = sources.filter(({ path, text }) => !path.endsWith('tidy.test.ts') && /\b(FIXME|TODO|XXX)\b|\.only\(/.test(text))
  assert.deepEqual(
    wrong.map(source => name(source.path)),
    [],
  )
})

test('no part re-exports everything of another', () => {
  const wrong = sources.filter(({ text }) => /^export \* from/m.test(text))
  assert.deepEqual(
    wrong.map(source => name(source.path)),
    [],
  )
})

test('no deadline is left to chance: `AbortSignal.any` forgets a timeout that nobody else holds', () => {
  const wrong = sources.filter(
    ({ path, text }) => !/(tidy\.test|deadline-signal)\.ts$/.test(path) && /AbortSignal\.any\([^)]*AbortSignal\.timeout/.test(text),
  )
  assert.deepEqual(
    wrong.map(source => name(source.path)),
    [],
  )
})
